import torch.nn.functional as F

from with_earlier import with_earlier


def convolve(x, taps, past, name):
    """Causal convolution a channel: y[t] = sum over k of taps[k] x[t - k]; taps [kernel, channels]."""
    rows = with_earlier(x, len(taps) - 1, past, name)
    weight = taps.flip(0).t().unsqueeze(1)  # [channels, 1, kernel], the oldest first
    return F.conv1d(rows.transpose(1, 2), weight, groups=x.shape[2]).transpose(1, 2)
