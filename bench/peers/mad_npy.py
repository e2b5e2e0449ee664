"""Writes a MAD task as a folder of arrays, in the layout of the published benchmark: train/inputs.npy, train/targets.npy,
test/inputs.npy, test/targets.npy. Made with NumPy from the description of the tasks (arXiv 2403.17844) and sharing no
code with starcl's generators, so that equal accuracy from both says that both are the same task.

    python bench/peers/mad_npy.py in-context-recall FOLDER
    python bench/peers/mad_npy.py selective-copying FOLDER --seed 2 --examples 6400

Targets that are not counted are -100. In train, in-context-recall counts all next tokens, as published.
"""

import argparse
import pathlib

import numpy as np

IGNORED = -100
SIZES = {"in-context-recall": (16, 128, 12800), "selective-copying": (16, 256, 12800), "memorization": (256, 32, 256)}


def recall(random, count, vocabulary, length, training):
    """Every sequence has its own map from keys to values; the last pair repeats one of them."""
    keys, pairs = vocabulary // 2, length // 2
    maps = random.integers(keys, vocabulary, (count, keys))
    asked = random.integers(0, keys, (count, pairs))
    # The last key is one of those before it, each as likely.
    for row in asked:
        row[-1] = random.choice(np.unique(row[:-1]))
    answers = np.take_along_axis(maps, asked, axis=1)
    whole = np.stack([asked, answers], axis=2).reshape(count, length)
    repeated = np.zeros((count, pairs), bool)
    for pair in range(1, pairs):
        repeated[:, pair] = (asked[:, :pair] == asked[:, pair : pair + 1]).any(axis=1)
    counted = np.stack([np.zeros_like(repeated), repeated], axis=2).reshape(count, length)
    targets = np.where(counted | training, whole, IGNORED)
    return whole[:, :-1], targets[:, 1:]


def copying(random, count, vocabulary, length, training, copied=16):
    """Tokens among blanks, the last of them in front of the marker, then a blank for each that is to be said."""
    blank, marker, front = vocabulary - 2, vocabulary - 1, length - copied - 1
    said = random.integers(0, blank, (count, copied))
    inputs = np.full((count, length), blank)
    targets = np.full((count, length), IGNORED)
    for row in range(count):
        # A blank is put before one of the tokens, each as likely.
        before = np.bincount(random.integers(0, copied, front - copied), minlength=copied)
        inputs[row, np.cumsum(before) + np.arange(copied)] = said[row]
    inputs[:, front] = marker
    targets[:, front + 1 :] = said
    return inputs, targets


def memorization(random, count, vocabulary, length, training):
    """One map for all; it is drawn from a seed of its own, so that train and test have the same."""
    keys = (vocabulary - 1) // 2
    values = np.random.default_rng(99).permutation(np.arange(keys, vocabulary - 1))[:keys]
    asked = random.integers(0, keys, (count, length // 2))
    hidden = np.full_like(asked, vocabulary - 1)
    targets = np.stack([np.full_like(asked, IGNORED), values[asked]], axis=2)
    return np.stack([asked, hidden], axis=2).reshape(count, length), targets.reshape(count, length)


TASKS = {"in-context-recall": recall, "selective-copying": copying, "memorization": memorization}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", type=int)
    parser.add_argument("--length", type=int)
    parser.add_argument("--examples", type=int, help="in train, of which starcl takes the last tenth for validation")
    arguments = parser.parse_args()
    vocabulary, length, examples = SIZES[arguments.task]
    for part, count in (("train", arguments.examples or examples), ("test", 1280)):
        random = np.random.default_rng([arguments.seed, part == "test"])
        inputs, targets = TASKS[arguments.task](
            random, count, arguments.vocabulary or vocabulary, arguments.length or length, part == "train"
        )
        (arguments.folder / part).mkdir(parents=True, exist_ok=True)
        np.save(arguments.folder / part / "inputs.npy", inputs)
        np.save(arguments.folder / part / "targets.npy", targets)


if __name__ == "__main__":
    main()
