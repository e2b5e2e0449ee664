def heads(x, count, repeat=1):
    """[batch, time, channels] as [batch, heads, time, channels of a head], each head `repeat` times."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2).repeat_interleave(repeat, 1)
