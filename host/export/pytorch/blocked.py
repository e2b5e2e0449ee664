import torch


def blocked(c, b, span, past):
    """Which rows of b each row of c sees, [time of c, time of b]: earlier ones of its block of `span` tokens."""
    end = (0 if past is None else past.position) + c.shape[1]
    query = torch.arange(end - c.shape[1], end, device=c.device)[:, None]
    key = torch.arange(end - b.shape[1], end, device=c.device)
    return (key <= query) & (key // span == query // span)
