"""Speed of the transport engine and of its peers: ``python -m benchmarks.transport [cases]``.

Reports the CPU seconds of the best of a few runs, without compilation, and the rise of peak memory over the input.
Cases: small, large, slider, groups, exact, real, cold, peers, even and skewed; all but the last two by default. The
cases even and skewed match 1M + 1M cells in 200 or 25 labels on two cores and write the pairs to parquet.
Set OMP_NUM_THREADS=1 to measure one core.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import transport_peers as peers
from benchmarks.transport_data import fresh, real, simulated
from psmatch_core.transport import SolveOptions, assign, mean_cost, resolve, solve, solve_many

TOLERANCE = 1e-3
OPTIONS = SolveOptions(TOLERANCE)
TILED = 50_000  # cells from which both cores share the work on one label
ROWS: list[dict[str, Any]] = []


def peak_megabytes(function: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a function, and the rise of memory in use while it ran, if the kernel reports it."""

    def status(key: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))

    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
    except OSError:
        return function(), float("nan")
    result = function()
    return result, status("VmHWM") - before


def timed(function: Callable[[], Any], repeats: int = 3) -> tuple[Any, float, float]:
    """(result, best CPU seconds, wall seconds of that run)."""
    best = (None, float("inf"), 0.0)
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        spent = time.process_time() - cpu
        if spent < best[1]:
            best = (result, spent, time.perf_counter() - wall)
    return best


def report(case: str, seconds: float, target: float | None, **more: Any) -> None:
    row = {"case": case, "seconds": round(seconds, 4), "target": target, **more}
    ROWS.append(row)
    verdict = "" if target is None else ("  ok" if seconds <= target else "  MISSED")
    figures = (f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in more.items())
    aim = f"  (target {target:g})" if target else ""
    print(f"{case:44s} {seconds:9.4f} s{aim}{verdict}  " + "  ".join(figures), flush=True)


def one(case: str, x: Any, y: Any, epsilon: float, target: float | None, repeats: int = 5) -> Any:
    result, seconds, _ = timed(lambda: solve(x, y, epsilon, options=OPTIONS), repeats)
    _, peak = peak_megabytes(lambda: solve(x, y, epsilon, options=OPTIONS)) if len(x) >= 5000 else (None, 0.0)
    report(
        case, seconds, target, status=result.status, error=result.marginal_error, path=result.path,
        iterations=result.iterations, full_passes=result.full_passes, peak_mb=peak,
    )  # fmt: skip
    return result


def small() -> None:
    for n, target in ((500, 0.005), (1000, 0.015), (2000, 0.06)):
        one(f"n = {n:,}, epsilon 0.05", *simulated(n), 0.05, target, 15)
    x, y = simulated(2000)
    one("n = 2,000, epsilon 0.05 × mean", x, y, 0.05 * mean_cost(x, y), 0.04, 10)
    for labels in (5, 100):
        one(f"n = 2,000, T = {labels}, epsilon 0.05", *simulated(2000, labels), 0.05, None)


def large() -> None:
    for n, target, repeats in ((5000, 0.25, 5), (10_000, 0.8, 3), (50_000, 20.0, 1)):
        one(f"n = {n:,}, epsilon 0.05", *simulated(n), 0.05, target, repeats)
    x, y = simulated(10_000)
    one("n = 10,000, epsilon 0.05 × mean", x, y, 0.05 * mean_cost(x, y), 1.0, 3)
    result, seconds, _ = timed(
        lambda: solve(x, y, 0.05 * mean_cost(x, y), options=SolveOptions(memory_budget_mb=64)), 1
    )
    report("n = 10,000, 0.05 × mean, 64 MB", seconds, None, status=result.status, path=result.path)


def slide(case: str, x: Any, y: Any, epsilon: float, target: float) -> None:
    start = resolve(solve(x, y, epsilon), epsilon * 1.02)
    for factor in (0.8, 0.9, 1.1, 1.25):
        result, seconds, _ = timed(functools.partial(resolve, start, epsilon * factor), 3)
        report(
            f"slider {case} × {factor}", seconds, target, status=result.status, path=result.path,
            full_passes=result.full_passes,
        )  # fmt: skip


