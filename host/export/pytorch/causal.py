import torch


def causal(c, b):
    """Which rows of b each row of c sees, [time of c, time of b]: its own and earlier ones. Both end at one token."""
    queries, keys = c.shape[1], b.shape[1]
    return torch.ones(queries, keys, dtype=torch.bool, device=c.device).tril(keys - queries)
