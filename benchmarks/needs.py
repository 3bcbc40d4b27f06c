"""What a run needs: estimated before it starts, and measured: ``python -m benchmarks.needs [--sizes 13] [--keep]``.

Runs ``psmatch match`` with the default recipe on simulated screens of several sizes, and prints processor and wall
time, the peak of the memory of its processes (as if alone on the machine, Linux) and the size of its folder, each
beside the estimate. ``--keep`` writes the figures to ``benchmarks/results/needs.json``. ``--fit`` measures nothing: it
fits the constants of ``psmatch_core/pipeline/needs.py`` to what is kept there, with the same relative weight for each
size, and prints them and how far the estimates then are from what was measured; shares of the time of many cells are
those of the runs in ``benchmarks/results/end_to_end.json``. ``--small`` measures the memory of
runs of two and matchings of three with few cells, which is that of the libraries.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base import disk
from psmatch_core.classification.classifiers.base import MANY_CELLS
from psmatch_core.data.preprocessing import MANY_FEATURES
from psmatch_core.data.scaling import LARGEST_SHARE, MANY_SCALED

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "needs.json"
WHOLE_RUNS = ROOT / "benchmarks" / "results" / "end_to_end.json"  # 2,000 sparse genes, 100 proteins, 100 labels

# Cells a side, features of the source, labels, whether the source is dense; the target has 100 dense features.
SIZES = (
    (500, 200, 5, False), (1_000, 2_000, 10, False), (2_000, 200, 40, False), (2_000, 2_000, 5, True),
    (3_000, 8_000, 20, False), (5_000, 500, 10, True), (5_000, 2_000, 50, False), (8_000, 200, 20, False),
    (8_000, 2_000, 4, False), (12_000, 1_000, 30, False), (4_000, 4_000, 100, False), (10_000, 2_000, 100, False),
    (25_000, 2_000, 50, False),
)  # fmt: skip
SMALL = (60, 600, 5_000)  # cells of each modality


def main() -> None:
    """Measure and print, one line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--keep", action="store_true", help="keep the figures for the fit")
    parser.add_argument("--fit", action="store_true", help="fit the constants to the figures that are kept")
    parser.add_argument("--small", action="store_true", help="the memory of runs of two and three with few cells")
    options = parser.parse_args()
    if options.small:
        for n_cells, n_modalities in itertools.product(SMALL, (2, 3)):
            with tempfile.TemporaryDirectory(prefix="psmatch-needs-") as folder:
                print(json.dumps(small(n_cells, n_modalities, Path(folder))), flush=True)
        return
    if options.fit:
        print(*fit(json.loads(RESULTS.read_text(encoding="utf-8"))), sep="\n")
        return
    for size in SIZES[options.first : options.first + options.sizes]:
        with tempfile.TemporaryDirectory(prefix="psmatch-needs-") as folder:
            row = measured(size, Path(folder))
        print(json.dumps(row), flush=True)
        if options.keep:
            kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
            others = [each for each in kept if (each["cells"], each["features"]) != size[:2]]
            disk.write_json(RESULTS, sorted([*others, row], key=lambda each: (each["cells"], each["features"])))


def measured(size: tuple[int, int, int, bool], folder: Path) -> dict[str, Any]:
    """Estimate and measurement of one run."""
    from psmatch_core.pipeline.needs import SideSize, estimate_needs
    from psmatch_core.pipeline.recipe import Recipe

    n_cells, n_features, n_labels, is_dense = size
    n_stored = write_screen(folder, n_cells=n_cells, n_features=n_features, n_labels=n_labels, is_dense=is_dense)
    sides = SideSize(n_cells, n_features, n_stored), SideSize(n_cells, 100, 100 * n_cells)
    needs = estimate_needs(Recipe(), *sides, n_labels=n_labels)
    started, spent = time.perf_counter(), processor_of_children()
    peak, code = peak_of(["match", str(folder / "source.h5ad"), str(folder / "target.h5ad")], folder / "run")
    seconds = time.perf_counter() - started
    processor = processor_of_children() - spent
    n_bytes = sum(each.stat().st_size for each in (folder / "run").rglob("*") if each.is_file())
    shutil.rmtree(folder / "run", ignore_errors=True)
    return {
        "cells": n_cells, "features": n_features, "labels": n_labels, "stored": n_stored, "exit": code,
        "processor": round(processor, 1), "seconds": round(seconds, 1), "memory": round(peak), "disk": n_bytes,
        "of_processor": None if needs.processor is None else round(needs.processor / processor, 2),
        "of_memory": round(needs.memory / peak, 2), "of_disk": round(needs.disk / n_bytes, 2),
    }  # fmt: skip


