"""The text that every peer trains on: speed does not depend on it, but equal losses show equal work."""

import numpy as np


def random_windows(batch, context):
    """Tokens and targets, int64 [batch, context] each."""
    tokens = np.random.default_rng(1).integers(0, 256, (batch, context + 1))
    return tokens[:, :-1].copy(), tokens[:, 1:].copy()
