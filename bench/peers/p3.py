"""Is starcl's portability that of the P3 Analysis Library?

    python p3.py [--starcl PATH] [--plot FILE.png] FILE...

FILE... are results of `starcl bench`, as those in bench/results. What `starcl bench portability --csv` writes of them
is read by the library, whose pp() must give the portability that starcl prints, to its last digit. Where a share is
above 1, which the library refuses and the file caps, it must give the harmonic mean of the capped shares. --plot draws the
library's own cascade plot beside.

The library is not on PyPI: pip install pandas git+https://github.com/P3HPC/p3-analysis-library
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import harmonic_mean

import pandas
from p3analysis.metrics import pp

ROOT = Path(__file__).resolve().parents[2]
PRINTED_DIGIT = 0.1  # percent


def run(starcl, files, folder):
    """The table that starcl prints, and the file that it writes."""
    csv = Path(folder) / "portability.csv"
    command = [starcl, "bench", "portability", "--csv", csv, "--compare", *files]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return printed, pandas.read_csv(csv)


def printed_score(printed, workload):
    """The last number of the workload's row, in percent."""
    row = next(line for line in printed.splitlines() if line.startswith(workload + " "))
    return float(row.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--starcl", default=ROOT / "build/release/starcl")
    parser.add_argument("--plot", metavar="FILE.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        printed, table = run(options.starcl, options.files, folder)
    wrong = 0
    print(f"{'workload':32} {'starcl':>8} {'library':>8}")
    for _, row in pp(table).iterrows():
        workload = row["application"]
        shares = table[table["application"] == workload]["of bound"]
        capped = (shares > 1).any()
        ours = 100 * harmonic_mean(shares.clip(upper=1)) if capped else printed_score(printed, workload)
        theirs = 100 * row["arch pp"]
        equal = abs(ours - theirs) <= (1e-9 if capped else PRINTED_DIGIT / 2 + 1e-9)
        wrong += not equal
        remark = ("" if equal else "DIFFERS ") + ("capped at 100" if capped else "")
        print(f"{workload:32} {ours:8.1f} {theirs:8.1f}  {remark}".rstrip())
    if options.plot:
        from p3analysis.plot import cascade

        cascade(table).save(options.plot)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
