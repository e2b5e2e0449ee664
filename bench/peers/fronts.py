"""Are starcl's hypervolumes and fronts those of pymoo?

    python fronts.py [--program PATH] [--json FILE]

100 random fronts in 2 to 5 dimensions, with points that are dominated, doubled or beyond the reference: hypervolume,
as the largest relative difference. 100 random populations of 2 to 5 objectives, half of them with ties, in which some
individuals break limits: pymoo's RankAndCrowding lets those that meet the limits survive first, by fronts, and then the
others by their violation. The rank of each individual must be the same, and the crowding distances where no ties leave
a choice. Last, how long starcl takes for large populations and long runs.

`peer_evolve` is built with the tests: cmake --preset release -DBUILD_TESTING=ON, and then its target.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from pymoo.core.individual import Individual
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.indicators.hv import HV
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.version import __version__ as pymoo_version

ROOT = Path(__file__).resolve().parents[2]
TRIALS = 100
LARGEST_DIFFERENCE = 1e-9


def text_of(numbers):
    return " ".join(repr(float(number)) for number in np.ravel(numbers))


def ask(program, questions):
    """The program's answers, an array of numbers each."""
    result = subprocess.run([program], input="\n".join(questions) + "\n", capture_output=True, text=True, check=True)
    answers = [np.array(line.split(), dtype=float) for line in result.stdout.splitlines()]
    assert len(answers) == len(questions), result.stderr
    return answers


def random_front(random, dimensions):
    """On a sphere, so that most are not dominated, with some beyond (1, 1, ...), inside, and twice."""
    count = int(random.integers(5, 200 if dimensions < 5 else 100))
    points = np.abs(random.normal(size=(count, dimensions)))
    points = 1.05 - points / np.linalg.norm(points, axis=1, keepdims=True) * random.uniform(0.9, 1, (count, 1))
    return np.concatenate([points, points[random.integers(0, count, 3)]])


def check_hypervolumes(program):
    random = np.random.default_rng(1)
    fronts = [random_front(random, 2 + trial % 4) for trial in range(TRIALS)]
    questions = [f"hypervolume {front.shape[1]} {len(front)} {text_of(np.ones(front.shape[1]))} {text_of(front)}"
                 for front in fronts]
    ours = [float(answer[0]) for answer in ask(program, questions)]
    theirs = [HV(ref_point=np.ones(front.shape[1]), norm_ref_point=False)(front) for front in fronts]
    return max(abs(a - b) / b for a, b in zip(ours, theirs))


def random_population(random, trial):
    """Objectives and violations; half of the populations have few values, and so ties. No two violations are equal:
    between those pymoo does not decide."""
    objectives = 2 + trial % 4
    count = int(random.integers(20, 200))
    values = random.uniform(size=(count, objectives))
    if trial % 8 >= 4:
        values = np.floor(6 * values)
    violations = np.where(random.uniform(size=count) < random.choice([0.1, 0.5, 0.95]), random.uniform(size=count), 0)
    return values, violations


class Limited(Problem):
    """Only says that there is a limit; nothing is evaluated."""

    def __init__(self, objectives):
        super().__init__(n_var=1, n_obj=objectives, n_ieq_constr=1)


def pymoo_population(values, violations):
    individuals = []
    for place in range(len(values)):
        individual = Individual(X=np.array([place]), F=values[place], G=np.array([violations[place]]))
        individual.evaluated.update({"F", "G", "H"})
        individuals.append(individual)
    return Population.create(*individuals)


def pymoo_ranks(values, violations):
    """Feasible ones by fronts, then the others one by one in the order in which they survive."""
    population = pymoo_population(values, violations)
    survivors = RankAndCrowding().do(Limited(values.shape[1]), population, n_survive=len(population))
    order = survivors.get("X")[:, 0]
    ranks = np.empty(len(values), dtype=int)
    crowding = np.full(len(values), np.nan)
    rank = -1
    for place, survivor in zip(order, survivors):
        if violations[place] == 0:
            rank = survivor.get("rank")
            crowding[place] = survivor.get("crowding")
        else:
            rank += 1
        ranks[place] = rank
    return ranks, crowding


def check_sorting(program):
    """How many populations have equal ranks; and of how many individuals crowding distances were compared, and their
    largest difference. Those of fronts with ties are left out: their order is a choice. pymoo divides by the number of
    objectives."""
    random = np.random.default_rng(2)
    populations = [random_population(random, trial) for trial in range(TRIALS)]
    questions = [f"ranks {values.shape[1]} {len(values)} {text_of(np.column_stack([violations, values]))}"
                 for values, violations in populations]
    equal = compared = violating = 0
    difference = 0.0
    for trial, ((values, violations), answer) in enumerate(zip(populations, ask(program, questions))):
        ranks, crowding = pymoo_ranks(values, violations)
        equal += bool(np.array_equal(answer[0::2].astype(int), ranks))
        violating += int((violations > 0).sum())
        if trial % 8 >= 4:
            continue
        ours, theirs = answer[1::2] / values.shape[1], crowding
        finite = (violations == 0) & np.isfinite(theirs)
        assert np.array_equal(np.isfinite(ours[violations == 0]), np.isfinite(theirs[violations == 0])), trial
        compared += int(finite.sum())
        difference = max(difference, float(np.abs(ours[finite] - theirs[finite]).max(initial=0)))
    return {"populations": TRIALS, "equal": equal, "individuals_that_violate": violating,
            "crowding_distances": compared, "largest_crowding_difference": difference}


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "release" / "tests" / "peer_evolve")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    result = {"processor": processor(), "pymoo": pymoo_version,
              "hypervolume": {"fronts": TRIALS, "dimensions": [2, 5],
                              "largest_relative_difference": check_hypervolumes(arguments.program)},
              "sorting": check_sorting(arguments.program)}
    good = (result["hypervolume"]["largest_relative_difference"] <= LARGEST_DIFFERENCE and
            result["sorting"]["equal"] == TRIALS and
            result["sorting"]["largest_crowding_difference"] <= LARGEST_DIFFERENCE)
    result["times"] = json.loads(subprocess.run([arguments.program, "times"], capture_output=True, text=True,
                                                check=True).stdout)
    print(json.dumps(result, indent=1))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n")
    print("equal" if good else "DIFFERENT", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
