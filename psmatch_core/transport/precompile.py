"""Compilation ahead of time: numba compiles the engine when it is first used on a machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from psmatch_core.transport.batch.many import solve_many
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.row_sample import RowSample
from psmatch_core.transport.entropic.solve import resolve, solve
from psmatch_core.transport.exact.solve import assign
from psmatch_core.transport.kernels import dense_pass, kept_exponents
from psmatch_core.transport.kernels.summary import summarize_plan
from psmatch_core.transport.options import DEFAULT_OPTIONS
from psmatch_core.transport.problem import Potentials
from psmatch_core.transport.result import TransportResult

# One problem for each way through the engine: small and dense, with a sparse support, small ones together, exact.
_DENSE_CELLS, _SPARSE_CELLS = 60, 1500


def is_compiled() -> bool:
    """Whether the compiled engine is on disk where numba looks for it."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder:
        return any(Path(folder).rglob("tile_pass.*.nbi"))
    return any((Path(__file__).parent / "kernels" / "__pycache__").glob("tile_pass.*.nbi"))


def compile_engine() -> None:
    """Compile what a default run needs; fast if it is compiled already."""
    rng = np.random.default_rng(0)
    for n_cells, epsilon in ((_DENSE_CELLS, 0.2), (_SPARSE_CELLS, 0.2), (_SPARSE_CELLS, 0.02)):
        x = rng.normal(size=(n_cells, 6))
        solved = solve(x, x + 0.3 * rng.normal(size=x.shape), epsilon)
        resolve(solved, 1.2 * epsilon)  # as a slider does
    many_labels = rng.normal(size=(_SPARSE_CELLS, 12))  # so many coordinates are rotated onto their axes first
    solve(many_labels, many_labels + 0.1, 0.2)
    x = x[:_DENSE_CELLS]
    solve_many([(x, x + 0.1), (x[:3], x)], 0.2)  # as small labels are solved
    zeros, bins = np.zeros(_DENSE_CELLS), np.zeros(_DENSE_CELLS, dtype=np.int64)
    weights = np.full(_DENSE_CELLS, 1 / _DENSE_CELLS)
    for epsilon in (1.0, 1e-5):  # in both precisions, as a picture of a large plan needs them
        summarize_plan(
            x, x, Potentials(zeros, zeros, epsilon), a=weights, b=weights, squared=False, row_bins=bins,
            column_bins=bins, k=1,
        )  # fmt: skip
    assign(x, x + 0.1)
    _compile_loops_of_large_labels(solved)


def _compile_loops_of_large_labels(solved: TransportResult) -> None:
    """What only dense plans of several thousand cells call, on a few cells."""
    problem, potentials = solved.plan.problem, solved.plan.potentials
    context = SolveContext.start(DEFAULT_OPTIONS)
    kept = dense_pass.dense_exponents(problem, potentials, context)
    n, m = problem.shape
    rows, columns, one = np.zeros(n, dtype=np.float32), np.zeros(m, dtype=np.float32), np.float32(1)
    kept_exponents.exponents_pass(kept, one, rows, columns, problem.a, np.empty(n), np.empty(m))
    matrix = np.empty_like(kept)
    kept_exponents.exponents_to_kernel(kept, one, rows, columns, matrix)
    sample = RowSample.at(problem, matrix, np.ones(m), context)
    sample.direction(np.zeros(m), context)
