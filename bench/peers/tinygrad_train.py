"""Speed of a training step in tinygrad on an OpenCL device: what else trains through OpenCL.

    python tinygrad_train.py FOLDER [--batch 16] [--context 256] [--seconds 5]

The step is that of train.py (forward, backward, clipping to norm 1, AdamW), captured by TinyJit. Operators are those of
Transformer++ and short convolutions; recurrences are missing, because tinygrad unrolls loops over tokens. The device
is DEV (default CL); BEAM=2 in the environment makes tinygrad search for faster kernels first.
"""

import argparse
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("DEV", "CL")
os.environ["TRAINING"] = "1"  # lets optimisers step

import numpy as np
from tinygrad import Device, Tensor, TinyJit, dtypes, nn
from tinygrad.nn.state import safe_load

from work import random_windows

CAUSAL, SOFTMAX = 1, 2
NONLINEARITIES = {1: lambda x: x, 3: Tensor.sigmoid, 4: Tensor.relu, 5: Tensor.silu}


def rms_norm(node, x, gain):
    return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * gain


def rotary(node, x):
    half = node["head_columns"] // 2
    angles = np.arange(x.shape[1])[:, None, None] * 10000.0 ** (-np.arange(half) / half)
    cos, sin = Tensor(np.cos(angles).astype(np.float32)), Tensor(np.sin(angles).astype(np.float32))
    y = x.reshape(*x.shape[:2], node["heads"], 2, half)
    a, b = y[:, :, :, 0], y[:, :, :, 1]
    return Tensor.stack(a * cos - b * sin, b * cos + a * sin, dim=3).reshape(x.shape)


def low_rank(node, *features):
    if node["nonlinearity"] != SOFTMAX or node["mask"] != CAUSAL:
        raise NotImplementedError("only causal softmax attention is implemented")
    heads = [node[name] for name in ("heads", "b_heads", "v_heads")]
    c, b, v = (x.reshape(*x.shape[:2], own, -1).transpose(1, 2).repeat_interleave(heads[0] // own, 1)
               for x, own in zip(features, heads))
    return c.scaled_dot_product_attention(b, v, is_causal=True).transpose(1, 2).flatten(2)


def convolution(node, x, taps):
    padded, time = x.pad((None, (taps.shape[0] - 1, 0), None)), x.shape[1]
    return sum(taps[k] * padded[:, taps.shape[0] - 1 - k:taps.shape[0] - 1 - k + time] for k in range(taps.shape[0]))


OPERATORS = {
    "embedding": lambda node, tokens, table: table[tokens],
    "rms_norm": rms_norm,
    "linear": lambda node, x, weight, *residual: sum(residual, x @ weight),
    "add": lambda node, a, b: a + b,
    "rotary": rotary,
    "gate": lambda node, c, v: NONLINEARITIES[node["nonlinearity"]](c) * v,
    "low_rank": low_rank,
    "convolution": convolution,
    "toeplitz": lambda node, c, b, v, taps: c * convolution(node, b * v, taps),
    "cross_entropy": lambda node, logits, targets: logits.sparse_categorical_crossentropy(targets),
}


class Model:
    """The graph of architecture.json with its weights."""

    def __init__(self, folder):
        self.architecture = json.loads((Path(folder) / "architecture.json").read_text())
        missing = {node["operator"] for node in self.architecture["nodes"]} - OPERATORS.keys()
        if missing:
            raise SystemExit(f"tinygrad_train.py has no operator {', '.join(sorted(missing))}")
        weights = safe_load(str(Path(folder) / "weights.safetensors"))
        self.weights = {v: weights[value["name"]].to(Device.DEFAULT).realize()
                        for v, value in enumerate(self.architecture["values"]) if value["role"] == "parameter"}

    def loss(self, tokens, targets):
        values = {**self.weights, self.architecture["tokens"]: tokens, self.architecture["targets"]: targets}
        for node in self.architecture["nodes"]:
            values[node["outputs"][0]] = OPERATORS[node["operator"]](node, *[values[v] for v in node["inputs"]])
        return values[self.architecture["loss"]]


def make_optimiser(model, rate):
    """AdamW as starcl has it: a learning rate for each parameter; weight decay on matrices alone, by the common rate."""
    groups = {}
    for v, weight in model.weights.items():
        decays = len(weight.shape) > 1 and min(weight.shape) > 1
        groups.setdefault((model.architecture["values"][v]["rate"], decays), []).append(weight)
    return nn.optim.OptimizerGroup(*[
        nn.optim.AdamW(weights, lr=rate * multiple, b1=0.9, b2=0.95, eps=1e-8,
                       weight_decay=0.1 / multiple if decays else 0.0)
        for (multiple, decays), weights in groups.items()])


def make_step(model, optimiser):
    @TinyJit
    def step(tokens, targets):
        optimiser.zero_grad()
        loss = model.loss(tokens, targets)
        loss.backward()
        # contiguous() ends a kernel: without it each element of each weight computes the whole norm again.
        norm = Tensor.stack(*[w.grad.square().sum().contiguous() for w in optimiser.params]).sum().sqrt()
        scale = (1.0 / norm.maximum(1.0)).contiguous()
        for w in optimiser.params:
            w.grad = w.grad * scale
        return loss.realize(*optimiser.schedule_step())
    return step


def measure(arguments):
    model = Model(arguments.folder)
    step = make_step(model, make_optimiser(model, 1e-4))
    tokens, targets = (Tensor(x, dtype=dtypes.int32).realize()
                       for x in random_windows(arguments.batch, arguments.context))
    start = time.perf_counter()
    first_loss = step(tokens, targets).item()
    step(tokens, targets)  # the second call captures
    step(tokens, targets).item()
    warming = time.perf_counter() - start
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < arguments.seconds:
        step(tokens, targets).item()
        steps += 1
    seconds = (time.perf_counter() - start) / steps
    return {"peer": f"tinygrad {version('tinygrad')} {Device.DEFAULT}", "batch": arguments.batch,
            "context": arguments.context, "steps": steps, "first_loss": first_loss, "warming_s": warming,
            "step_s": seconds, "value": arguments.batch * arguments.context / seconds, "unit": "tokens/s"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="with architecture.json and weights.safetensors")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5, help="how long to measure, behind three steps that are not")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
