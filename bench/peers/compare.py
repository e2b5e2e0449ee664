"""starcl beside what a person would use instead on this machine: one command, one table.

    python compare.py [--only gemm|train|decode|tinygrad] [--model NAME] [--mode eager|compile]
                      [--instruction-set avx2] [--rounds 5] [--threads N] [--json FILE]

Each row is measured in rounds, starcl and the peers by turns, each in a process of its own, and shown with its medians.
A ratio is the median over rounds of starcl's speed divided by the peer's, so above 1 starcl is faster. A side that
fails is shown as failed with its last message. Where anything else used the processors meanwhile, the table says so.

With --instruction-set every side is told to use that at most, as on a processor that has no other.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
STARCL = HERE.parents[1] / "build" / "release" / "starcl"
SUITES = ("gemm", "train", "decode", "tinygrad")
SHAPES = {"transformer++-256": (16, 256), "mixed-256": (16, 256), "transformer++-768": (4, 256), "mixed-768": (4, 256)}
DECODED = ("transformer++-768", "mixed-768")
TINYGRAD = ("transformer++-256",)
MODES = ("eager", "compile")
# How peers are told, and the kernels that OpenBLAS has for it. `starcl bench --targets` has the same names.
INSTRUCTION_SETS = {
    "native": ({}, []),
    "avx512": ({"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
                "MKL_ENABLE_INSTRUCTIONS": "AVX512"}, ["SkylakeX"]),
    "avx2": ({"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
             ["Haswell", "Zen"]),
    "avx": ({"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX", "MKL_ENABLE_INSTRUCTIONS": "AVX"},
            ["Sandybridge"]),
    "sse41": ({"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
              ["Nehalem"]),
}
GEMM_SECONDS = 0.5  # for each product
QUIET_SHARE = 0.1  # of all processors that others may use before a row is marked


class Failure(Exception):
    pass


def processor_seconds():
    """Seconds that all processors together have worked, or None where the system does not tell."""
    try:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    except OSError:
        return None
    return (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Runner:
    """Starts programs with equal threads and watches what else the processors do meanwhile."""

    def __init__(self, threads, timeout, told):
        self.timeout, self.foreign = timeout, 0.0
        count = str(threads)
        self.environment = {**os.environ, **told, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count,
                            "POCL_MAX_PTHREAD_COUNT": count, "PYTHONWARNINGS": "ignore"}

    def json_of(self, command):
        """What the program prints last, as JSON; Failure with its last message otherwise."""
        start, busy, own = time.perf_counter(), processor_seconds(), os.times()
        try:
            outcome = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                     timeout=self.timeout, env=self.environment)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise Failure(str(problem) if isinstance(problem, OSError) else f"not done in {self.timeout:g} s") from None
        self.note_foreign(time.perf_counter() - start, busy, own)
        if outcome.returncode != 0:
            lines = outcome.stderr.strip().splitlines() or [f"exit code {outcome.returncode}"]
            raise Failure(lines[-1])
        try:
            return json.loads(outcome.stdout[outcome.stdout.index("{"):])
        except ValueError:
            raise Failure("it printed no JSON") from None

    def note_foreign(self, seconds, busy, own):
        if busy is None or seconds < 1:  # the system counts in hundredths of a second
            return
        now = os.times()
        children = now.children_user + now.children_system - own.children_user - own.children_system
        share = (processor_seconds() - busy - children) / (seconds * os.cpu_count())
        self.foreign = max(self.foreign, share)


class Match:
    """starcl and its peers on one workload or several that are measured together.

    `contestants` are functions that measure once and return speeds by workload.
    """

    def __init__(self, workloads, unit, contestants):
        self.workloads, self.unit, self.contestants = workloads, unit, contestants
        self.rounds = {name: [] for name in contestants}
        self.failures, self.foreign = {}, 0.0

    def run(self, runner, rounds):
        runner.foreign = 0.0
        for turn in range(rounds):
            for name, measure in self.contestants.items():
                if name in self.failures:
                    continue
                show_progress(f"round {turn + 1} of {rounds}, {name}")
                try:
                    self.rounds[name].append(measure())
                except Failure as problem:
                    self.failures[name] = str(problem)
        show_progress("")
        self.foreign = runner.foreign

    def rows(self):
        """A description of each workload, as --json writes it, and of several together."""
        rows = [self.row(workload, [workload]) for workload in self.workloads]
        if len(rows) > 1:
            rows.append(self.row(f"geometric mean of these {len(rows)}", self.workloads))
        return rows

    def row(self, name, workloads):
        return {"name": name, "unit": self.unit, "foreign_load": self.foreign,
                "contestants": [self.describe(contestant, workloads) for contestant in self.contestants]}

    def speeds(self, name, workloads):
        """In each round."""
        return [statistics.geometric_mean(speeds[workload] for workload in workloads) for speeds in self.rounds[name]]

    def describe(self, name, workloads):
        if name in self.failures:
            return {"name": name, "failure": self.failures[name]}
        values = self.speeds(name, workloads)
        described = {"name": name, "median": statistics.median(values), "values": values}
        if name != "starcl" and "starcl" not in self.failures:
            ours = self.speeds("starcl", workloads)
            described["starcl_ratio"] = statistics.median(a / b for a, b in zip(ours, values))
        return described


def print_row(row):
    foreign = row["foreign_load"]
    mark = f"   (others used up to {foreign:.0%} of the processors)" if foreign > QUIET_SHARE else ""
    print(f"{row['name']}, {row['unit']}{mark}")
    for side in row["contestants"]:
        if "failure" in side:
            print(f"    {side['name']:28} failed: {side['failure']}")
            continue
        ratio = f"   starcl is {side['starcl_ratio']:.2f} times as fast" if "starcl_ratio" in side else ""
        print(f"    {side['name']:28}{side['median']:12.1f}   {min(side['values']):.1f} to "
              f"{max(side['values']):.1f}{ratio}", flush=True)


def show_progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def speeds_of(report):
    return {result["name"]: result["value"] for result in report["results"]}


class Comparison:
    """The suites, as matches. Peers take architectures and weights from what starcl saved."""

    def __init__(self, arguments, folder):
        self.arguments, self.models = arguments, Path(folder)
        told, self.cores = INSTRUCTION_SETS[arguments.instruction_set]
        self.runner = Runner(arguments.threads, arguments.timeout, told)

    def is_native(self):
        return self.arguments.instruction_set == "native"

    def starcl(self, suite, *options):
        target = () if self.is_native() else ("--targets", self.arguments.instruction_set)
        return speeds_of(self.runner.json_of([self.arguments.starcl, "bench", suite, "--json", *target, *options]))

    def starcl_one(self, suite, name, *options):
        speeds = self.starcl(suite, "--only", name, *options)
        if name not in speeds:
            raise Failure(f"starcl bench {suite} has no result '{name}'")
        return speeds[name]

    def starcl_train(self, name, seconds):
        return self.starcl_one("train", name, "--seconds", seconds, "--save", self.models)

    def model(self, name):
        """The folder of an architecture; where starcl did not train it before, it does for a moment now."""
        folder = self.models / name
        if not (folder / "weights.safetensors").exists():
            self.starcl_train(name, 1)
        return folder

    def python(self, script, *options):
        return self.runner.json_of([sys.executable, HERE / script, *options])

    def torch_train(self, name, mode):
        batch, context = SHAPES[name]
        return self.python("train.py", self.model(name), "--mode", mode, "--batch", batch, "--context", context,
                           "--threads", self.arguments.threads, "--seconds", self.arguments.seconds)["value"]

    def torch_decode(self, name, mode):
        return self.python("decode.py", self.model(name), "--mode", mode, "--tokens", self.arguments.tokens,
                           "--threads", self.arguments.threads)["value"]

    def tinygrad_train(self, name):
        batch, context = SHAPES[name]
        return self.python("tinygrad_train.py", self.model(name), "--batch", batch, "--context", context, "--seconds",
                           self.arguments.seconds)["value"]

    def gemm_matches(self):
        """OpenBLAS with the kernels that it chooses itself, and with named ones where it may choose badly."""
        def starcl():
            return self.starcl("gemm", "--seconds", GEMM_SECONDS)
        shapes = list(starcl())

        def openblas(*options):
            return speeds_of(self.python("gemm.py", *shapes, "--threads", self.arguments.threads, "--seconds", GEMM_SECONDS,
                                         *options))
        contestants = {"starcl": starcl}
        if self.is_native():
            contestants["OpenBLAS"] = openblas
        for core in self.cores or wide_cores():
            contestants[f"OpenBLAS, {core} kernels"] = lambda core=core: openblas("--core", core)
        return [Match(shapes, "GFLOP/s", contestants)]

    def match(self, workload, starcl, peers):
        """A match over one workload, from functions that return its speed."""
        contestants = {"starcl": starcl, **peers}
        return Match([workload], "tokens/s", {name: lambda measure=measure: {workload: measure()}
                                              for name, measure in contestants.items()})

    def train_matches(self):
        return [self.match(f"train {name}", lambda name=name: self.starcl_train(name, self.arguments.seconds),
                           {f"PyTorch {mode}": lambda name=name, mode=mode: self.torch_train(name, mode)
                            for mode in self.arguments.mode or MODES}) for name in self.chosen(SHAPES)]

    def decode_matches(self):
        return [self.match(f"decode {name}", lambda name=name: self.starcl_one("decode", name),
                           {f"PyTorch {mode}": lambda name=name, mode=mode: self.torch_decode(name, mode)
                            for mode in self.arguments.mode or MODES}) for name in self.chosen(DECODED)]

    def tinygrad_matches(self):
        return [self.match(f"train {name}", lambda name=name: self.starcl_train(name, self.arguments.seconds),
                           {"tinygrad on OpenCL": lambda name=name: self.tinygrad_train(name)})
                for name in self.chosen(TINYGRAD)]

    def chosen(self, names):
        return [name for name in names if not self.arguments.model or name in self.arguments.model]

    def matches(self, suite):
        return getattr(self, f"{suite}_matches")()


def wide_cores():
    """Kernels for AVX-512, which OpenBLAS has but does not choose on processors newer than itself."""
    try:
        return ["SkylakeX"] if "avx512f" in Path("/proc/cpuinfo").read_text() else []
    except OSError:
        return []


def processor_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def compare(arguments, folder):
    comparison = Comparison(arguments, folder)
    rows, failed = [], False
    for suite in arguments.only or [suite for suite in SUITES if comparison.is_native() or suite != "tinygrad"]:
        try:
            matches = comparison.matches(suite)
        except Failure as problem:
            print(f"{suite}\n    starcl failed: {problem}")
            rows.append({"name": suite, "failure": str(problem)})
            failed = True
            continue
        for match in matches:
            match.run(comparison.runner, arguments.rounds)
            for row in match.rows():
                print_row(row)
                rows.append(row)
            failed |= bool(match.failures)
    if arguments.json:
        report = {"processor": processor_name(), "instruction_set": arguments.instruction_set,
                  "threads": arguments.threads, "rounds": arguments.rounds, "rows": rows}
        Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SUITES, action="append", help="a part; repeatable")
    parser.add_argument("--model", choices=SHAPES, action="append", help="of train and decode; repeatable")
    parser.add_argument("--mode", choices=MODES, action="append", help="of PyTorch; repeatable")
    parser.add_argument("--instruction-set", choices=INSTRUCTION_SETS, default="native",
                        help="that every side may use; tinygrad is for native alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every side; default: all processors")
    parser.add_argument("--seconds", type=float, default=5, help="that each training measurement lasts")
    parser.add_argument("--tokens", type=int, default=256, help="that PyTorch decodes behind an empty cache")
    parser.add_argument("--timeout", type=float, default=900, help="seconds that one process may take")
    parser.add_argument("--starcl", default=STARCL, help="the program")
    parser.add_argument("--json", metavar="FILE", help="write every value there")
    arguments = parser.parse_args()
    if arguments.instruction_set != "native" and "tinygrad" in (arguments.only or ()):
        parser.error("tinygrad is measured with the native instruction set alone")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(compare(arguments, folder))


if __name__ == "__main__":
    main()
