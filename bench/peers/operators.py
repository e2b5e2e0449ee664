"""starcl's operators over whole sequences in PyTorch, each as fast as plain PyTorch allows.

Activations are [batch, time, channels]. `OPERATORS[name](attributes, reach)` returns the function of a node of
architecture.json; `reach` is the largest number of tokens. Masks other than causal do not occur in the catalogue's
classes and are refused.
"""

import math

import torch
import torch.nn.functional as F

from scan import scan

CAUSAL, SOFTMAX = 1, 2
NONLINEARITIES = {1: lambda x: x, 3: torch.sigmoid, 4: F.relu, 5: F.silu}
EPSILON = 1e-5
ROTARY_BASE = 10000.0
LAG_FEATURES = 32
CHUNK = 64  # tokens that linear attention takes as a dense block


def require_causal(attributes):
    if attributes.get("mask", CAUSAL) != CAUSAL:
        raise NotImplementedError("only causal masks are implemented")


def stateless(function):
    """An operator without attributes."""
    return lambda attributes, reach: function


def rms_norm(x, gain):
    return F.rms_norm(x, x.shape[-1:], gain, EPSILON)


def linear(attributes, reach):
    groups = attributes.get("groups", 1)

    def multiply(x, weight):
        if groups <= 1:
            return x @ weight
        return torch.einsum("...gi,gio->...go", x.unflatten(-1, (groups, -1)),
                            weight.unflatten(0, (groups, -1))).flatten(-2)

    return lambda x, weight, *residual: sum(residual, multiply(x, weight))


def scaled_add(attributes, reach):
    if attributes.get("negative"):
        return lambda a, b, factors: torch.addcmul(a, b, factors, value=-1)
    return lambda a, b, factors: torch.addcmul(a, b, factors)


def gate(attributes, reach):
    nonlinearity = NONLINEARITIES[attributes["nonlinearity"]]
    return lambda c, v: nonlinearity(c) * v


def repeat_columns(attributes, reach):
    return lambda x: x.repeat_interleave(attributes["repeat"], -1)


def shift(x, lag):
    """x[t - lag], zero before the first token."""
    return F.pad(x, (0, 0, lag, -lag)) if lag else x


def convolve(x, taps):
    """Causal depthwise convolution; taps [kernel, channels], the first for the token itself."""
    kernel, channels = taps.shape
    weight = taps.flip(0).t().unsqueeze(1)
    return F.conv1d(F.pad(x.transpose(1, 2), (kernel - 1, 0)), weight, groups=channels).transpose(1, 2)


def toeplitz(attributes, reach):
    require_causal(attributes)
    return lambda c, b, v, taps: c * convolve(b * v, taps)


def unfold(attributes, reach):
    require_causal(attributes)
    return lambda x: torch.cat([shift(x, lag) for lag in range(attributes["kernel"])], -1)


def rotary_tables(head_columns, reach):
    """Cosines and sines, [reach, 1, head_columns / 2] each."""
    half = head_columns // 2
    frequencies = ROTARY_BASE ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.arange(reach, dtype=torch.float64)[:, None, None] * frequencies
    return angles.cos().float(), angles.sin().float()


def rotate(x, heads, cos, sin):
    a, b = x.unflatten(-1, (heads, 2, -1)).unbind(-2)
    return torch.stack((a * cos - b * sin, b * cos + a * sin), -2).flatten(-3)


def rotary(attributes, reach):
    cos, sin = rotary_tables(attributes["head_columns"], reach)
    return lambda x: rotate(x, attributes["heads"], cos[:x.shape[1]], sin[:x.shape[1]])


