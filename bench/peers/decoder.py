"""Decoding one token at a time in PyTorch, with what earlier tokens left in tensors that are allocated once.

Keys and values of attention are caches of a value of the graph, so layers that share features share one. Everything
else that looks back keeps a state of its own operator.
"""

import math

import torch
import torch.nn.functional as F

from operators import attend, delta_of, require_causal, require_softmax, rotate, rotary_tables
from scan import decay_rates


class Rotary:
    def __init__(self, decoder, node):
        self.heads = node.attributes["heads"]
        self.cos, self.sin = rotary_tables(node.attributes["head_columns"], decoder.capacity)

    def __call__(self, position, x):
        return rotate(x, self.heads, self.cos[position], self.sin[position])


class Attention:
    def __init__(self, decoder, node):
        require_softmax(node.attributes)
        self.heads = node.attributes["heads"]
        self.b_cache = decoder.cache(node.inputs[1], node.attributes["b_heads"])
        self.v_cache = decoder.cache(node.inputs[2], node.attributes["v_heads"])

    def __call__(self, position, c, b, v):
        keys, values = self.b_cache[:, :, :position + 1], self.v_cache[:, :, :position + 1]
        return attend(c.view(1, self.heads, 1, -1), keys, values, causal=False).flatten().unsqueeze(0)


class LinearAttention:
    def __init__(self, decoder, node):
        require_causal(node.attributes)
        self.attributes = node.attributes
        dot, columns = (decoder.columns(node.inputs[i]) // node.attributes[heads] for i, heads in
                        ((0, "c_heads"), (2, "v_heads")))
        self.state = torch.zeros(node.attributes["heads"], dot, columns)

    def expand(self, x, name):
        x, heads = x.view(self.attributes[name], -1), self.attributes["heads"]
        return x if len(x) in (1, heads) else x.repeat_interleave(heads // len(x), 0)

    def __call__(self, position, c, b, v, a=None, bias=None):
        c, b, v = self.expand(c, "c_heads"), self.expand(b, "b_heads"), self.expand(v, "v_heads")
        if a is not None:
            delta = delta_of(a, bias).view(-1, 1)
            self.state.mul_(torch.exp(-delta).unsqueeze(-1))
            v = delta * v
        self.state.add_(b.unsqueeze(-1) * v.unsqueeze(-2))
        y = (c.unsqueeze(-2) @ self.state).flatten().unsqueeze(0)
        return y / (math.sqrt(c.shape[-1]) * (position + 1)) if self.attributes.get("mean") else y


class Semiseparable:
    def __init__(self, decoder, node):
        require_causal(node.attributes)
        self.rates = decay_rates(node.attributes["state"])
        self.state = torch.zeros(node.attributes["state"], decoder.columns(node.inputs[3]))

    def __call__(self, position, a, b, c, v, bias):
        delta = delta_of(a, bias)
        self.state.mul_(torch.exp(self.rates * delta)).addcmul_(b.t(), delta * v)
        return c @ self.state


class Window:
    """The last `kernel` rows of x, the newest first."""

    def __init__(self, kernel, columns):
        self.rows = torch.zeros(kernel, columns)

    def push(self, x):
        self.rows.copy_(torch.cat((x, self.rows[:-1])))
        return self.rows


class Convolution:
    def __init__(self, decoder, node):
        self.window = Window(*decoder.shape(node.inputs[1]))

    def __call__(self, position, x, taps):
        return (self.window.push(x) * taps).sum(0, keepdim=True)


class Toeplitz:
    def __init__(self, decoder, node):
        require_causal(node.attributes)
        self.window = Window(*decoder.shape(node.inputs[3]))

    def __call__(self, position, c, b, v, taps):
        return c * (self.window.push(b * v) * taps).sum(0, keepdim=True)


class Unfold:
    def __init__(self, decoder, node):
        require_causal(node.attributes)
        self.window = Window(node.attributes["kernel"], decoder.columns(node.inputs[0]))

    def __call__(self, position, x):
        return self.window.push(x).view(1, -1)


class LongConvolution:
    """Keeps the past from the end of a buffer on, so that the newest row meets the kernel's first one."""

    def __init__(self, decoder, node):
        require_causal(node.attributes)
        self.past = torch.zeros(decoder.capacity, decoder.columns(node.inputs[0]))

    def __call__(self, position, x, kernel):
        first = len(self.past) - 1 - position
        self.past[first] = x[0]
        return (self.past[first:] * kernel[:position + 1]).sum(0, keepdim=True)


STEPS = {"rotary": Rotary, "low_rank": Attention, "linear_attention": LinearAttention, "semiseparable": Semiseparable,
         "convolution": Convolution, "toeplitz": Toeplitz, "unfold": Unfold, "long_convolution": LongConvolution}


class Decoder:
    """Decodes one sequence of at most model.reach tokens."""

    def __init__(self, model):
        self.model, self.capacity = model, model.reach
        self.caches, self.values = {}, [None] * len(model.names)
        for place, weight in zip(model.places, model.weights):
            self.values[place] = weight.detach()
        self.prepare_nodes()

    def shape(self, value):
        return self.model.architecture["values"][value]["shape"]

    def columns(self, value):
        return self.shape(value)[1]

    def cache(self, value, heads):
        """Past rows of a value, [1, heads, capacity, channels of a head]."""
        if value not in self.caches:
            self.caches[value] = torch.zeros(1, heads, self.capacity, self.columns(value) // heads)
        return self.caches[value]

    def prepare_nodes(self):
        """Runs nodes that no token reaches (kernels made by nets) and makes the steps of the others."""
        changing, self.steps = {self.model.architecture["tokens"]}, []
        for node in self.model.nodes:
            if node.operator == "cross_entropy":
                continue
            if not changing.intersection(node.inputs):
                with torch.inference_mode():
                    self.values[node.output] = node.function(*[self.values[v] for v in node.inputs])
                continue
            changing.add(node.output)
            step = STEPS[node.operator](self, node) if node.operator in STEPS else None
            self.steps.append((step, node))

    def step(self, token, position):
        """Logits [1, vocabulary] behind the token, an int64 tensor [1], at `position`, counted from 0."""
        values = self.values
        values[self.model.architecture["tokens"]] = token
        for step, node in self.steps:
            inputs = [values[v] for v in node.inputs]
            y = step(position, *inputs) if step else node.function(*inputs)
            values[node.output] = y
            if node.output in self.caches:
                cache = self.caches[node.output]
                cache[0, :, position] = y.view(cache.shape[1], -1)
        return values[self.model.architecture["logits"]]


@torch.inference_mode()
def decode_greedily(step, prompt, count):
    """The `count` likeliest bytes behind the prompt."""
    logits = None
    for position, byte in enumerate(prompt):
        logits = step(torch.tensor([byte]), position)
    written = []
    for position in range(len(prompt), len(prompt) + count):
        token = logits.argmax(-1)
        written.append(token.item())
        if len(written) < count:
            logits = step(token, position)
    return bytes(written)
