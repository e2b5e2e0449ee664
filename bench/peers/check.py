"""Does the PyTorch model compute what starcl computes? For each class of the catalogue, on this machine's device.

    python check.py [--starcl PATH] [GENOME...]

starcl trains a small model of a genome on a text so short that every training window is the same; its states before
and behind one more step are then known, and PyTorch must agree on
    loss      of the last state on the validation text (difference in nats),
    gradient  as AdamW's mean after one more step shows it (largest difference, relative to the tensor's largest),
    weights   after that step (largest difference, relative to the learning rate, which bounds a step),
    evaluate  bits a byte of another text, in windows that slide over it (difference),
    text      the likeliest bytes behind a prompt, decoded with caches (how many of them agree).
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from decoder import Decoder, decode_greedily
from model import Model, make_optimiser, train_step

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ("SA-1", "SA-2", "SA-3", "Rec-1", "Rec-2", "GConv-1", "GConv-2", "GMemless", "SA-1d", "SA-2d", "SA-3d",
           "Rec-1d", "Rec-2d", "GConv-1d", "GConv-2d")
CONTEXT, BATCH, STEPS, RATE, TOKENS = 128, 4, 20, 3e-3, 200
EVALUATED, STRIDE = 3001, 48
PROMPT = "The "
LARGEST = {"loss": 1e-5, "evaluate": 1e-5, "gradient": 1e-3, "weights": 1e-2}


def gene(number):
    """A LIV of this class that shares nothing."""
    return f"{number}1111" if number < 10 else f"{number}.1.1.1.1"


def class_genome(number):
    """The class twice with SwiGLU between, the second time with shared keys and values."""
    feature_sharing = f"{number}1112" if number < 10 else f"{number}.1.1.1.2"
    return f"{feature_sharing}-81111-{feature_sharing}"


class Failure(Exception):
    pass


def call(*command):
    outcome = subprocess.run([str(word) for word in command], capture_output=True)
    if outcome.returncode != 0:
        raise Failure(outcome.stderr.decode(errors="replace").strip().splitlines()[-1])
    return outcome.stdout


def write_text(path):
    """Three windows of context + 1 bytes: one to train on, one to validate, and one for the test."""
    path.write_bytes((ROOT / "README.md").read_bytes()[200:200 + 3 * (CONTEXT + 1)])
    return path.read_bytes()


def windows(text):
    """Tokens and targets, [batch, context], of the only training window; then of the only validation window."""
    bytes_of = torch.tensor(list(text)).view(3, 1, CONTEXT + 1).expand(-1, BATCH, -1)
    return [(part[:, :-1].contiguous(), part[:, 1:].contiguous()) for part in bytes_of[:2]]


def train(starcl, genome, text, folder):
    """The training states after STEPS and after one step more, and the validation loss of the last, in nats."""
    settings = {"data.path": text, "data.validation": 1 / 3, "data.test": 1 / 3, "model.width": 64, "model.depth": genome.count("-") + 1,
                "model.context": CONTEXT, "model.head_channels": 16, "train.batch": BATCH, "train.steps": STEPS,
                "train.warmup": 0, "train.final_rate": 1.0, "train.learning_rate": RATE, "train.validation_batches": 1}
    assignments = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    config = ROOT / "configs" / "quickstart.cfg"
    call(starcl, "train", genome, "--config", config, "--out", folder, "--quiet", *assignments)
    before = load_file(folder / "training.safetensors")
    call(starcl, "train", "--resume", "--out", folder, "--quiet", "--set", f"train.steps={STEPS + 1}")
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    bits = [event["bits_per_byte"] for event in events if event["event"] == "evaluated"][-1]
    return before, load_file(folder / "training.safetensors"), bits * math.log(2)


def set_state(model, optimiser, state):
    with torch.no_grad():
        for name, weight in model.named_weights():
            weight.copy_(state["parameter." + name])
            optimiser.state[weight] = {"step": torch.tensor(float(STEPS)), "exp_avg": state["mean." + name].clone(),
                                       "exp_avg_sq": state["variance." + name].clone()}


def bits_per_byte(model, text):
    """Byte i is predicted by the first window that has it: all of window 0's, the last STRIDE of the others."""
    count = math.ceil((len(text) - 1 - CONTEXT) / STRIDE) + 1
    padded = torch.tensor(list(text) + [0] * (count * STRIDE + CONTEXT - len(text)))
    with torch.inference_mode():
        logits = model.run(padded.unfold(0, CONTEXT, STRIDE)[:count])[0].double().view(count, CONTEXT, -1)
    bits = 0.0
    for i in range(1, len(text)):
        window = max(0, math.ceil((i - CONTEXT) / STRIDE))
        row = logits[window, i - 1 - window * STRIDE]
        bits += (row.logsumexp(0) - row[text[i]]).item() / math.log(2)
    return bits / (len(text) - 1)


