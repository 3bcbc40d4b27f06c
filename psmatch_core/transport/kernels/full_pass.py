"""Passes over all n · m pairs that store no matrix: soft c-transform, support, and one iteration without a kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.geometry import to_lanes
from psmatch_core.transport.kernels import tile_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Potentials, Problem

# Up to this relative error of its entries, float32 is enough to decide which entries matter: their costs are computed
# again in float64, and the bound of the dropped mass is raised by the error.
_ROUGH = 0.02

SUMS_ERROR = 1e-12  # relative error of the exponential and of long sums in float64

_SINGLE: np.dtype[Any] = np.dtype(np.float32)
_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


def precision(problem: Problem, epsilon: float, allowed: float) -> np.dtype[Any]:
    """float32 where it keeps the relative error of kernel entries within ``allowed``, otherwise float64."""
    return _SINGLE if problem.geometry.rounding_bound(epsilon) <= allowed else _DOUBLE


def rounding_error(problem: Problem, potentials: Potentials, allowed: float) -> float:
    """Upper bound of the L1 error that rounding makes in the row sums of a plan of mass 1, or in its column sums.

    Entries are computed to the relative error ``allowed``, or in float64 where float32 cannot.
    """
    f, g, epsilon = potentials.f, potentials.g, potentials.epsilon
    reach = float(max(np.abs(f).max(), np.abs(g).max()))
    with np.errstate(over="ignore"):
        double = np.expm1(problem.geometry.rounding_bound(epsilon, _DOUBLE, reach=reach))
    single = allowed if precision(problem, epsilon, allowed) == _SINGLE else 0.0
    return float(double + single + SUMS_ERROR)


@dataclass(frozen=True, eq=False)
class TileInputs:
    """A problem at some potentials as the loops of :mod:`tile_pass` read it, in one precision.

    Parameters
    ----------
    points, leaves
        Sources ``(n, T)``, and targets in leaves ``(n_leaves, T, 64)``.
    rows, columns
        f / epsilon + log a ``(n,)``, and g / epsilon + log b in the layout of the leaves ``(n_leaves, 64)``.
    n_columns
        Number of targets, without padding.
    scale
        1 / epsilon.
    squared
        Whether the cost is the squared distance.
    """

    points: Floats
    leaves: Floats
    rows: Floats
    columns: Floats
    n_columns: int
    scale: Any  # a numpy scalar of their type
    squared: bool

    @property
    def width(self) -> int:
        """Number of targets, padding included."""
        return int(self.leaves.shape[0] * self.leaves.shape[2])

    @property
    def scalars(self) -> tuple[int, Any, bool]:
        """What is no array, in the order of the fields."""
        return self.n_columns, self.scale, self.squared

    def select(self, rows: NDArray[np.intp] | slice) -> TileInputs:
        """The same for some of the sources."""
        return replace(self, points=np.ascontiguousarray(self.points[rows]), rows=self.rows[rows])


def tile_inputs(problem: Problem, potentials: Potentials, allowed: float) -> TileInputs:
    """What the loops need to compute entries of the plan to the relative error ``allowed``."""
    epsilon = potentials.epsilon
    dtype = precision(problem, epsilon, allowed)
    columns, middle = _column_exponents(problem, potentials.g, epsilon, dtype)
    return TileInputs(
        points=problem.geometry.sources(dtype),
        leaves=problem.geometry.leaves(dtype),
        rows=((potentials.f + middle) / epsilon + problem.log_a).astype(dtype),
        columns=columns,
        n_columns=problem.shape[1],
        scale=dtype.type(1 / epsilon),
        squared=problem.geometry.squared,
    )


def _column_exponents(problem: Problem, g: Array, epsilon: float, dtype: np.dtype[Any]) -> tuple[Floats, float]:
    """G / epsilon + log b without the mean of g, and that mean: large potentials of one sign cost digits in float32."""
    middle = float(g.mean())
    return to_lanes((g - middle) / epsilon + problem.log_b, dtype), middle


def soft_transform(
    problem: Problem, g: Array, epsilon: float, context: SolveContext, *, allowed: float = _ROUGH
) -> Array:
    """``f_i = −epsilon · log Σ_j b_j exp((g_j − C_ij) / epsilon)``: the f at which all row sums are right.

    g ``(m,)`` and the result ``(n,)`` in units of cost. The largest term is factored out, so that the result is finite
    for any g, cost and epsilon. Kernel entries have a relative error of at most ``allowed``.
    """
    dtype = precision(problem, epsilon, allowed)
    points, leaves = problem.geometry.sources(dtype), problem.geometry.leaves(dtype)
    columns, middle = _column_exponents(problem, g, epsilon, dtype)
    scale, squared = dtype.type(1 / epsilon), problem.geometry.squared
    context.counts.full_passes += 1
    parts = context.map_tiles(
        _soft_minimum_tile,
        problem.shape,
        lambda i, j: (slice(i, j), scale, squared),
        lasting=(points, leaves),
        passing=(columns,),
    )
    return np.concatenate(list(parts)) * epsilon - middle


def _soft_minimum_tile(
    points: Floats, leaves: Floats, columns: Floats, rows: slice, scale: Any, squared: bool
) -> Array:
    points = points[rows]
    out = np.empty(len(points))
    tile_pass.soft_minimum(points, leaves, columns, scale, squared, out)
    return out


def find_support(
    problem: Problem,
    potentials: Potentials,
    theta: float,
    context: SolveContext,
    *,
    exact: bool,
    limit: int,
    bounded: bool = True,
) -> Support | None:
    """The entries of the plan that hold more than e^−theta of the mass of their row or of their column.

    Parameters
    ----------
    exact
        Keep the reduced costs in float64.
    limit
        Number of entries above which the result is None.
    bounded
        Bound the mass outside the support; intermediate supports do without.
    """
    inputs = tile_inputs(problem, potentials, _ROUGH)
    dtype, geometry, f, g = inputs.points.dtype, problem.geometry, potentials.f, potentials.g
    row_floor = (problem.log_a - theta).astype(dtype)
    column_floor = to_lanes(problem.log_b - theta, dtype, padding=0.0)
    context.counts.full_passes += 1
    kept_dtype = _DOUBLE if exact else _SINGLE

    counts, indices, reduced, dropped = [], [], [], []
    total = 0
    for part in context.map_tiles(
        _support_tile,
        problem.shape,
        lambda i, j: (slice(i, j), inputs.scalars, kept_dtype, limit, bounded),
        lasting=(inputs.points, inputs.leaves, geometry.x, geometry.y),
        passing=(inputs.rows, inputs.columns, row_floor, column_floor, f, g),
    ):
        if part is None or (total := total + part[1].size) > limit:
            return None
        counts.append(part[0])
        indices.append(part[1])
        reduced.append(part[2])
        dropped.append(part[3])
    excess = 1 + geometry.rounding_bound(potentials.epsilon) if dtype == _SINGLE else 1.0
    return Support(
        indptr=_row_pointers(np.concatenate(counts)),
        indices=np.concatenate(indices) if len(indices) > 1 else indices[0],
        reduced=np.concatenate(reduced) if len(reduced) > 1 else reduced[0],
        reference=potentials.copy(),
        theta=theta,
        dropped=np.concatenate(dropped) * excess,
    )


def _row_pointers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def _support_tile(
    points: Floats,
    leaves: Floats,
    x: Array,
    y: Array,
    rows: Floats,
    columns: Floats,
    row_floor: Floats,
    column_floor: Floats,
    f: Array,
    g: Array,
    part: slice,
    scalars: tuple[int, Any, bool],
    kept_dtype: np.dtype[Any],
    limit: int,
    bounded: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats, Array] | None:
    """(entries per row, their columns, their reduced costs, bound of each row's dropped mass) of one tile."""
    tile = TileInputs(points, leaves, rows, columns, *scalars).select(part)
    n_rows = len(tile.points)
    counts, dropped = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows)
    # room for forty entries per row, or for whole blocks of rows where there are few columns; refilled when full
    indices = np.empty(max(40 * n_rows, 16 * tile.width), dtype=np.int32)
    pieces: list[NDArray[np.int32]] = []
    done = total = 0
    while done < n_rows:
        done, written = tile_pass.support_rows(
            tile.points, tile.leaves, tile.rows, tile.columns, row_floor[part], column_floor, tile.n_columns,
            tile.scale, tile.squared, counts, indices, dropped, done, bounded,
        )  # fmt: skip
        pieces.append(indices[:written].copy())
        total += written
        if total > limit:
            return None
    found = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    reduced = np.empty(found.size, dtype=kept_dtype)
    tile_pass.reduced_costs(x[part], y, _row_pointers(counts), found, tile.squared, f[part], g, reduced)
    return counts, found, reduced, dropped


