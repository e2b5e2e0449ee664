import argparse
import sys

import torch

from generate import generate


def main(model):
    parser = argparse.ArgumentParser(description="Writes text behind a prompt.")
    parser.add_argument("--prompt", default="\n", help="what the text begins with")
    parser.add_argument("--tokens", type=int, default=200, help="bytes to write; default 200")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest; default 0.8")
    parser.add_argument("--seed", type=int, default=1, help="of the choices; default 1")
    arguments = parser.parse_args()
    prompt = arguments.prompt.encode()
    if not prompt:
        parser.error("the prompt is empty; writing begins behind at least one byte")
    torch.manual_seed(arguments.seed)
    sys.stdout.buffer.write(prompt)
    for byte in generate(model, prompt, arguments.tokens, arguments.temperature):
        sys.stdout.buffer.write(bytes([byte]))
        sys.stdout.buffer.flush()
    sys.stdout.buffer.write(b"\n")
