"""Passes over all n · m pairs: soft c-transform, support, dense kernel, and one iteration without a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.geometry import Array, lanes_of
from psmatch_core.transport.kernels import tile_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Run

# Up to this relative error of its entries, float32 decides well enough which entries matter: those that do are
# worked out again in float64, and the bound of what is left out is raised by the error.
_ROUGH = 0.02

_SINGLE: np.dtype[Any] = np.dtype(np.float32)
_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


def arithmetic(problem: Problem, epsilon: float, allowed: float) -> np.dtype[Any]:
    """float32 where it keeps the relative error of kernel entries under what is allowed, else float64."""
    return _SINGLE if problem.geometry.rounding(epsilon) <= allowed else _DOUBLE


def soft_transform(problem: Problem, g: Array, epsilon: float, run: Run, allowed: float = _ROUGH) -> Array:
    """``f_i = −epsilon · log Σ_j b_j exp((g_j − C_ij) / epsilon)``: the f for which every row sum is right.

    g ``(m,)`` and the result ``(n,)`` in units of cost. Formed with the largest term taken out, so that it is finite
    for any g, any cost and any epsilon. Kernel entries are right to a relative error of ``allowed``.
    """
    dtype = arithmetic(problem, epsilon, allowed)
    points, leaves = problem.geometry.sources(dtype), problem.geometry.leaves(dtype)
    middle = float(g.mean())  # large potentials of one sign cost digits in float32
    columns = lanes_of((g - middle) / epsilon + problem.log_b, dtype)
    run.tally.full_passes += 1
    n, m = problem.shape
    parts = run.tiles(
        _soft_tile, n, m, lambda i, j: (points[i:j], leaves, columns, 1 / epsilon, problem.geometry.squared)
    )
    return np.concatenate(list(parts)) * epsilon - middle


def _soft_tile(points: Any, leaves: Any, columns: Any, scale: float, squared: bool) -> Array:
    out = np.empty(len(points))
    tile_pass.soft_minimum(points, leaves, columns, points.dtype.type(scale), squared, out)
    return out


def find_support(
    problem: Problem,
    f: Array,
    g: Array,
    epsilon: float,
    theta: float,
    run: Run,
    *,
    exact: bool,
    limit: int,
    bounded: bool = True,
) -> Support | None:
    """The entries of the plan that hold more than e^−theta of their row's or their column's mass.

    f, g in units of cost; exact keeps the reduced costs in float64; bounded works out what lies outside, which a
    support on the way does not need. None where there are more than ``limit``.
    """
    dtype = arithmetic(problem, epsilon, _ROUGH)
    geometry = problem.geometry
    points, leaves = geometry.sources(dtype), geometry.leaves(dtype)
    middle = float(g.mean())
    columns = lanes_of((g - middle) / epsilon + problem.log_b, dtype)
    column_floor = lanes_of(problem.log_b - theta, dtype, padding=0.0)
    rows = ((f + middle) / epsilon + problem.log_a).astype(dtype)
    row_floor = (problem.log_a - theta).astype(dtype)
    run.tally.full_passes += 1
    n, m = problem.shape
    kept_dtype = _DOUBLE if exact else _SINGLE

    def task(i: int, j: int) -> tuple[Any, ...]:
        tile = points[i:j], leaves, rows[i:j], columns, row_floor[i:j], column_floor, 1 / epsilon, geometry.squared
        return *tile, geometry.x[i:j], geometry.y, f[i:j], g, kept_dtype, limit, bounded

    counts, indices, reduced, dropped = [], [], [], []
    total = 0
    for part in run.tiles(_support_tile, n, m, task):
        if part is None or (total := total + part[1].size) > limit:
            return None
        counts.append(part[0])
        indices.append(part[1])
        reduced.append(part[2])
        dropped.append(part[3])
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.concatenate(counts), out=indptr[1:])
    excess = 1 + geometry.rounding(epsilon) if dtype == _SINGLE else 1.0
    return Support(
        indptr=indptr,
        indices=np.concatenate(indices) if len(indices) > 1 else indices[0],
        reduced=np.concatenate(reduced) if len(reduced) > 1 else reduced[0],
        f=f.copy(),
        g=g.copy(),
        epsilon=epsilon,
        theta=theta,
        dropped=np.concatenate(dropped) * excess,
    )


def _support_tile(
    points: Any,
    leaves: Any,
    rows: Any,
    columns: Any,
    row_floor: Any,
    column_floor: Any,
    scale: float,
    squared: bool,
    x: Array,
    y: Array,
    f: Array,
    g: Array,
    kept_dtype: np.dtype[Any],
    limit: int,
    bounded: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any], Array] | None:
    n_rows = len(points)
    counts, dropped = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows)
    # room for forty entries a row, or for whole blocks of rows where there are few columns; doubled when full
    indices = np.empty(max(40 * n_rows, 16 * leaves.shape[0] * leaves.shape[2]), dtype=np.int32)
    pieces: list[NDArray[np.int32]] = []
    done = total = 0
    while done < n_rows:
        done, written = tile_pass.support_rows(
            points, leaves, rows, columns, row_floor, column_floor, points.dtype.type(scale), squared,
            counts, indices, dropped, done, bounded,
        )  # fmt: skip
        pieces.append(indices[:written].copy())
        total += written
        if total > limit:
            return None
    found = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    reduced = np.empty(found.size, dtype=kept_dtype)
    tile_pass.costs_of_pairs(x, y, indptr, found, squared, f, g, reduced)
    return counts, found, reduced, dropped


def support_of(
    problem: Problem,
    rows: NDArray[np.intp],
    columns: NDArray[np.int32],
    f: Array,
    g: Array,
    epsilon: float,
    theta: float,
    dtype: np.dtype[Any],
) -> Support:
    """A support from its entries, sorted by row; what lies outside is not known and counts as infinite."""
    n, _ = problem.shape
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    reduced = np.empty(columns.size, dtype=dtype)
    geometry = problem.geometry
    tile_pass.costs_of_pairs(geometry.x, geometry.y, indptr, columns, geometry.squared, f, g, reduced)
    return Support(indptr, columns, reduced, f.copy(), g.copy(), epsilon, theta, np.full(n, np.inf))


def density(problem: Problem, f: Array, g: Array, epsilon: float, theta: float) -> float:
    """Share of all pairs that a support at theta would hold, from 32 rows spread evenly."""
    sample = problem.spread_rows
    n_rows, m = sample.shape
    dtype = arithmetic(problem, epsilon, _ROUGH)
    middle = float(g.sum()) / m
    rows = ((f[problem.spread] + middle) / epsilon + sample.log_a).astype(dtype)
    counts, dropped = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows)
    _, written = tile_pass.support_rows(
        sample.geometry.sources(dtype), problem.geometry.leaves(dtype), rows,
        lanes_of((g - middle) / epsilon + problem.log_b, dtype), (sample.log_a - theta).astype(dtype),
        lanes_of(problem.log_b - theta, dtype, padding=0.0), dtype.type(1 / epsilon), problem.geometry.squared,
        counts, np.empty(n_rows * (m + 64), dtype=np.int32), dropped, 0, False,
    )  # fmt: skip
    return float(written / (n_rows * m))


def dense_kernel(problem: Problem, f: Array, g: Array, epsilon: float, run: Run, allowed: float) -> NDArray[Any]:
    """The plan at potentials f, g as a matrix ``(n, 64 · ceil(m / 64))``, float32 (float64 under 1e-6 allowed).

    Entries are worked out to a relative error of ``allowed``; columns beyond m hold nothing. The matrix is the run's
    scratch: the next one overwrites it.
    """
    dtype = arithmetic(problem, epsilon, allowed)
    geometry = problem.geometry
    points, leaves = geometry.sources(dtype), geometry.leaves(dtype)
    middle = float(g.mean())
    columns = lanes_of((g - middle) / epsilon + problem.log_b, dtype)
    rows = ((f + middle) / epsilon + problem.log_a).astype(dtype)
    n, _ = problem.shape
    kernel = run.scratch.matrix((n, leaves.shape[0] * leaves.shape[2]), _DOUBLE if allowed < 1e-6 else _SINGLE)
    run.tally.full_passes += 1
    step = max(16, 4_000_000 // kernel.shape[1])
    for i in range(0, n, step):
        run.watch.look()
        j = min(i + step, n)
        tile_pass.dense_kernel(
            points[i:j], leaves, rows[i:j], columns, dtype.type(1 / epsilon), geometry.squared, kernel[i:j]
        )
    return kernel


def half_and_half(
    problem: Problem, f: Array, g: Array, epsilon: float, run: Run, allowed: float
) -> tuple[Array, Array]:
    """One Sinkhorn iteration with nothing stored: ``(row sums, column sums after the rows are put right)``.

    The new f is ``f + epsilon · log(a / row sums)``; the column sums belong to it.
    """
    dtype = arithmetic(problem, epsilon, allowed)
    geometry = problem.geometry
    points, leaves = geometry.sources(dtype), geometry.leaves(dtype)
    middle = float(g.mean())
    columns = lanes_of((g - middle) / epsilon + problem.log_b, dtype)
    rows = ((f + middle) / epsilon + problem.log_a).astype(dtype)
    run.tally.full_passes += 1
    n, m = problem.shape
    parts = list(
        run.tiles(
            _iteration_tile,
            n,
            m,
            lambda i, j: (points[i:j], leaves, rows[i:j], columns, 1 / epsilon, geometry.squared, problem.a[i:j]),
        )
    )
    column_sums = parts[0][1]
    for _, more in parts[1:]:
        column_sums += more
    return np.concatenate([sums for sums, _ in parts]), column_sums[:m]


def _iteration_tile(
    points: Any, leaves: Any, rows: Any, columns: Any, scale: float, squared: bool, a: Array
) -> tuple[Array, Array]:
    sums = np.empty(len(points))
    column_sums = np.zeros(leaves.shape[0] * leaves.shape[2])
    tile_pass.half_and_half(points, leaves, rows, columns, points.dtype.type(scale), squared, a, sums, column_sums)
    return sums, column_sums


def mean_cost(problem: Problem) -> float:
    """Mean cost over all pairs, weights left aside; float32 sums of 64, then float64."""
    geometry = problem.geometry
    n, m = problem.shape
    leaves = geometry.leaves(_SINGLE)
    counts = lanes_of(np.ones(m), _SINGLE, padding=0.0)
    points = geometry.sources(_SINGLE)
    total = 0.0
    step = max(64, 50_000_000 // m)
    for start in range(0, n, step):
        part = points[start : start + step]
        out = np.empty(len(part))
        tile_pass.cost_sums(part, leaves, counts, geometry.squared, out)
        total += float(out.sum())
    return total / (n * m)
