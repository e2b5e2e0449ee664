import torch


def rotate(x, heads, past):
    """Rotary positions: channels i and i + half of a head turn by position / 10000^(i / half)."""
    first, half = 0 if past is None else past.position, x.shape[-1] // heads // 2
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.arange(first, first + x.shape[1])[:, None, None] * frequencies  # [time, 1, half]
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    a, b = x.unflatten(-1, (heads, 2, half)).unbind(-2)
    return torch.stack((a * cos - b * sin, b * cos + a * sin), -2).flatten(2)
