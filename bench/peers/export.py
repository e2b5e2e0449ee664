"""Does what `starcl export` writes compute what starcl computes?

    python export.py [--starcl PATH] [--genomes N] [--device N] [--json FILE] [GENOME...]

Checkpoints with random weights of the fifteen classes, each with shared keys and values, and of N random genomes of
the whole space, at all levels; or of the genomes that are named. Of each, starcl's reference in double precision and
the exported module give logits behind every byte of a text: largest differences, relative to the largest logit,
    whole     of one sequence,
    decoded   a token a step, with the module's memory,
    cache     whose bytes in the end must be those that starcl reports.
For the first of the classes and of the random genomes (--device) so do starcl's kernels, and there is
    device    the largest difference to what the device computes, whole and decoded,
    evaluate  and the difference to `starcl evaluate`, in bits a byte.

`peer_logits` is built with the tests: cmake --preset release -DBUILD_TESTING=ON, and then its target.
"""

import argparse
import importlib.util
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from check import CLASSES, Failure, class_genome

ROOT = Path(__file__).resolve().parents[2]
BYTES = 48  # a multiple of the block, so that states of blocks are full
EVALUATED, CONTEXT, STRIDE = 301, 32, 12
VOCABULARY = 256
LARGEST = 1e-4


def call(*command, text=b""):
    outcome = subprocess.run([str(word) for word in command], input=text, capture_output=True)
    if outcome.returncode != 0:
        raise Failure(outcome.stderr.decode(errors="replace").strip().splitlines()[-1])
    return outcome.stdout


def logits_of(content):
    return torch.from_numpy(np.frombuffer(content, dtype=np.float32).copy()).view(-1, BYTES, VOCABULARY)


def load(folder):
    specification = importlib.util.spec_from_file_location("exported", folder / "model.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.load(module.Model())


def difference(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def decode(model, tokens):
    """Logits of each step, and the bytes of what is kept but for kernels, which depend on no token."""
    memory = model.start()
    logits = torch.cat([model(tokens[:, i:i + 1], memory) for i in range(tokens.shape[1])], 1)
    kept = sum(value.numel() for past in memory for name, value in past.items() if not name.startswith("kernel"))
    return logits[0], 4 * kept


def bits_per_byte(model, text):
    """As starcl evaluate: byte i by the first window that has it."""
    bits, counted = 0.0, 0
    for window in range(math.ceil((len(text) - 1 - CONTEXT) / STRIDE) + 1):
        part = torch.tensor([list(text[window * STRIDE:window * STRIDE + CONTEXT + 1])])
        losses = -model(part[:, :-1]).double().log_softmax(-1).gather(2, part[:, 1:].unsqueeze(-1)).flatten()
        skipped = 0 if window == 0 else CONTEXT - STRIDE
        bits += losses[skipped:].sum().item() / math.log(2)
        counted += len(losses[skipped:])
    assert counted == len(text) - 1
    return bits / counted


def compare_device(starcl, logits, folder, model, text, whole, decoded):
    theirs = logits_of(call(logits, "run", folder / "made", text=text))
    long_text = (ROOT / "README.md").read_bytes()[:EVALUATED]
    (folder / "text").write_bytes(long_text)
    score = json.loads(call(starcl, "evaluate", folder / "made", "--on", folder / "text", "--context", CONTEXT,
                            "--stride", STRIDE, "--json"))
    return {"device": max(difference(whole, theirs[0]), difference(decoded, theirs[1])),
            "evaluate": abs(bits_per_byte(model, long_text) - score["bits_per_byte"])}


@torch.inference_mode()
def compare(starcl, logits, genome, seed, with_device, folder):
    text = (ROOT / "README.md").read_bytes()[200:200 + BYTES]
    content = call(logits, "make", folder / "made", seed, *genome, text=text)
    theirs = logits_of(content[8:])[0]
    call(starcl, "export", folder / "made", "--to", "pytorch", "-o", folder / "exported")
    model = load(folder / "exported")
    tokens = torch.tensor([list(text)])
    whole = model(tokens)[0]
    decoded, kept = decode(model, tokens)
    result = {"genome": json.loads((folder / "made" / "architecture.json").read_text())["genome"],
              "whole": difference(whole, theirs), "decoded": difference(decoded, theirs),
              "cache": kept - int.from_bytes(content[:8], "little")}
    if with_device:
        result |= compare_device(starcl, logits, folder, model, text, whole, decoded)
    return result


def is_good(result):
    differences = [result.get(key, 0) for key in ("whole", "decoded", "device", "evaluate")]
    return all(difference <= LARGEST for difference in differences) and result["cache"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    build = ROOT / "build" / "release"
    parser.add_argument("--starcl", type=Path, default=build / "starcl", help="the program")
    parser.add_argument("--logits", type=Path, default=build / "tests" / "peer_logits", help="peer_logits")
    parser.add_argument("--genomes", type=int, default=60, help="random ones; default 60")
    parser.add_argument("--device", type=int, default=5, help="so many of each run on the device too; default 5")
    parser.add_argument("--json", type=Path, help="a file for the results")
    parser.add_argument("named", nargs="*", metavar="GENOME", help="instead of the classes and random ones")
    arguments = parser.parse_args()
    classes = [(name, [class_genome(number)], number) for number, name in enumerate(CLASSES, 1)]
    drawn = [(f"random {seed}", [], seed) for seed in range(1, arguments.genomes + 1)]
    work = [(genome, [genome], 1) for genome in arguments.named] or classes + drawn
    results = []
    print(f"{'':12}{'whole':>10}{'decoded':>10}{'cache':>8}{'device':>10}{'evaluate':>10}")
    for name, genome, seed in work:
        with_device = bool(arguments.named) or seed <= arguments.device
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = compare(arguments.starcl, arguments.logits, genome, seed, with_device, Path(folder))
            except Failure as problem:
                result = {"genome": " ".join(genome), "failed": str(problem)}
        results.append({"name": name} | result)
        if "failed" in result:
            print(f"{name:12}failed: {result['failed']}", flush=True)
            continue
        device = f"{result['device']:10.1e}{result['evaluate']:10.1e}" if with_device else f"{'':20}"
        verdict = "ok" if is_good(result) else f"DIFFERS  {result['genome']}"
        print(f"{name:12}{result['whole']:10.1e}{result['decoded']:10.1e}{result['cache']:8d}{device}  {verdict}",
              flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0 if all("failed" not in result and is_good(result) for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
