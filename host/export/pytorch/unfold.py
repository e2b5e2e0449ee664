import torch

from with_earlier import with_earlier


def unfold(x, kernel, past, name):
    """x[t], x[t - 1], ... side by side, so that a product with them is a convolution over all channels."""
    rows = with_earlier(x, kernel - 1, past, name)
    return torch.cat([rows[:, kernel - 1 - k:rows.shape[1] - k] for k in range(kernel)], -1)
