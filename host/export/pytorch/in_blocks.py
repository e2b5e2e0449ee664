import torch.nn.functional as F


def in_blocks(mix, span, past, name, *inputs):
    """mix(*inputs, past), where tokens see nothing before the beginning of their block of `span` tokens."""
    if past is not None:
        if past.position % span == 0:
            past.pop(name, None)
        return mix(*inputs, past)
    batch, time = inputs[0].shape[:2]
    blocks = [F.pad(x, (0, 0, 0, -time % span)).reshape(-1, span, x.shape[2]) for x in inputs]
    y = mix(*blocks, None)
    return y.reshape(batch, -1, y.shape[2])[:, :time]
