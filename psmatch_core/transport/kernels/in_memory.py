"""A kernel held in memory, dense or sparse, and the loops that read it once.

The kernel K is the plan at some reference potentials. One *pass* reads it once: it computes s = K w, forms
q = p · s^power row by row while the row is in cache, and adds q K to the columns. The power −1 gives a Sinkhorn
iteration, 1 a product with the Hessian, and a power in between an iteration with a relaxed marginal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.kernels.compiled import INLINED, compiled, constant, exponential, inlined

Kernel = tuple[Floats] | tuple[NDArray[np.int64], NDArray[np.uint32], Floats]

TINY = 1e-280
_CHUNK = 1024  # columns summed in the kernel's type before the sum is added up in float64


@inlined
def _times_power(p: float, s: float, power: float) -> float:
    """``p · s^power``, by a division or a product where possible."""
    if power == -1.0:
        return p / max(s, TINY)
    if power == 1.0:
        return p * s
    return float(p * np.exp(power * np.log(max(s, TINY))))


@inlined
def dense_pass(matrix: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """One pass over a dense kernel ``(n, ≥ m)``; sums run in the kernel's type over 64 rows or 1,024 columns.

    Four rows at a time, so that w and the sums of the columns are read a fourth as often: 0.20 instead of 0.30 ns per
    pair at 10,000 cells, where reading the kernel alone takes 0.12.
    """
    m = out.size
    small = np.empty(m, matrix.dtype)
    part = np.zeros(m, matrix.dtype)
    factors = np.empty(4, matrix.dtype)
    sums = np.empty(4)
    zero = constant(0.0, part[0])
    for j in range(m):
        small[j] = w[j]
        out[j] = 0.0
    n = matrix.shape[0]
    for first in range(0, n, 4):
        # beyond the last row, the last one stands in and counts nothing
        row0, row1 = matrix[first], matrix[min(first + 1, n - 1)]
        row2, row3 = matrix[min(first + 2, n - 1)], matrix[min(first + 3, n - 1)]
        sums[:] = 0.0
        for start in range(0, m, _CHUNK):
            end = min(start + _CHUNK, m)
            weights = small[start:end]
            part0, part1, part2, part3 = row0[start:end], row1[start:end], row2[start:end], row3[start:end]
            sum0 = sum1 = sum2 = sum3 = zero
            for k in range(weights.size):
                weight = weights[k]
                sum0 += part0[k] * weight
                sum1 += part1[k] * weight
                sum2 += part2[k] * weight
                sum3 += part3[k] * weight
            sums[0] += sum0
            sums[1] += sum1
            sums[2] += sum2
            sums[3] += sum3
        for k in range(4):
            factors[k] = zero
            if first + k < n:
                s[first + k] = sums[k]
                q[first + k] = _times_power(p[first + k], sums[k], power)
                factors[k] = q[first + k]
        factor0, factor1, factor2, factor3 = factors[0], factors[1], factors[2], factors[3]
        for j in range(m):
            part[j] += factor0 * row0[j] + factor1 * row1[j] + factor2 * row2[j] + factor3 * row3[j]
        if first % 64 == 60 or first + 4 >= n:
            for j in range(m):
                out[j] += part[j]
                part[j] = zero


@inlined
def sparse_pass(
    indptr: Any, indices: Any, values: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array
) -> None:
    """One pass over a sparse kernel in rows; indices are unsigned.

    Signed indices would be tested for Python's negative ones, which prevents vectorisation: 2.4 to 4 ns per entry
    instead of 1.
    """
    small = np.empty(w.size, values.dtype)
    for j in range(w.size):
        small[j] = w[j]
    out[:] = 0.0
    zero = constant(0.0, small[0])
    for i in range(indptr.size - 1):
        columns = indices[indptr[i] : indptr[i + 1]]
        row = values[indptr[i] : indptr[i + 1]]
        total = zero
        for entry in range(row.size):
            total += row[entry] * small[columns[entry]]
        s[i] = total
        factor = _times_power(p[i], s[i], power)
        q[i] = factor
        for entry in range(row.size):
            out[columns[entry]] += factor * row[entry]


def one_pass(kernel: Kernel, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """``s = K w; q = p · s^power; out = Kᵀ q`` for either kind of kernel; for compiled code only."""
    raise NotImplementedError("compiled code only")


@overload(one_pass, jit_options=INLINED)  # type: ignore[untyped-decorator, unused-ignore]
def _one_pass(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> Any:
    if isinstance(kernel, types.BaseTuple) and len(kernel) == 1:

        def _dense(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> None:
            dense_pass(kernel[0], w, p, power, s, q, out)

        return _dense

    def _sparse(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> None:
        sparse_pass(kernel[0], kernel[1], kernel[2], w, p, power, s, q, out)

    return _sparse


@compiled
def run_pass(kernel: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """:func:`one_pass` for callers in Python."""
    one_pass(kernel, w, p, power, s, q, out)


@compiled
def kernel_values(indptr: Any, indices: Any, reduced: Any, rows: Any, columns: Any, scale: Any, out: Any) -> None:
    """``out = exp(rows_i + columns_j − scale · reduced)`` on a support.

    rows and columns are the changes of the potentials since the reduced costs were computed, divided by epsilon, plus
    the logarithms of the weights. All floating arguments are of one type. Exponents and exponentials have a loop
    each: in one loop, the gather prevents vectorisation of the exponential, 2.5 ns per entry instead of 0.7.
    """
    limit = constant(80.0, scale)  # keeps a poor start finite; one Sinkhorn step corrects it
    for i in range(indptr.size - 1):
        start, end = indptr[i], indptr[i + 1]
        others, costs, row = indices[start:end], reduced[start:end], out[start:end]
        shift = rows[i]
        for entry in range(row.size):
            row[entry] = shift + columns[others[entry]] - scale * costs[entry]
        for entry in range(row.size):
            row[entry] = exponential(min(limit, row[entry]))


@compiled
def narrow_support(
    indptr: Any,
    indices: Any,
    reduced: Any,
    rows: Any,
    columns: Any,
    scale: Any,
    row_floors: Any,
    floors: Any,
    kept_indptr: Any,
    kept_indices: Any,
    kept_reduced: Any,
) -> None:
    """The entries whose exponent ``rows_i + columns_j − scale · reduced`` is above the floor of their row or column.

    They are copied into kept_indices and kept_reduced, which need room for all entries and one more, and their row
    pointers into kept_indptr ``(n + 1,)``. A first loop that only counts them could find another number: compilers
    round two loops in two ways.
    """
    n_kept = 0
    kept_indptr[0] = 0
    for i in range(indptr.size - 1):
        start, end = indptr[i], indptr[i + 1]
        others, costs = indices[start:end], reduced[start:end]
        shift, floor = rows[i], row_floors[i]
        # writes every entry and advances only past those that are kept, so that there is no branch to mispredict
        into_indices, into_reduced = kept_indices[n_kept:], kept_reduced[n_kept:]
        found = 0
        for entry in range(others.size):
            j = others[entry]
            into_indices[found] = j
            into_reduced[found] = costs[entry]
            found += shift + columns[j] - scale * costs[entry] > min(floor, floors[j])
        n_kept += found
        kept_indptr[i + 1] = n_kept


@compiled
def sparse_marginals(indptr: Any, indices: Any, values: Any, rows: Array, columns: Array) -> None:
    """Row and column sums of a sparse kernel in float64, written into rows ``(n,)`` and columns ``(m,)``."""
    columns[:] = 0.0
    for i in range(indptr.size - 1):
        others, row = indices[indptr[i] : indptr[i + 1]], values[indptr[i] : indptr[i + 1]]
        total = 0.0
        for entry in range(row.size):
            total += row[entry]
            columns[others[entry]] += row[entry]
        rows[i] = total


@compiled
def sparse_log_sinkhorn(
    indptr: Any, indices: Any, reduced: Any, rows: Array, columns: Array, log_a: Array, log_b: Array, scale: Any
) -> None:
    """One Sinkhorn iteration in logarithms on a support: rows, then columns, in place.

    ``rows`` and ``columns`` are changes of the potentials divided by epsilon (without weights). Afterwards all column
    sums are right whatever the start was, and no entry exceeds the weight of its column, so that the kernel fits
    float32. A row or column without entries keeps its value. Exponents have the type of the reduced costs.
    """
    n, m = rows.size, columns.size
    shifts = np.empty(m, reduced.dtype)
    for j in range(m):
        shifts[j] = columns[j] + log_b[j]
    longest = 0
    for i in range(n):
        longest = max(longest, indptr[i + 1] - indptr[i])
    buffer = np.empty(longest, reduced.dtype)
    lifts = np.empty(n, reduced.dtype)
    top = np.full(m, constant(-1e30, scale), reduced.dtype)
    for i in range(n):
        start, end = indptr[i], indptr[i + 1]
        if start == end:
            continue
        others, costs, row = indices[start:end], reduced[start:end], buffer[: end - start]
        largest = constant(-1e30, scale)
        for entry in range(row.size):
            row[entry] = shifts[others[entry]] - scale * costs[entry]
            largest = max(largest, row[entry])
        total = constant(0.0, scale)
        for entry in range(row.size):
            total += exponential(row[entry] - largest)
        rows[i] = -(np.float64(largest) + np.log(np.float64(total)))
        lifts[i] = rows[i] + log_a[i]
        lift = lifts[i]
        for entry in range(row.size):
            top[others[entry]] = max(top[others[entry]], lift - scale * costs[entry])
    sums = np.zeros(m)
    for i in range(n):
        start, end = indptr[i], indptr[i + 1]
        others, costs, row = indices[start:end], reduced[start:end], buffer[: end - start]
        lift = lifts[i]
        for entry in range(row.size):
            row[entry] = lift - scale * costs[entry] - top[others[entry]]
        for entry in range(row.size):
            row[entry] = exponential(row[entry])
        for entry in range(row.size):
            sums[others[entry]] += row[entry]
    for j in range(m):
        if sums[j] > 0.0:
            columns[j] = -(top[j] + np.log(sums[j]))


@compiled
def count_above(values: Any, level: float) -> int:
    """How many values of a sparse kernel exceed a level."""
    count = 0
    for k in range(values.size):
        count += values[k] > level
    return count


@compiled
def count_scaled_above(matrix: Any, u: Array, v: Array, level: float) -> int:
    """How many entries of ``diag(u) matrix diag(v)`` exceed a level; matrix ``(n, ≥ m)``."""
    m = v.size
    small = np.empty(m, matrix.dtype)
    bound = np.empty(1, matrix.dtype)
    for j in range(m):
        small[j] = v[j]
    count = 0
    for i in range(u.size):
        row = matrix[i]
        bound[0] = min(level / u[i], 1e30)
        floor = bound[0]
        for j in range(m):
            count += row[j] * small[j] > floor
    return count


@compiled
def mark_indices(indices: Any, out: Any) -> None:
    """``out[indices] = True``; numpy takes ten times as long."""
    for k in range(indices.size):
        out[indices[k]] = True