def support_of_entries(
    problem: Problem, rows: NDArray[np.intp], columns: NDArray[np.int32], potentials: Potentials, *, like: Support
) -> Support:
    """A support made of given entries, sorted by row, with the threshold and precision of another.

    The mass outside is unknown and counts as infinite.
    """
    n, _ = problem.shape
    geometry, f, g = problem.geometry, potentials.f, potentials.g
    indptr = _row_pointers(np.bincount(rows, minlength=n))
    reduced = np.empty(columns.size, dtype=like.reduced.dtype)
    tile_pass.reduced_costs(geometry.x, geometry.y, indptr, columns, geometry.squared, f, g, reduced)
    return replace(
        like,
        indptr=indptr,
        indices=columns,
        reduced=reduced,
        reference=potentials.copy(),
        dropped=np.full(n, np.inf),
    )


def density(problem: Problem, potentials: Potentials, theta: float) -> float:
    """Share of all pairs that a support at theta would hold, estimated from 32 rows spread evenly."""
    written, _ = _sampled_support(problem, potentials, theta, bounded=False)
    return float(written / (problem.sampled_rows.size * problem.shape[1]))


def dropped_mass(problem: Problem, potentials: Potentials, theta: float) -> float:
    """Upper bound of the mass that a support at theta would leave out, estimated from 32 rows spread evenly."""
    _, dropped = _sampled_support(problem, potentials, theta, bounded=True)
    return float(dropped.sum() / problem.a[problem.sampled_rows].sum())


