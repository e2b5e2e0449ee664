import torch.nn.functional as F


def attend(c, b, v, visible):
    """Softmax attention with queries c, keys b and values v, [batch, heads, time, channels of a head]."""
    y = F.scaled_dot_product_attention(c, b, v, attn_mask=visible)
    return y.transpose(1, 2).flatten(2)
