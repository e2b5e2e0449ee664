import torch
import torch.nn.functional as F


def decaying_sum(c, b, v, a, bias, past, name):
    """Mamba-2's recurrence: h[t] = exp(-delta) h[t - 1] + delta B[t] V[t]^T and y[t] = C[t] h[t], a head.

    delta = softplus(A[t] + bias), a and bias have a column a head, others are [batch, heads, time, channels of a head].
    A whole sequence is done at once, as a masked product: what s gives to t decays by the deltas behind s.
    """
    delta = F.softplus(a + bias).transpose(1, 2).unsqueeze(-1)  # [batch, heads, time, 1]
    if past is None:
        between = delta.expand(-1, -1, -1, delta.shape[2]).tril(-1).cumsum(2)  # [batch, heads, t, s]
        decay = torch.exp(-between).tril()
        y = (c @ b.transpose(-1, -2) * decay) @ (delta * v)
    else:
        past[name] = torch.exp(-delta) * past.get(name, 0) + b.transpose(-1, -2) @ (delta * v)
        y = c @ past[name]
    return y.transpose(1, 2).flatten(2)
