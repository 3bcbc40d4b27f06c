"""Passes that fill a matrix of all n · m pairs: the plan, or its exponents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from psmatch_core.base.arrays import Floats
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.kernels import full_pass, tile_pass
from psmatch_core.transport.problem import Potentials, Problem

_CHECKED_PAIRS = 4_000_000  # entries between two checks whether the caller wants to stop

_SINGLE: np.dtype[Any] = np.dtype(np.float32)
_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


def dense_kernel(problem: Problem, potentials: Potentials, context: SolveContext, allowed: float) -> Floats:
    """The plan as a matrix ``(n, 64 · ceil(m / 64))`` in float32, or in float64 if ``allowed`` is below 1e-6.

    Entries have a relative error of at most ``allowed``; columns beyond m are 0. The matrix lies in the buffer of the
    context: the next kernel overwrites it.
    """
    inputs = full_pass.tile_inputs(problem, potentials, allowed)
    matrix = context.buffer.request((problem.shape[0], inputs.width), _DOUBLE if allowed < 1e-6 else _SINGLE)
    return _fill(matrix, tile_pass.dense_rows, inputs, context)


def dense_exponents(problem: Problem, potentials: Potentials, context: SolveContext) -> Floats:
    """``(f + g − C) / epsilon`` of all pairs, computed in float64 and stored in float32, ``(n, ≥ m)``."""
    plain = replace(problem, a=np.ones(problem.shape[0]), b=np.ones(problem.shape[1]))
    inputs = full_pass.tile_inputs(plain, potentials, 0.0)
    matrix = context.buffer.request((problem.shape[0], inputs.width), _SINGLE)
    context.buffer.array = None
    return _fill(matrix, tile_pass.exponent_rows, inputs, context)


def _fill(matrix: Floats, rows: Callable[..., None], inputs: full_pass.TileInputs, context: SolveContext) -> Floats:
    """All rows of the matrix, some at a time, by a compiled loop; who fills which changes nothing."""
    context.counts.full_passes += 1
    n, width = matrix.shape
    step = max(16, _CHECKED_PAIRS // width)

    def fill(i: int) -> None:
        some = inputs.select(slice(i, i + step))
        rows(some.points, some.leaves, some.rows, some.columns, some.scale, some.squared, matrix[i : i + step])

    context.with_idle_cores(fill, range(0, n, step))
    return matrix
