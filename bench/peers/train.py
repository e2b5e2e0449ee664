"""Speed of a training step in PyTorch: forward, backward, clipping and AdamW on an architecture of starcl.

    python train.py FOLDER [--mode eager|compile] [--batch 16] [--context 256] [--threads N] [--seconds 5]
"""

import argparse
import json
import os
import time

import torch

from model import Model, make_optimiser, train_step
from work import random_windows


def measure(arguments):
    torch.set_num_threads(arguments.threads)
    model = Model(arguments.folder, arguments.context)
    loss_of = torch.compile(model) if arguments.mode == "compile" else model
    optimiser = make_optimiser(model, 1e-4)
    tokens, targets = (torch.from_numpy(x) for x in random_windows(arguments.batch, arguments.context))
    start = time.perf_counter()
    first_loss = train_step(model, loss_of, optimiser, tokens, targets).item()
    train_step(model, loss_of, optimiser, tokens, targets)
    warming = time.perf_counter() - start
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < arguments.seconds:
        train_step(model, loss_of, optimiser, tokens, targets)
        steps += 1
    seconds = (time.perf_counter() - start) / steps
    return {"peer": f"PyTorch {torch.__version__}", "mode": arguments.mode, "threads": arguments.threads,
            "batch": arguments.batch, "context": arguments.context, "steps": steps, "first_loss": first_loss,
            "warming_s": warming, "step_s": seconds, "value": arguments.batch * arguments.context / seconds,
            "unit": "tokens/s"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="with architecture.json and weights.safetensors")
    parser.add_argument("--mode", choices=("eager", "compile"), default="eager")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=5, help="how long to measure, behind two steps that are not")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
