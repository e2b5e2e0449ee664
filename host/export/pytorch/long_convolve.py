import torch

from remember import remember


def long_convolve(x, kernel, past, name):
    """Causal convolution a channel: y[t] = sum over k of kernel[k] x[t - k]; kernel [lags, channels]."""
    if past is None:
        time = x.shape[1]
        spectrum = torch.fft.rfft(x, 2 * time, dim=1) * torch.fft.rfft(kernel[:time], 2 * time, dim=0)
        return torch.fft.irfft(spectrum, 2 * time, dim=1)[:, :time]
    rows = remember(x, past, name, len(kernel))
    return (rows.flip(1) * kernel[:rows.shape[1]]).sum(1, keepdim=True)