def _sampled_support(
    problem: Problem, potentials: Potentials, theta: float, *, bounded: bool
) -> tuple[int, NDArray[np.float64]]:
    """Entries of a support of the sampled rows, and a bound of the mass outside of each row, ``(n_rows,)``."""
    sample, dropped = problem.sampled_rows, np.zeros(problem.sampled_rows.size)
    inputs = tile_inputs(problem, potentials, _ROUGH).select(sample)
    dtype, n_rows, m = inputs.points.dtype, sample.size, problem.shape[1]
    _, written = tile_pass.support_rows(
        inputs.points, inputs.leaves, inputs.rows, inputs.columns, (problem.log_a[sample] - theta).astype(dtype),
        to_lanes(problem.log_b - theta, dtype, padding=0.0), inputs.n_columns, inputs.scale, inputs.squared,
        np.zeros(n_rows, dtype=np.int64), np.empty(n_rows * (m + 64), dtype=np.int32), dropped, 0, bounded,
    )  # fmt: skip
    return written, dropped


def sinkhorn_pass(
    problem: Problem, potentials: Potentials, context: SolveContext, allowed: float
) -> tuple[Array, Array]:
    """One Sinkhorn iteration without storing anything: row sums, and column sums after the rows are corrected.

    The corrected f is ``f + epsilon · log(a / row sums)``; the column sums belong to it.
    """
    inputs = tile_inputs(problem, potentials, allowed)
    context.counts.full_passes += 1
    row_sums, column_sums = [], np.zeros(inputs.width)
    for sums, more in context.map_tiles(
        _sinkhorn_tile,
        problem.shape,
        lambda i, j: (slice(i, j), inputs.scalars),
        lasting=(inputs.points, inputs.leaves, problem.a),
        passing=(inputs.rows, inputs.columns),
        merge=_added,
    ):
        row_sums.append(sums)
        column_sums += more
    return np.concatenate(row_sums), column_sums[: problem.shape[1]]


def _added(tiles: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Row sums of successive tiles, and their column sums together."""
    column_sums = tiles[0][1]
    for _, more in tiles[1:]:
        column_sums += more
    return np.concatenate([sums for sums, _ in tiles]), column_sums


def _sinkhorn_tile(
    points: Floats,
    leaves: Floats,
    a: Array,
    rows: Floats,
    columns: Floats,
    part: slice,
    scalars: tuple[int, Any, bool],
) -> tuple[Array, Array]:
    tile, a = TileInputs(points, leaves, rows, columns, *scalars).select(part), a[part]
    sums, column_sums = np.empty(len(tile.points)), np.zeros(tile.width)
    tile_pass.sinkhorn_rows(
        tile.points, tile.leaves, tile.rows, tile.columns, tile.scale, tile.squared, a, sums, column_sums
    )
    return sums, column_sums


def mean_pair_cost(problem: Problem) -> float:
    """Mean cost over all pairs, without weights; sums of 64 in float32, the rest in float64."""
    geometry = problem.geometry
    n, m = problem.shape
    leaves, points = geometry.leaves(_SINGLE), geometry.sources(_SINGLE)
    counts = to_lanes(np.ones(m), _SINGLE, padding=0.0)
    total = 0.0
    step = max(64, 50_000_000 // m)
    for start in range(0, n, step):
        part = points[start : start + step]
        out = np.empty(len(part))
        tile_pass.cost_sums(part, leaves, counts, geometry.squared, out)
        total += float(out.sum())
    return total / (n * m)