def largest_difference(a, b):
    return (a - b).abs().max().item()


def check(starcl, genome, folder):
    text = write_text(folder / "text")
    before, behind, starcl_loss = train(starcl, genome, folder / "text", folder / "out")
    (tokens, targets), validation = windows(text)
    model = Model(folder / "out", CONTEXT)
    with torch.inference_mode():
        loss = model(*validation).item()
    optimiser = make_optimiser(model, RATE)
    set_state(model, optimiser, before)
    train_step(model, model, optimiser, tokens, targets)
    gradient = weights = 0.0
    for name, weight in model.named_weights():
        mean = behind["mean." + name]
        gradient = max(gradient, largest_difference(optimiser.state[weight]["exp_avg"], mean) /
                       mean.abs().max().clamp(min=1e-12).item())
        weights = max(weights, largest_difference(weight.detach(), behind["parameter." + name]) / RATE)
    score = json.loads(call(starcl, "evaluate", folder / "out", "--on", ROOT / "README.md", "--bytes", EVALUATED, "--stride",
                            STRIDE, "--json"))
    bits = bits_per_byte(Model(folder / "out", CONTEXT), (ROOT / "README.md").read_bytes()[:EVALUATED])
    theirs = call(starcl, "generate", folder / "out", "--prompt", PROMPT, "--temperature", "0", "--tokens", TOKENS,
                  "--weights", "float32")
    decoder = Decoder(Model(folder / "out", len(PROMPT) + TOKENS))
    ours = decode_greedily(decoder.step, PROMPT.encode(), TOKENS)
    return {"loss": abs(loss - starcl_loss), "gradient": gradient, "weights": weights,
            "evaluate": abs(bits - score["bits_per_byte"]), "text": agreeing(ours, theirs.removeprefix(PROMPT.encode()))}


def agreeing(a, b):
    """How many bytes agree from the beginning on."""
    for i in range(TOKENS):
        if a[i:i + 1] != b[i:i + 1]:
            return i
    return TOKENS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starcl", default=ROOT / "build" / "release" / "starcl", help="the program")
    parser.add_argument("genomes", nargs="*", help="instead of one for each class")
    arguments = parser.parse_args()
    work = [(genome, genome) for genome in arguments.genomes] or [
        (name, class_genome(number)) for number, name in enumerate(CLASSES, 1)]
    failed = False
    print(f"{'':12}{'loss':>12}{'gradient':>12}{'weights':>12}{'evaluate':>12}{'text':>12}")
    for name, genome in work:
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = check(arguments.starcl, genome, Path(folder))
            except (Failure, NotImplementedError) as problem:
                print(f"{name:12}failed: {problem}")
                failed = True
                continue
        good = result["text"] == TOKENS and all(result[key] <= most for key, most in LARGEST.items())
        failed |= not good
        print(f"{name:12}{result['loss']:12.1e}{result['gradient']:12.1e}{result['weights']:12.1e}{result['evaluate']:12.1e}"
              f"{result['text']:8d}/{TOKENS}  {'ok' if good else 'DIFFERS'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
