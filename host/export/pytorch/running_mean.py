import torch


def running_mean(c, b, v, past, name):
    """Linear attention: the mean over the tokens so far of (C[t] . B[s]) V[s] / sqrt(channels), a head.

    Inputs are [batch, heads, time, channels of a head]. While decoding, a state is the sum of B[s] V[s]^T.
    """
    if past is None:
        y = (c @ b.transpose(-1, -2)).tril() @ v
        seen = torch.arange(1, c.shape[2] + 1, device=c.device)[:, None]
    else:
        past[name] = past.get(name, 0) + b.transpose(-1, -2) @ v
        y, seen = c @ past[name], past.position + 1
    return (y / (c.shape[-1] ** 0.5 * seen)).transpose(1, 2).flatten(2)
