def average(weights, v, visible):
    """The mean over the visible tokens of weights V, a head: attention with weights that do not sum to 1."""
    y = (weights * visible) @ v / visible.sum(-1, keepdim=True)
    return y.transpose(1, 2).flatten(2)
