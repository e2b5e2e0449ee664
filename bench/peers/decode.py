"""Speed of decoding in PyTorch: one sequence, one token at a time, with caches, the likeliest token each time.

    python decode.py FOLDER [--mode eager|compile] [--tokens 256] [--threads N]
"""

import argparse
import json
import os
import time

import torch

from decoder import Decoder, decode_greedily
from model import Model

PROMPT = b"The "


def measure(arguments):
    torch.set_num_threads(arguments.threads)
    model = Model(arguments.folder, len(PROMPT) + arguments.tokens)
    decoder = Decoder(model)
    step = torch.compile(decoder.step, dynamic=True) if arguments.mode == "compile" else decoder.step
    decode_greedily(step, PROMPT, 4)
    start = time.perf_counter()
    decode_greedily(step, PROMPT, arguments.tokens)
    seconds = time.perf_counter() - start
    return {"peer": f"PyTorch {torch.__version__}", "mode": arguments.mode, "threads": arguments.threads,
            "tokens": arguments.tokens, "value": (len(PROMPT) + arguments.tokens - 1) / seconds, "unit": "tokens/s"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="with architecture.json and weights.safetensors")
    parser.add_argument("--mode", choices=("eager", "compile"), default="eager")
    parser.add_argument("--tokens", type=int, default=256, help="decoded behind an empty cache")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