def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(c, b, v, causal):
    """Softmax attention over [batch, heads, time, channels]; heads of b and v are shared where they are fewer."""
    heads = c.shape[1]
    if b.shape[1] != v.shape[1]:
        b, v = (x.repeat_interleave(heads // x.shape[1], 1) for x in (b, v))
    return F.scaled_dot_product_attention(c, b, v, is_causal=causal, enable_gqa=b.shape[1] != heads)


def require_softmax(attributes):
    require_causal(attributes)
    if attributes["nonlinearity"] != SOFTMAX:
        raise NotImplementedError("only softmax attention is implemented")


def low_rank(attributes, reach):
    require_softmax(attributes)
    heads, b_heads, v_heads = (attributes[name] for name in ("heads", "b_heads", "v_heads"))

    def apply(c, b, v):
        y = attend(split_heads(c, heads), split_heads(b, b_heads), split_heads(v, v_heads), causal=True)
        return y.transpose(1, 2).flatten(-2)
    return apply


def delta_of(a, bias):
    """softplus without the threshold from which PyTorch takes it as linear."""
    return F.softplus(a + bias, threshold=80)


def semiseparable(attributes, reach):
    require_causal(attributes)

    def apply(a, b, c, v, bias):
        delta = delta_of(a, bias)
        return scan(delta, delta * v, b, c)[0]
    return apply


def chunked_attention(c, b, x, log_decay):
    """y_t = sum over s <= t of exp(sum of log_decay behind s, up to t) (C_t . B_s) x_s, chunk by chunk.

    The block form of Mamba-2 (Dao and Gu, 2024): inside a chunk a masked dense product, between chunks a state. All
    are [batch, heads, time, columns], log_decay [batch, heads, time], with c and b of fewer heads broadcast.
    """
    time = x.shape[2]
    padding = -time % CHUNK
    c, b, x = (F.pad(y, (0, 0, 0, padding)).unflatten(2, (-1, CHUNK)) for y in (c, b, x))
    cumulative = F.pad(log_decay, (0, padding)).unflatten(2, (-1, CHUNK)).cumsum(-1)
    visible = torch.ones(CHUNK, CHUNK, dtype=torch.bool).tril()
    between = (cumulative.unsqueeze(-1) - cumulative.unsqueeze(-2)).masked_fill(~visible, -math.inf).exp()
    y = (c @ b.transpose(-1, -2) * between) @ x
    last = cumulative[..., -1:]
    added = (b.transpose(-1, -2) @ (x * (last - cumulative).exp().unsqueeze(-1))).unbind(2)
    state, before = torch.zeros_like(added[0]), []
    for keep, new in zip(last.exp().unsqueeze(-1).unbind(2), added):
        before.append(state)
        state = keep * state + new
    y = y + c @ torch.stack(before, 2) * cumulative.exp().unsqueeze(-1)
    return y.flatten(2, 3)[:, :, :time]


def linear_attention(attributes, reach):
    """Attention without nonlinearity: with a decay a head (a, bias), or without as a mean over the tokens seen."""
    require_causal(attributes)
    heads, shared = attributes["heads"], [attributes[name] for name in ("c_heads", "b_heads", "v_heads")]

    def expand(x, own):
        x = split_heads(x, own)
        return x if own in (1, heads) else x.repeat_interleave(heads // own, 1)

    def apply(c, b, v, a=None, bias=None):
        c, b, v = (expand(x, own) for x, own in zip((c, b, v), shared))
        if a is None:
            log_decay = c.new_zeros(c.shape[0], heads, c.shape[2])
        else:
            delta = delta_of(a, bias).transpose(1, 2)
            v, log_decay = delta.unsqueeze(-1) * v, -delta
        y = chunked_attention(c, b, v, log_decay)
        if attributes.get("mean"):
            y = y / (math.sqrt(c.shape[-1]) * torch.arange(1, c.shape[2] + 1, dtype=torch.float32)[:, None])
        return y.transpose(1, 2).flatten(-2)
    return apply


def lag_features(attributes, reach):
    limit = attributes.get("lags", 0)
    lags = torch.arange(min(limit, reach) if limit else reach, dtype=torch.float64)[:, None]
    angles = math.pi * lags / 2.0 ** torch.arange(LAG_FEATURES // 2, dtype=torch.float64)
    features = torch.stack((angles.sin(), angles.cos()), -1).flatten(-2).float()
    return lambda: features


def fade(x, rate):
    lags = torch.arange(x.shape[0], dtype=torch.float32)[:, None]
    return x * torch.exp(-lags * F.softplus(rate, threshold=80))


def long_convolution(attributes, reach):
    """Through the FFT, as implementations of Hyena do."""
    require_causal(attributes)

    def apply(x, kernel):
        time = x.shape[1]
        spectrum = torch.fft.rfft(x, 2 * time, dim=1) * torch.fft.rfft(kernel[:time], 2 * time, dim=0)
        return torch.fft.irfft(spectrum, 2 * time, dim=1)[:, :time]
    return apply


def cross_entropy(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


OPERATORS = {
    "embedding": stateless(F.embedding), "rms_norm": stateless(rms_norm), "linear": linear,
    "add": stateless(torch.add), "scale": stateless(torch.mul), "scaled_add": scaled_add,
    "repeat_columns": repeat_columns, "convolution": stateless(convolve), "unfold": unfold, "rotary": rotary,
    "gate": gate, "low_rank": low_rank, "linear_attention": linear_attention, "toeplitz": toeplitz,
    "lag_features": lag_features, "sine": stateless(torch.sin), "fade": stateless(fade),
    "long_convolution": long_convolution, "semiseparable": semiseparable, "cross_entropy": stateless(cross_entropy),
}
