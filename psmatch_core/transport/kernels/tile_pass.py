"""Passes over all pairs of a tile of rows: distance, exponent and sum, pair by pair and without storing them.

Quantities are scaled: ``rows`` = f / epsilon + log a and ``columns`` = g / epsilon + log b, so that the mass of a pair
is P = exp(rows + columns − cost / epsilon). Each function takes the rows of one tile and the targets in leaves, and
processes ``_BLOCK`` rows at a time, so that a leaf is read from the first-level cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.kernels.compiled import compiled, constant, exponential, inlined
from psmatch_core.transport.kernels.leaves import LEAF, exponents, lanes_above, lowest_bit

_BLOCK = 16

# A leaf whose largest entry lies this far below the threshold (in exponents) is not summed: all its entries count as
# if they were as large, which bounds the dropped mass from above and avoids most of the exponentials.
_UNSUMMED = 4.0
_UNADDED = 20.0  # 64 · e⁻²⁰ per leaf is below the rounding of a sum in float32
_FIRST_AXES = 8  # axes that are read first; they are the widest
_NEGLIGIBLE = 12.0  # a lower bound of what an entry counts for: e⁻¹² of the threshold, negligible even n times


@inlined
def soft_minimum(points: Floats, leaves: Floats, columns: Floats, scale: float, squared: bool, out: Array) -> None:
    """``out_i = −log Σ_j exp(columns_j − scale · cost_ij)``: the soft c-transform, divided by epsilon.

    points ``(r, T)``, leaves ``(n_leaves, T, 64)``, columns ``(n_leaves, 64)``, out ``(r,)``; scale is 1 / epsilon.
    If epsilon is small, the entries of most leaves are known to be negligible from their first axes. That changes no
    bit of the result, which is the same for a row in any tile.
    """
    zero = constant(0.0, scale)
    buffer = np.empty(LEAF, points.dtype)
    largest = np.empty(_BLOCK, points.dtype)
    total = np.empty(_BLOCK, np.float64)
    n_ruled_out = 0
    for first in range(0, points.shape[0], _BLOCK):
        size = min(_BLOCK, points.shape[0] - first)
        for i in range(size):
            largest[i] = -1e30
            total[i] = 0.0
        # first axes are read if they ruled out enough in the block before; every eighth block tries again
        reads_first_axes = points.shape[1] >= 2 * _FIRST_AXES and (
            first % (8 * _BLOCK) == 0 or n_ruled_out > 0.4 * leaves.shape[0] * _BLOCK
        )
        n_ruled_out = 0
        for j in range(leaves.shape[0]):
            leaf = leaves[j]
            shift = columns[j]
            first_axes = leaf[:_FIRST_AXES]
            for i in range(size):
                if reads_first_axes and j > 0:
                    point = points[first + i, :_FIRST_AXES]
                    if exponents(point, first_axes, shift, zero, scale, squared, buffer) <= largest[i] - _UNADDED:
                        n_ruled_out += 1
                        continue
                top = exponents(points[first + i], leaf, shift, zero, scale, squared, buffer)
                if top > largest[i]:
                    total[i] *= np.exp(np.float64(largest[i]) - np.float64(top))
                    largest[i] = top
                if top > largest[i] - _UNADDED:
                    reference = largest[i]
                    part = zero
                    for k in range(LEAF):
                        part += exponential(buffer[k] - reference)
                    total[i] += part
        for i in range(size):
            out[first + i] = -(np.float64(largest[i]) + np.log(total[i]))


@inlined
def cost_sums(points: Floats, leaves: Floats, columns: Floats, squared: bool, out: Array) -> None:
    """``out_i = Σ_j cost_ij``; columns ``(n_leaves, 64)`` hold 1 for a target and 0 for padding."""
    buffer, zeros = np.empty(LEAF, points.dtype), np.zeros(LEAF, points.dtype)
    zero, minus = constant(0.0, columns[0, 0]), constant(-1.0, columns[0, 0])
    for i in range(points.shape[0]):
        total = 0.0
        for j in range(leaves.shape[0]):
            exponents(points[i], leaves[j], zeros, zero, minus, squared, buffer)
            counts = columns[j]
            part = zero
            for k in range(LEAF):
                part += counts[k] * buffer[k]
            total += part
        out[i] = total


@inlined
def dense_rows(
    points: Floats, leaves: Floats, rows: Floats, columns: Floats, scale: float, squared: bool, out: Floats
) -> None:
    """``out_ij = P_ij`` for one tile; out is ``(r, 64 · n_leaves)`` and 0 in the padding columns.

    Exponentials are computed in the type of ``out``. An exponent of float64 that is rounded to float32 moves its entry
    by 2⁻²⁴ of itself, and exponents are below 50 where there is mass.
    """
    buffer = np.empty(LEAF, points.dtype)
    like = np.zeros(1, out.dtype)[0]
    for first in range(0, points.shape[0], _BLOCK):
        size = min(_BLOCK, points.shape[0] - first)
        for j in range(leaves.shape[0]):
            leaf = leaves[j]
            shift = columns[j]
            for i in range(first, first + size):
                exponents(points[i], leaf, shift, rows[i], scale, squared, buffer)
                target = out[i, j * LEAF : (j + 1) * LEAF]
                for k in range(LEAF):
                    target[k] = exponential(constant(buffer[k], like))


@compiled
def exponent_rows(
    points: Floats, leaves: Floats, rows: Floats, columns: Floats, scale: float, squared: bool, out: Floats
) -> None:
    """``out_ij = log P_ij`` for one tile; out is ``(r, 64 · n_leaves)``, and very negative in the padding columns."""
    buffer = np.empty(LEAF, points.dtype)
    for first in range(0, points.shape[0], _BLOCK):
        size = min(_BLOCK, points.shape[0] - first)
        for j in range(leaves.shape[0]):
            for i in range(first, first + size):
                exponents(points[i], leaves[j], columns[j], rows[i], scale, squared, buffer)
                out[i, j * LEAF : (j + 1) * LEAF] = buffer


@inlined
def sinkhorn_rows(
    points: Floats,
    leaves: Floats,
    rows: Floats,
    columns: Floats,
    scale: float,
    squared: bool,
    a: Array,
    sums: Array,
    column_sums: Array,
) -> None:
    """One Sinkhorn iteration with one exponential per pair: row sums, then column sums of the rescaled rows.

    ``sums_i = Σ_j P_ij``, then ``column_sums_j += a_i / sums_i · P_ij``. a and sums ``(r,)``; column_sums
    ``(64 · n_leaves,)``. A block of rows stays in cache between the two uses.
    """
    block = 8
    n_leaves = leaves.shape[0]
    buffer = np.empty(LEAF, points.dtype)
    block_values = np.empty((block, n_leaves * LEAF), points.dtype)
    zero = constant(0.0, scale)
    for first in range(0, points.shape[0], block):
        size = min(block, points.shape[0] - first)
        for i in range(size):
            sums[first + i] = 0.0
        for j in range(n_leaves):
            leaf = leaves[j]
            shift = columns[j]
            for i in range(size):
                exponents(points[first + i], leaf, shift, rows[first + i], scale, squared, buffer)
                target = block_values[i, j * LEAF : (j + 1) * LEAF]
                part = zero
                for k in range(LEAF):
                    value = exponential(buffer[k])
                    target[k] = value
                    part += value
                sums[first + i] += part
        for i in range(size):
            factor = a[first + i] / max(sums[first + i], 1e-300)
            row = block_values[i]
            for j in range(column_sums.size):
                column_sums[j] += factor * row[j]


@compiled
def support_rows(
    points: Floats,
    leaves: Floats,
    rows: Floats,
    columns: Floats,
    row_floor: Floats,
    column_floor: Floats,
    n_columns: int,
    scale: float,
    squared: bool,
    counts: NDArray[np.int64],
    indices: NDArray[np.int32],
    dropped: Array,
    start: int,
    bounded: bool,
) -> tuple[int, int]:
    """The entries that matter, row by row: those with log P above the floor of their row or of their column.

    row_floor ``(r,)`` and column_floor ``(n_leaves, 64)`` are logarithms of mass. Columns from ``n_columns`` on are
    padding and never found, whatever the potentials. Starting with row ``start``, the function writes the number of
    entries of each row into counts, their columns into indices, and an upper bound of the mass of all other entries
    into dropped (infinite unless ``bounded``). It returns the row it reached and the number of entries written; it
    stops before the end of the tile when indices, which has room for one block of rows at least, is full.
    """
    n_rows = points.shape[0]
    n_leaves = leaves.shape[0]
    staged = np.empty((_BLOCK, n_leaves * LEAF), np.int32)
    n_staged = np.empty(_BLOCK, np.int64)
    buffer = np.empty(LEAF, points.dtype)
    lowest = np.empty(n_leaves, points.dtype)
    zero = constant(0.0, scale)
    never = constant(-80.0, scale)
    reads_first_axes = points.shape[1] >= 2 * _FIRST_AXES
    margin = _UNSUMMED if bounded else 0.0
    none, one = np.uint64(0), np.uint64(1)
    in_last = np.uint64(n_columns - (n_leaves - 1) * LEAF)  # targets in the last leaf, 1 to 64
    all_lanes = ~none
    for j in range(n_leaves):
        lowest[j] = column_floor[j].min()
    written = 0
    for first in range(start, n_rows, _BLOCK):
        size = min(_BLOCK, n_rows - first)
        n_staged[:] = 0
        for i in range(size):
            dropped[first + i] = 0.0 if bounded else np.inf
        for j in range(n_leaves):
            leaf = leaves[j]
            shift = columns[j]
            floors = column_floor[j]
            first_axes = leaf[:_FIRST_AXES]
            lanes = all_lanes if j < n_leaves - 1 else all_lanes >> (np.uint64(LEAF) - in_last)
            for i in range(size):
                floor = row_floor[first + i]
                low = min(floor, lowest[j])
                if reads_first_axes:
                    # costs along the first axes alone are smaller and exponents larger, so that what falls below the
                    # floor there does so along all axes
                    point = points[first + i, :_FIRST_AXES]
                    top = exponents(point, first_axes, shift, rows[first + i], scale, squared, buffer)
                    if top <= low - margin:
                        if bounded:
                            dropped[first + i] += LEAF * exponential(max(top, low - _NEGLIGIBLE))
                        continue
                top = exponents(points[first + i], leaf, shift, rows[first + i], scale, squared, buffer)
                if bounded:
                    if top <= low - _UNSUMMED:
                        dropped[first + i] += LEAF * exponential(max(top, low - _NEGLIGIBLE))
                        continue
                    part = zero
                    for k in range(LEAF):
                        value = buffer[k]
                        part += exponential(value if value <= min(floor, floors[k]) else never)
                    dropped[first + i] += part
                if top > low:
                    n = n_staged[i]
                    into = staged[i]
                    mask = lanes_above(buffer, floors, floor) & lanes
                    while mask != none:
                        into[n] = j * LEAF + lowest_bit(mask)
                        n += 1
                        mask &= mask - one
                    n_staged[i] = n
        total = 0
        for i in range(size):
            total += n_staged[i]
        if written + total > indices.size:
            return first, written
        for i in range(size):
            counts[first + i] = n_staged[i]
            for k in range(n_staged[i]):
                indices[written] = staged[i, k]
                written += 1
    return n_rows, written


@compiled
def reduced_costs(
    x: Array,
    y: Array,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    squared: bool,
    f: Array,
    g: Array,
    out: Floats,
) -> None:
    """Reduced costs ``C_ij − f_i − g_j`` of the entries of a support, computed in float64.

    They are small where the plan has mass, so that float32 resolves them a hundred times better than the costs.
    """
    for i in range(indptr.size - 1):
        point = x[i]
        for entry in range(indptr[i], indptr[i + 1]):
            other = y[indices[entry]]
            total = 0.0
            for dimension in range(point.size):
                difference = point[dimension] - other[dimension]
                total += difference * difference
            cost = total if squared else np.sqrt(total)
            out[entry] = cost - f[i] - g[indices[entry]]


@compiled
def largest_of_rows(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], values: Floats, best: NDArray[np.int64], shares: Array
) -> None:
    """The largest entries of each sparse row: columns into best ``(n, k)``, their shares of the row into shares."""
    k = best.shape[1]
    if k == 0:
        return
    for i in range(indptr.size - 1):
        total = 0.0
        found = 0
        for entry in range(indptr[i], indptr[i + 1]):
            value = np.float64(values[entry])
            total += value
            if value <= 0.0 or (found == k and value <= shares[i, k - 1]):
                continue
            place = found if found < k else k - 1
            while place > 0 and shares[i, place - 1] < value:
                shares[i, place] = shares[i, place - 1]
                best[i, place] = best[i, place - 1]
                place -= 1
            shares[i, place] = value
            best[i, place] = indices[entry]
            found = min(found + 1, k)
        for place in range(found):
            shares[i, place] /= total
