"""How many evaluations do starcl's NSGA-II and pymoo's need for a whole front?

    python problems.py [--program PATH] [--json FILE]

LOTZ (leading ones, trailing zeros) and OneMinMax (ones, zeros) of 20 bits, with 21 points on the front of either
(Laumanns, Thiele and Zitzler, IEEE TEC 8(2), 2004; Giel and Lehre, ECJ 18(3), 2010). Population 84, which is four times
the front: what NSGA-II is proven to keep it with (Zheng, Liu and Doerr, AAAI 2022). Both have tournaments of 2,
two-point crossover, flip each bit with probability 1/20, and evaluate no individual that equals one of the population.
Counted is until the population holds the whole front, at the end of a generation; at most 60,000.

tests/evolve/problems.c is starcl's side, and what it must not need more than; --program is that test.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.operators.crossover.pntx import TwoPointCrossover
from pymoo.operators.mutation.bitflip import BitflipMutation
from pymoo.operators.sampling.rnd import BinaryRandomSampling
from pymoo.version import __version__ as pymoo_version

from fronts import processor

ROOT = Path(__file__).resolve().parents[2]
BITS = 20
POPULATION = 84
BUDGET = 60_000
SEEDS = range(1, 31)


def lotz(bits):
    """Leading ones, trailing zeros."""
    return np.column_stack([np.cumprod(bits, axis=1).sum(axis=1),
                            np.cumprod(1 - bits[:, ::-1], axis=1).sum(axis=1)])


def one_min_max(bits):
    ones = bits.sum(axis=1)
    return np.column_stack([ones, BITS - ones])


class Bits(Problem):
    def __init__(self, values):
        super().__init__(n_var=BITS, n_obj=2, xl=0, xu=1, vtype=bool)
        self.values = values

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = -self.values(x.astype(int)).astype(float)


def pymoo_evaluations(values, seed):
    algorithm = NSGA2(pop_size=POPULATION, sampling=BinaryRandomSampling(), crossover=TwoPointCrossover(prob=1.0),
                      mutation=BitflipMutation(prob=1.0, prob_var=1 / BITS), eliminate_duplicates=True)
    algorithm.setup(Bits(values), termination=("n_eval", BUDGET), seed=seed, verbose=False)
    front = {(-i, i - BITS) for i in range(BITS + 1)}
    while algorithm.has_next():
        algorithm.next()
        if front <= set(map(tuple, algorithm.pop.get("F").astype(int).tolist())):
            return algorithm.evaluator.n_eval
    return None


def starcl_evaluations(program):
    """By problem, as the test prints them."""
    result = subprocess.run([program], capture_output=True, text=True)
    rows = re.findall(r"^ *(\S+), seed \d+: (\d+|not found)", result.stdout, re.MULTILINE)
    return {name: [None if value == "not found" else int(value) for other, value in rows if other == name]
            for name, _ in rows}


def summary(evaluations):
    found = [value for value in evaluations if value is not None]
    return {"found": len(found), "median": statistics.median(found) if found else None, "evaluations": evaluations}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "release" / "tests" / "test_evolve_problems")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    result = {"processor": processor(), "pymoo": pymoo_version, "bits": BITS, "population": POPULATION,
              "seeds": len(SEEDS), "problems": {}}
    ours = starcl_evaluations(arguments.program)
    good = True
    for name, values in (("lotz", lotz), ("one-min-max", one_min_max)):
        theirs = summary([pymoo_evaluations(values, seed) for seed in SEEDS])
        own = summary(ours.get(name, []))
        good &= own["found"] == len(SEEDS) and own["median"] <= theirs["median"]
        result["problems"][name] = {"starcl": own, "pymoo": theirs}
        print(f"{name:12} starcl {own['found']}/{len(SEEDS)} median {own['median']}, "
              f"pymoo {theirs['found']}/{len(SEEDS)} median {theirs['median']}", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
