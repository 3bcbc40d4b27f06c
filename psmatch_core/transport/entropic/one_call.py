"""A problem of up to a thousand cells in one compiled call, with its costs stored.

At this size, thirty calls and what numpy does between them take longer than the iterations. With all costs at hand, a
kernel or a support at other potentials takes one exponential or one comparison per pair. A call that does not converge
is discarded, and the usual way begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.iteration import MOST_STALLED, newton
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.geometry import PADDING
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.compiled import compiled, constant, exponential, inlined
from psmatch_core.transport.kernels.leaves import LEAF, exponents, lanes_above, lowest_bit
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import AnnealingSchedule
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.status import SolvePath, SolveStatus

_BLOCK = 16  # rows during which a leaf stays in the first-level cache
_MOST_PAIRS = 1_210_000
_PAIR_BYTES = 24  # cost, kernel, and a support while it is built
_PASSES = 1500  # kernel passes of one call, about 10 ms at 500 cells
_SMALLEST_TOLERANCE = 1e-4  # kernels in float32 lead to it
_MOST_ROUNDING = 0.1  # of the tolerance
_INNER = 0.3  # of the tolerance: the error to which a support is iterated before the plan is measured


@compiled
def _store_costs(x: Array, leaves: Floats, squared: bool, m: int, out: Array) -> float:
    """Costs of all pairs, ``(n, 64 · n_leaves)``; returns their mean over the first m columns."""
    zeros = np.zeros(LEAF)
    for first in range(0, x.shape[0], _BLOCK):
        for j in range(leaves.shape[0]):
            for i in range(first, min(first + _BLOCK, x.shape[0])):
                exponents(x[i], leaves[j], zeros, 0.0, -1.0, squared, out[i, j * LEAF : (j + 1) * LEAF])
    total = 0.0
    for i in range(x.shape[0]):
        row = out[i, :m]
        for k in range(m):
            total += row[k]
    return total / (x.shape[0] * m)


@inlined
def _fill_kernel(costs: Array, rows: Array, columns: Array, scale: float, out: Floats) -> None:
    """``exp(rows_i + columns_j − scale · cost_ij)`` in float32; columns are padded as the costs are."""
    for i in range(rows.size):
        source, target, row = costs[i], out[i], rows[i]
        for j in range(columns.size):
            target[j] = exponential(constant(row + columns[j] - scale * source[j], target[j]))


@inlined
def _padded(values: Array, width: int, padding: float) -> Array:
    """The values ``(m,)`` and padding up to the width."""
    out = np.full(width, padding)
    out[: values.size] = values
    return out


@inlined
def _find_entries(
    costs: Array, rows: Array, columns: Array, scale: float, row_floors: Array, floors: Array, most: int
) -> tuple[Any, Any, Any]:
    """(row pointers, columns, kernel) of the entries above the floor of their row or column; no entries if over most.

    columns and floors are padded as the costs are.
    """
    n, width = costs.shape
    indptr = np.zeros(n + 1, np.int64)
    indices, values = np.empty(most + width, np.uint32), np.empty(most + width, np.float32)
    buffer = np.empty(LEAF)
    total = 0
    none, one = np.uint64(0), np.uint64(1)
    for i in range(n):
        row, floor = rows[i], row_floors[i]
        for start in range(0, width, LEAF):
            source, shifts = costs[i, start : start + LEAF], columns[start : start + LEAF]
            for k in range(LEAF):
                buffer[k] = row + shifts[k] - scale * source[k]
            mask = lanes_above(buffer, floors[start : start + LEAF], floor)
            while mask != none:
                lane = lowest_bit(mask)
                indices[total] = start + lane
                values[total] = buffer[lane]
                total += 1
                mask &= mask - one
        indptr[i + 1] = total
        if total > most:
            return np.zeros(n + 1, np.int64), indices[:0], values[:0]
    for k in range(total):
        values[k] = exponential(min(np.float32(80.0), values[k]))
    return indptr, indices[:total], values[:total]


@inlined
def _covers(indptr: Any, indices: Any, m: int) -> bool:
    """Whether each row and each column has an entry."""
    held = np.zeros(m, np.bool_)
    for k in range(indices.size):
        held[indices[k]] = True
    return bool(held.all() and (indptr[1:] > indptr[:-1]).all())


@compiled
def _iterate(
    costs: Array,
    a: Array,
    b: Array,
    log_a: Array,
    log_b: Array,
    epsilons: Array,
    thetas: Array,
    rough: float,
    tolerance: float,
    most_passes: int,
    sparse_below: float,
    f: Array,
    g: Array,
) -> tuple[bool, int]:
    """Lower epsilon step by step, and improve f and g in place; returns whether that worked, and the passes.

    ``thetas`` holds the threshold of supports on the way and at the end.
    """
    n, m, width = a.size, b.size, costs.shape[1]
    kernel = np.empty((n, width), np.float32)
    ones = np.ones(m)
    passes = 0
    most = int(sparse_below * n * m)
    for step in range(epsilons.size):
        epsilon = epsilons[step]
        scale = 1.0 / epsilon
        is_last = step == epsilons.size - 1
        for turn in range(2 if is_last else 1):
            theta = thetas[turn]
            aim = tolerance if is_last and turn == 1 else rough
            left = most_passes - passes
            if left < 40:
                return False, passes
            rows, columns = f * scale + log_a, _padded(g * scale + log_b, width, PADDING)
            indptr, indices, values = _find_entries(
                costs, rows, columns, scale, log_a - theta, _padded(log_b - theta, width, 0.0), most if step > 0 else 0
            )
            if indices.size == 0:
                if is_last and turn == 0:
                    continue
                _fill_kernel(costs, rows, columns, scale, kernel)
                v, u, error, used, n_stalled = newton((kernel,), a, b, ones, aim, left, left, 2, 0)
            else:
                if not _covers(indptr, indices, m):
                    return False, passes
                v, u, error, used, n_stalled = newton((indptr, indices, values), a, b, ones, aim, left, left, 1, 0)
            passes += used
            if not error <= aim or n_stalled >= MOST_STALLED:
                return False, passes
            f += epsilon * np.log(u)
            g += epsilon * np.log(v)
    return True, passes


@compiled
def _measure(
    costs: Array,
    a: Array,
    b: Array,
    log_a: Array,
    log_b: Array,
    epsilon: float,
    theta: float,
    most: int,
    f: Array,
    g: Array,
) -> tuple[float, Any, Any, Any, Array]:
    """Make all row sums right by f, in place, and measure the plan in float64.

    Returns the L1 error of the column sums, and a support: row pointers, columns, reduced costs ``C − f − g``, and the
    mass of each row outside. The support is empty if it has more than ``most`` entries.
    """
    n, m, width = a.size, b.size, costs.shape[1]
    scale = 1.0 / epsilon
    columns = _padded(g * scale + log_b, width, PADDING)
    sums, masses = np.zeros(width), np.empty(width)
    indptr, dropped = np.zeros(n + 1, np.int64), np.zeros(n)
    share = np.exp(-theta)
    floors = _padded(b * share, width, 1.0)
    indices, reduced = np.empty(most + width, np.int32), np.empty(most + width, np.float32)
    total = 0
    none, one = np.uint64(0), np.uint64(1)
    for i in range(n):
        source, row = costs[i], f[i] * scale + log_a[i]
        mass = 0.0
        for j in range(width):
            value = exponential(row + columns[j] - scale * source[j])
            masses[j] = value
            mass += value
        factor = a[i] / max(mass, 1e-300)
        f[i] += epsilon * np.log(factor)
        for j in range(width):
            masses[j] *= factor
            sums[j] += masses[j]
        floor, kept = a[i] * share, 0.0
        for start in range(0, width if total <= most else 0, LEAF):
            mask = lanes_above(masses[start : start + LEAF], floors[start : start + LEAF], floor)
            while mask != none:
                j = start + lowest_bit(mask)
                if j < m:
                    indices[total] = j
                    reduced[total] = source[j] - f[i] - g[j]
                    kept += masses[j]
                    total += 1
                mask &= mask - one
        dropped[i] = max(a[i] - kept, 0.0)
        indptr[i + 1] = total
    error = 0.0
    for j in range(m):
        error += abs(sums[j] - b[j])
    if total > most:
        total = 0
    return error, indptr, indices[:total].copy(), reduced[:total].copy(), dropped


def solve_in_one_call(problem: Problem, epsilon: float, theta: float, context: SolveContext) -> SolveOutcome | None:
    """The certified solution of a small problem; None if it is not suited, or did not converge in one call.

    ``theta`` is the threshold of the support at the end.
    """
    options, geometry = context.options, problem.geometry
    schedule, tolerance = options.schedule, options.tolerance
    n, m = problem.shape
    if (
        geometry.n_pairs > _MOST_PAIRS
        or max(n, m) > schedule.coarsest_cells
        or schedule != AnnealingSchedule()
        or tolerance < _SMALLEST_TOLERANCE
        or geometry.n_pairs * _PAIR_BYTES > options.memory_budget
        or context.iterations_left < 2 * _PASSES
        or context.is_rough
        or geometry.rounding_bound(epsilon, np.dtype(np.float64)) > _MOST_ROUNDING * tolerance
    ):
        return None
    context.monitor.check()
    leaves = geometry.leaves(np.dtype(np.float64))
    costs = np.empty((n, leaves.shape[0] * LEAF))
    mean = _store_costs(geometry.x, leaves, geometry.squared, m, costs)
    start = max(epsilon, schedule.first_epsilon * mean)
    count = int(np.ceil(np.log(start / epsilon) / np.log(schedule.largest_step) - 1e-9))
    epsilons = start * (epsilon / start) ** (np.arange(count + 1) / max(count, 1))
    epsilons[-1] = epsilon
    f, g = np.full(n, mean / 2), np.full(m, mean / 2)
    worked, passes = _iterate(
        costs, problem.a, problem.b, problem.log_a, problem.log_b, epsilons, np.array([schedule.theta, theta]),
        schedule.rough_error, _INNER * tolerance, _PASSES, schedule.sparse_below, f, g,
    )  # fmt: skip
    context.counts.iterations += passes
    context.counts.full_passes += 2
    if not worked:
        return None
    most = int(schedule.sparse_below * geometry.n_pairs)
    error, indptr, indices, reduced, dropped = _measure(
        costs, problem.a, problem.b, problem.log_a, problem.log_b, epsilon, theta, most, f, g
    )
    potentials = Potentials(f, g, epsilon)
    rounding = full_pass.rounding_error(problem, potentials, 0.0)
    status = SolveStatus.from_error(error + 2 * rounding, tolerance)
    if status != SolveStatus.CONVERGED:
        return None
    support, path = None, SolvePath.DENSE
    if indices.size:
        support, path = Support(indptr, indices, reduced, potentials.copy(), theta, dropped), SolvePath.SPARSE
    lost = float(dropped.sum()) if support is not None else 0.0
    return SolveOutcome(f, g, rounding, error + rounding, lost, support, path, status)