def slider() -> None:
    for n, target in ((2000, 0.02), (10_000, 0.15)):
        x, y = simulated(n)
        slide(f"n = {n:,}, 0.05", x, y, 0.05, target)
        slide(f"n = {n:,}, 0.05 × mean", x, y, 0.05 * mean_cost(x, y), target)


def on_real_data() -> None:
    for name, label in (("papalexi_split", "non-targeting"), ("snare_cortex", "E2Rasgrf2")):
        points = real(name, label)
        if points is None:
            print(f"{name}: data not available, skipped")
            continue
        x, y = points
        size = f"{name} {len(x):,} × {len(y):,}, T = {x.shape[1]}"
        mean = mean_cost(x, y)
        one(f"{size}, 0.05", x, y, 0.05, None)
        one(f"{size}, 0.05 × mean", x, y, 0.05 * mean, None)
        slide(f"{name}, 0.05", x, y, 0.05, 0.02)
        slide(f"{name}, 0.05 × mean", x, y, 0.05 * mean, 0.02)


def groups() -> None:
    x, y = simulated(50_000)
    some = [(x[k : k + 50], y[k : k + 50]) for k in range(0, 50_000, 50)]
    results, seconds, _ = timed(lambda: solve_many(some, 0.05), 5)
    done = sum(result.converged for result in results)
    report("1,000 groups of 50", seconds, 0.3, converged=done)
    peer = peers.pot_batch(some, 0.05, 500)
    report(f"  {peer.name}, 500 iterations, projected", peer.seconds, None, ratio=peer.seconds / seconds)


def exact() -> None:
    for n, target in ((5000, 1.0), (20_000, 15.0)):
        x, y = simulated(n)
        result, seconds, _ = timed(functools.partial(assign, x, y), 2 if n < 10_000 else 1)
        report(f"exact, n = {n:,}", seconds, target, gap=result.relative_gap, status=result.status, cost=result.cost)
        if n == 5000:
            peer, cost = peers.pot_emd(x, y)
            report(f"  {peer.name}", peer.seconds, None, ratio=peer.seconds / seconds, cost=cost)


def cold() -> None:
    """The first solve of a process with an empty cache, and with a cache that an earlier process filled."""
    code = (
        "import time,numpy as np;t=time.perf_counter();"
        "from psmatch_core.transport import solve;u=time.perf_counter();"
        "r=np.random.default_rng(0);x=r.normal(size=(1500,25));y=r.normal(size=(1500,25));"
        "solve(x,y,0.05);print(u-t,time.perf_counter()-u)"
    )
    with tempfile.TemporaryDirectory() as folder:
        for state in ("empty", "filled"):
            done = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "NUMBA_CACHE_DIR": folder},
                capture_output=True,
                text=True,
                check=True,
            )
            loaded, solved = map(float, done.stdout.split())
            report(f"first solve of a process, cache {state}", solved, None, imports=loaded)


def against_peers(ott: str | None, allowed: float) -> None:
    for n, scaled in ((2000, False), (2000, True), (10_000, False), (10_000, True)):
        x, y = simulated(n)
        epsilon = 0.05 * mean_cost(x, y) if scaled else 0.05
        case = f"n = {n:,}, epsilon 0.05" + (" × mean" if scaled else "")
        _, mine, _ = timed(functools.partial(solve, x, y, epsilon), 5 if n < 5000 else 2)
        report(f"{case}, ours", mine, None)
        found = []
        needed = 36 if scaled else 500
        for backend in ("numpy", "torch"):
            limit = allowed if n < 5000 else min(allowed, 20.0)
            found.append(peers.pot_sinkhorn(x, y, epsilon, TOLERANCE, limit, backend, needed))
            if not found[-1].projected:
                needed = found[-1].iterations
        if n < 5000:
            found.append(peers.pot_lazy(x, y, epsilon, needed))
        if ott:
            found.extend(peers.ott(ott, x, y, epsilon, TOLERANCE))
        for peer in sorted(found, key=lambda peer: peer.seconds):
            report(
                f"  {peer.name}" + (", projected" if peer.projected else ""), peer.seconds, None,
                ratio=peer.seconds / mine, iterations=peer.iterations, error=peer.error,
            )  # fmt: skip


