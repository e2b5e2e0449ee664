def scores(c, b):
    """C[t] . B[s] / sqrt(channels) a head, [batch, heads, time of c, time of b]."""
    return c @ b.transpose(-1, -2) / c.shape[-1] ** 0.5