def peak_of(command: list[str], out: Path) -> tuple[float, int]:
    """The largest memory of a command of psmatch on labelled files [bytes], and its exit code."""
    command = [sys.executable, "-m", "psmatch_core", *command, "--label", "label", "--out", str(out), "--quiet"]
    process, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT), 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.05)
    return peak, process.returncode


def small(n_cells: int, n_modalities: int, folder: Path) -> dict[str, Any]:
    """Estimate and measurement of the memory of a run of two, or a matching of three, with few cells of each."""
    from psmatch_core.pipeline.needs import SideSize, estimate_needs
    from psmatch_core.pipeline.recipe import Recipe

    widths = (200, 201)
    for at, width in enumerate(widths):
        (folder / str(at)).mkdir()
        stored = write_screen(folder / str(at), n_cells=n_cells, n_features=width, n_labels=5, is_dense=False)
        if at == 0:
            sides = [SideSize(n_cells, width, stored), SideSize(n_cells, 100, 100 * n_cells)]
    files = [folder / "0" / "source.h5ad", folder / "0" / "target.h5ad"]
    command = ["match", *map(str, files)]
    if n_modalities == 3:
        sides.append(SideSize(n_cells, widths[1], stored))
        named = zip("abc", [*files, folder / "1" / "source.h5ad"], strict=True)
        command = ["match-many", *(f"{name}={path}" for name, path in named)]
    peak, code = peak_of(command, folder / "run")
    told = estimate_needs(Recipe(), *sides, n_labels=5).memory
    return {
        "cells": n_cells, "modalities": n_modalities, "exit": code, "memory": round(peak / 1e6),
        "told": round(told / 1e6), "of_memory": round(told / peak, 2),
    }  # fmt: skip