def _pairs_to_parquet(labels: Sequence[tuple[Any, Any]], epsilon: float, memory_mb: float) -> tuple[int, list[str]]:
    """Match labels on two cores, large ones tile by tile and the rest in parallel; write the pairs to parquet.

    The file holds the ten best targets of each cell. Returns its size, and a line for each label that did not converge.
    """
    import pyarrow
    from pyarrow import parquet

    names, types = (
        ("label", "source", "target", "share"),
        (pyarrow.int32(), pyarrow.int32(), pyarrow.int32(), pyarrow.float32()),
    )
    schema = pyarrow.schema(list(zip(names, types, strict=True)))
    failures: list[str] = []

    def best(number: int, tiles: Executor | None = None) -> tuple[int, Any, Any]:
        x, y = labels[number]
        began = time.perf_counter()
        result = solve(x, y, epsilon, options=SolveOptions(TOLERANCE, memory_budget_mb=memory_mb, executor=tiles))
        if not result.converged:
            failures.append(f"label {number}: {result.status}, error {result.marginal_error:.2g}")
        if len(x) >= TILED:
            seconds = time.perf_counter() - began
            report(f"  n = {len(x):,} (wall)", seconds, None, error=result.marginal_error, status=result.status)
        return number, *result.top(10)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as executor:
        path = Path(folder) / "pairs.parquet"
        with parquet.ParquetWriter(path, schema) as writer:
            order = sorted(range(len(labels)), key=lambda k: -len(labels[k][0]))
            alone = [k for k in order if len(labels[k][0]) >= TILED]
            done = itertools.chain((best(k, executor) for k in alone), executor.map(best, order[len(alone) :]))
            for number, targets, shares in done:
                columns = (
                    np.full(targets.size, number, np.int32), np.repeat(np.arange(len(targets), dtype=np.int32), 10),
                    targets.ravel().astype(np.int32), shares.ravel().astype(np.float32),
                )  # fmt: skip
                writer.write_table(pyarrow.table(list(columns), schema=schema))
        return path.stat().st_size, failures


def _million(case: str, sizes: list[int], target: float, memory_mb: float) -> None:
    """1M + 1M cells on two cores; no cell is in two labels."""
    labels = [fresh(n) for n in sizes]
    solve(*simulated(5000), 0.05)
    began = time.perf_counter()
    (size, failures), peak = peak_megabytes(lambda: _pairs_to_parquet(labels, 0.05, memory_mb))
    wall = time.perf_counter() - began
    report(f"{case} (wall)", wall, target, peak_mb=peak, parquet_mb=size / 1e6, not_converged=len(failures))
    print(*failures, sep="\n")


def even() -> None:
    _million("1M + 1M cells, 200 even labels", [5000] * 200, 60.0, 1024)


def skewed() -> None:
    shares = np.arange(1, 26) ** -0.9105  # so that the first of 25 holds 231,000 of a million
    sizes = np.round(1_000_000 * shares / shares.sum()).astype(int)
    _million(f"1M + 1M cells, 25 labels, {sizes[0]:,} to {sizes[-1]:,}", sizes.tolist(), 1200.0, 4096)


def main() -> None:
    cases: dict[str, Callable[[], None]] = {
        "small": small, "large": large, "slider": slider, "groups": groups, "exact": exact, "real": on_real_data,
        "cold": cold, "even": even, "skewed": skewed,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases: " + ", ".join([*cases, "peers"]))
    parser.add_argument("--ott", help="Python executable of an environment with ott-jax")
    parser.add_argument(
        "--allowed", type=float, default=60.0, help="CPU seconds after which the time of a peer is projected"
    )
    parser.add_argument("--out", type=Path, help="file for the figures, JSON")
    given = parser.parse_args()
    wanted = given.cases or ["small", "large", "slider", "groups", "exact", "real", "cold", "peers"]
    import numba
    import ot

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = f"numpy {np.__version__}, numba {numba.__version__}, POT {ot.__version__}"
    print(f"{model}; Python {platform.python_version()}, {versions}")
    print(f"threads: {os.environ.get('OMP_NUM_THREADS', 'unset')}; tolerance {TOLERANCE:g}, certified\n")
    for name in wanted:
        if name == "peers":
            against_peers(given.ott, given.allowed)
        else:
            cases[name]()
    if given.out:
        given.out.write_text(json.dumps(ROWS, indent=1, default=float))


if __name__ == "__main__":
    main()
