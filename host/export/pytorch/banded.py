import torch


def banded(c, b, span):
    """Which rows of b each row of c sees, [time of c, time of b]: the last `span`. Both end at one token."""
    queries, keys = c.shape[1], b.shape[1]
    rows = torch.ones(queries, keys, dtype=torch.bool, device=c.device)
    return rows.tril(keys - queries).triu(keys - queries - span + 1)