def processor_of_children() -> float:
    """Processor seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fit(kept: list[dict[str, Any]]) -> Iterator[str]:
    """The constants that fit what was measured, and the largest and smallest ratio of estimate and measurement."""
    from scipy.optimize import nnls

    for what, terms in TERMS.items():
        rows = [each for each in kept if what != "processor" or each["cells"] < MANY_CELLS]
        measured_ = np.array([each[what] for each in rows], dtype=float)
        design = np.array([[term(_Size(each)) for term in terms.values()] for each in rows])
        constants, _ = nnls(design / measured_[:, None], np.ones(len(rows)))
        ratios = design @ constants / measured_
        yield f"{what}: {', '.join(f'{name} {value:.4g}' for name, value in zip(terms, constants, strict=True))}"
        yield f"  estimate / measured: {ratios.min():.2f} to {ratios.max():.2f}, {len(rows)} sizes"
    yield f"processor, shares with many cells: {shares_of_many(json.loads(WHOLE_RUNS.read_text(encoding='utf-8')))}"


def shares_of_many(whole_runs: dict[str, dict[str, dict[str, float]]]) -> dict[int, float]:
    """What whole runs of :mod:`benchmarks.end_to_end` took of the time estimated as if their cells were few."""
    from psmatch_core.pipeline.needs import seconds_as_of_few

    return {
        int(n): round(steps["whole"]["processor"] / seconds_as_of_few(int(n) * (2_000 + 100), 2 * int(n), 100), 2)
        for n, steps in whole_runs.items()
    }


class _Size:
    """What the terms of the estimate count, for one row."""

    def __init__(self, row: dict[str, Any]) -> None:
        n, kept_features = row["cells"], min(row["features"], MANY_FEATURES)
        self.cells, self.labels = 2 * n, row["labels"]
        self.stored = row["stored"] + 100 * n
        is_shifted = n * kept_features > MANY_SCALED and row["stored"] <= LARGEST_SHARE * n * row["features"]
        share = row["stored"] / (n * row["features"])
        self.shifted = share * n * kept_features if is_shifted else 0
        self.all_seen = n * kept_features + 100 * n
        self.seen = 100 * n + (0 if is_shifted else n * kept_features)
        self.predicted = n * kept_features + 100 * n


TERMS: dict[str, dict[str, Callable[[_Size], float]]] = {
    "memory": {
        "LIBRARIES": lambda _: 1.0,
        "PER_STORED_VALUE": lambda each: each.stored,
        "PER_SHIFTED_VALUE": lambda each: each.shifted,
        "PER_SEEN_VALUE": lambda each: each.seen,
        "PER_SCORE": lambda each: each.cells * each.labels,
        "PER_CELL": lambda each: each.cells,
    },
    "disk": {
        "DISK_PER_STORED_VALUE": lambda each: each.stored,
        "DISK_PER_PREDICTED_VALUE": lambda each: each.predicted,
        "DISK_PER_CELL": lambda each: each.cells,
    },
    "processor": {
        "START_SECONDS": lambda _: 1.0,
        "SECONDS_PER_SEEN_VALUE": lambda each: each.all_seen,
        "SECONDS_PER_CELL": lambda each: each.cells,
        "SECONDS_PER_LABEL": lambda each: each.labels,
    },
}


def write_screen(folder: Path, *, n_cells: int, n_features: int, n_labels: int, is_dense: bool) -> int:
    """Two files of a simulated screen whose labels shift some features; returns the stored values of the source."""
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    draw = np.random.default_rng(n_cells + n_features)
    stored = 0
    for side, width, dense in (("source", n_features, is_dense), ("target", 100, True)):
        labels = draw.integers(0, n_labels, n_cells)
        shifts = draw.normal(scale=0.8, size=(n_labels, width)) * (draw.random((n_labels, width)) < 0.1)
        hidden = draw.normal(size=(n_cells, 5)) @ draw.normal(scale=0.3, size=(5, width))
        rates = np.exp(shifts[labels] + hidden - 1.5)
        X: Any = draw.poisson(rates).astype(np.float32)
        X = np.log1p(X) + draw.normal(scale=0.1, size=X.shape).astype(np.float32) if dense else sparse.csr_matrix(X)
        obs = pd.DataFrame({"label": [f"KO{each}" for each in labels]}, index=[f"{side}_{i:x}" for i in range(n_cells)])
        var = pd.DataFrame(index=[f"{side}_feature_{i}" for i in range(width)])
        AnnData(X, obs=obs, var=var).write_h5ad(folder / f"{side}.h5ad")
        if side == "source":
            stored = X.size if dense else X.nnz
    return int(stored)


def memory_of(pid: int) -> float:
    """Memory that a process and those that it started would need alone on a machine [bytes] (Linux).

    What they hold for themselves, and once the libraries and other files of the one that has most of them mapped.
    Shares of what programs beside them map too would make a run the smaller the more work goes on beside it: on a busy
    machine 60 to 170 MB of the libraries were missing in that way.
    """
    own, mapped, children = 0.0, [0.0], [pid]
    while children:
        at = children.pop()
        try:
            for thread in os.listdir(f"/proc/{at}/task"):
                children += map(int, Path(f"/proc/{at}/task/{thread}/children").read_text().split())
            own += sum(_kilobytes(Path(f"/proc/{at}/smaps_rollup"), each) for each in ("Pss_Anon", "Pss_Shmem"))
            mapped.append(_kilobytes(Path(f"/proc/{at}/status"), "RssFile"))
        except (OSError, StopIteration):  # ended in the meantime
            continue
    return 1024 * (own + max(mapped))


def _kilobytes(path: Path, name: str) -> float:
    """A figure of a process [kB]."""
    return next(float(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
