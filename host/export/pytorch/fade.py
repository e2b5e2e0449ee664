import torch
import torch.nn.functional as F


def fade(x, rate):
    """x [lags, channels] times exp(-lag softplus(rate))."""
    return x * torch.exp(-torch.arange(len(x), device=x.device)[:, None] * F.softplus(rate))
