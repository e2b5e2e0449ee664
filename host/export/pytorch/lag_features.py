import torch


def lag_features(lags, like):
    """Sines and cosines of pi lag / 2^i, [lags, 32], for a net that makes a convolution's kernel."""
    angles = torch.pi * torch.arange(lags, dtype=torch.float64)[:, None] / 2.0 ** torch.arange(16, dtype=torch.float64)
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1).to(like)
