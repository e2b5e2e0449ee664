"""Speed of OpenBLAS's cblas_sgemm through ctypes: C = A B for row-major float32.

    python gemm.py "4096x256x768 nn" "256x768x4096 tn" [--threads N] [--seconds 0.5] [--core Haswell] [--library PATH]

A shape is m x n x k and the transposes of A and B (n: as it is, t: transposed), as `starcl bench gemm` names them.
"""

import argparse
import ctypes
import ctypes.util
import json
import os
import re
import time

import numpy as np

ROW_MAJOR, TRANSPOSES = 101, {"n": 111, "t": 112}


def open_library(path, core):
    """With the kernels of that core: OpenBLAS reads the variable when it is loaded. It ignores a core that it lacks."""
    if core:
        os.environ["OPENBLAS_CORETYPE"] = core
    library = ctypes.CDLL(path or ctypes.util.find_library("openblas") or "libopenblas.so")
    integer, real, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    library.cblas_sgemm.argtypes = [integer] * 6 + [real, pointer, integer, pointer, integer, real, pointer, integer]
    library.cblas_sgemm.restype = None
    library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
    chosen = library.openblas_get_corename().decode()
    if core and chosen.lower() != core.lower():
        raise SystemExit(f"OpenBLAS uses kernels for {chosen}, not for {core}")
    return library


def parse_shape(text):
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+) ([nt])([nt])", text)
    if not match:
        raise SystemExit(f"'{text}' is not a shape such as '4096x256x768 nn'")
    return *map(int, match.groups()[:3]), *match.groups()[3:]


def make_product(library, shape):
    """A function that multiplies once, checked against numpy."""
    m, n, k, transpose_a, transpose_b = parse_shape(shape)
    random = np.random.default_rng(1)
    a = random.standard_normal((m, k) if transpose_a == "n" else (k, m), dtype=np.float32)
    b = random.standard_normal((k, n) if transpose_b == "n" else (n, k), dtype=np.float32)
    c = np.zeros((m, n), np.float32)

    def multiply():
        library.cblas_sgemm(ROW_MAJOR, TRANSPOSES[transpose_a], TRANSPOSES[transpose_b], m, n, k, 1.0,
                            a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n)

    multiply()
    expected = (a if transpose_a == "n" else a.T) @ (b if transpose_b == "n" else b.T)
    if not np.allclose(c, expected, rtol=1e-3, atol=1e-2):
        raise SystemExit(f"OpenBLAS and numpy disagree on {shape}")
    return multiply, 2.0 * m * n * k


def measure(library, shape, seconds):
    multiply, operations = make_product(library, shape)
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < seconds:
        multiply()
        count += 1
    return operations * count / (time.perf_counter() - start) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="+")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=0.5, help="how long to measure each shape")
    parser.add_argument("--core", help="whose kernels to use, as OPENBLAS_CORETYPE has it; default: its own choice")
    parser.add_argument("--library", help="libopenblas.so, where it is not found by itself")
    arguments = parser.parse_args()
    library = open_library(arguments.library, arguments.core)
    library.openblas_set_num_threads(arguments.threads)
    results = [{"name": shape, "value": measure(library, shape, arguments.seconds), "unit": "GFLOP/s"}
               for shape in arguments.shapes]
    print(json.dumps({"peer": library.openblas_get_config().decode(), "threads": arguments.threads,
                      "results": results}))


if __name__ == "__main__":
    main()
