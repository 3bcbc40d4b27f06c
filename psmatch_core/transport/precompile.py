"""Warm-up: numba compiles the engine at its first use on a machine; better before a user waits for it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from psmatch_core.transport.entropic.solve import resolve, solve
from psmatch_core.transport.exact.solve import assign
from psmatch_core.transport.kernels.overview import looked_at

# One problem of each way through the engine: dense and small, with a sparse support, exact.
_DENSE_CELLS, _SPARSE_CELLS = 60, 1500


def is_compiled() -> bool:
    """Whether numba has the engine on disk already, where it looks for it."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder:
        return any(Path(folder).rglob("tile_pass.*.nbi"))
    return any((Path(__file__).parent / "kernels" / "__pycache__").glob("tile_pass.*.nbi"))


def warm() -> None:
    """Compile what a first match would wait for; quick where it is compiled."""
    rng = np.random.default_rng(0)
    for n_cells, epsilon in ((_DENSE_CELLS, 0.2), (_SPARSE_CELLS, 0.2), (_SPARSE_CELLS, 0.02)):
        x = rng.normal(size=(n_cells, 6))
        solved = solve(x, x + 0.3 * rng.normal(size=x.shape), epsilon)
        resolve(solved, 1.2 * epsilon)  # what a slider asks for
    for epsilon in (1.0, 1e-5):  # in both arithmetics: what a picture of a large plan asks for
        cells, bins = np.zeros(_DENSE_CELLS), np.zeros(_DENSE_CELLS, dtype=np.int64)
        points = x[:_DENSE_CELLS]
        weights = np.full(_DENSE_CELLS, 1 / _DENSE_CELLS)
        looked_at(
            points, points, cells, cells, epsilon, weights, weights, squared=False, row_bins=bins, column_bins=bins, k=1
        )
    assign(x[:_DENSE_CELLS], x[:_DENSE_CELLS] + 0.1)
