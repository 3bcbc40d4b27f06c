"""What a run needs: estimated before it starts, and measured: ``python -m benchmarks.needs [--sizes 12]``.

Runs ``psmatch match`` with the default recipe on simulated screens of several sizes, and prints wall time, the peak of
the memory of its processes (proportional set size, Linux) and the size of its folder, each beside the estimate.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

# Cells a side, features of the source, labels, whether the source is dense; the target has 100 dense features.
SIZES = (
    (500, 200, 5, False), (1_000, 2_000, 10, False), (2_000, 200, 40, False), (2_000, 2_000, 5, True),
    (3_000, 8_000, 20, False), (5_000, 500, 10, True), (5_000, 2_000, 50, False), (8_000, 200, 20, False),
    (8_000, 2_000, 4, False), (12_000, 1_000, 30, False), (4_000, 4_000, 100, False), (10_000, 2_000, 100, False),
)  # fmt: skip


def main() -> None:
    """Measure and print, one line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    options = parser.parse_args()
    for size in SIZES[options.first : options.first + options.sizes]:
        with tempfile.TemporaryDirectory(prefix="psmatch-needs-") as folder:
            print(json.dumps(measured(size, Path(folder))), flush=True)


def measured(size: tuple[int, int, int, bool], folder: Path) -> dict[str, Any]:
    """Estimate and measurement of one run."""
    from psmatch_core.pipeline.needs import SideSize, estimate_needs
    from psmatch_core.pipeline.recipe import Recipe

    n_cells, n_features, n_labels, is_dense = size
    n_stored = write_screen(folder, n_cells=n_cells, n_features=n_features, n_labels=n_labels, is_dense=is_dense)
    sides = SideSize(n_cells, n_features, n_stored), SideSize(n_cells, 100, 100 * n_cells)
    needs = estimate_needs(Recipe(), *sides, n_labels=n_labels)
    command = [sys.executable, "-m", "psmatch_core", "match", str(folder / "source.h5ad"), str(folder / "target.h5ad")]
    command += ["--label", "label", "--out", str(folder / "run"), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.3)
    seconds = time.perf_counter() - started
    disk = sum(each.stat().st_size for each in (folder / "run").rglob("*") if each.is_file())
    shutil.rmtree(folder / "run", ignore_errors=True)
    return {
        "cells": n_cells, "features": n_features, "labels": n_labels, "dense": is_dense, "exit": process.returncode,
        "seconds": round(seconds, 1), "memory_mb": round(peak / 1e6), "disk_mb": round(disk / 1e6, 1),
        "of_seconds": None if needs.seconds is None else round(needs.seconds / seconds, 2),
        "of_memory": round(needs.memory / peak, 2), "of_disk": round(needs.disk / disk, 2),
    }  # fmt: skip


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
    """Memory of a process and of those that it started [bytes], shared pages counted once (Linux)."""
    total, children = 0.0, [pid]
    while children:
        at = children.pop()
        try:
            for thread in os.listdir(f"/proc/{at}/task"):
                children += map(int, Path(f"/proc/{at}/task/{thread}/children").read_text().split())
            lines = Path(f"/proc/{at}/smaps_rollup").read_text().splitlines()
            total += 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):  # ended in the meantime
            continue
    return total


if __name__ == "__main__":
    main()
