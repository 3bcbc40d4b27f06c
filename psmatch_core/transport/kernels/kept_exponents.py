"""The exponents of a plan held in memory, and the loops that turn them into the plan at another epsilon."""

from __future__ import annotations

from typing import Any

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.kernels.compiled import compiled, constant, power_of_two
from psmatch_core.transport.kernels.in_memory import TINY
from psmatch_core.transport.kernels.leaves import prefetch

_CHUNK = 256  # columns summed in float32 before the sum is added up in float64
_LINE = 16  # floats in a line of the cache


@compiled
def exponents_pass(
    exponents: Any, ratio: Any, rows: Any, columns: Any, a: Array, sums: Array, column_sums: Array
) -> None:
    """One Sinkhorn iteration on ``P_ij = 2^(ratio · exponents_ij + rows_i + columns_j)``, four rows at a time.

    exponents ``(n, ≥ m)``, ratio, rows ``(n,)`` and columns ``(m,)`` in float32. ``sums_i = Σ_j P_ij`` and
    ``column_sums_j = Σ_i a_i / sums_i · P_ij`` are written; they run in float32 over 64 rows or 256 columns. The
    next row is fetched while exponentials are computed: 0.29 instead of 0.54 ns per pair at 10,000 cells.
    """
    n, m = a.size, columns.size
    values = np.empty((4, exponents.shape[1]), exponents.dtype)
    part = np.zeros(m, exponents.dtype)
    factors = np.empty(4, exponents.dtype)
    zero = constant(0.0, ratio)
    column_sums[:] = 0.0
    for first in range(0, n, 4):
        for k in range(4):
            factors[k] = zero
            i = min(first + k, n - 1)
            following = exponents[min(i + 1, n - 1)]
            shift, total = rows[i], 0.0
            for start in range(0, m, _CHUNK):
                end = min(start + _CHUNK, m)
                for place in range(start, end, _LINE):
                    prefetch(following, place)
                kept, shifts, into = exponents[i, start:end], columns[start:end], values[k, start:end]
                partial = zero
                for j in range(shifts.size):
                    value = power_of_two(ratio * kept[j] + shift + shifts[j])
                    into[j] = value
                    partial += value
                total += partial
            if first + k < n:
                sums[i] = total
                factors[k] = a[i] / max(total, TINY)
        row0, row1, row2, row3 = values[0], values[1], values[2], values[3]
        factor0, factor1, factor2, factor3 = factors[0], factors[1], factors[2], factors[3]
        for j in range(m):
            part[j] += factor0 * row0[j] + factor1 * row1[j] + factor2 * row2[j] + factor3 * row3[j]
        if first % 64 == 60 or first + 4 >= n:
            for j in range(m):
                column_sums[j] += part[j]
                part[j] = zero


@compiled
def exponents_to_kernel(exponents: Any, ratio: Any, rows: Any, columns: Any, out: Any) -> None:
    """``out_ij = 2^(ratio · exponents_ij + rows_i + columns_j)``; exponents and out ``(n, ≥ m)``, float32."""
    for i in range(rows.size):
        kept, into, shift = exponents[i], out[i], rows[i]
        for j in range(columns.size):
            into[j] = power_of_two(ratio * kept[j] + shift + columns[j])
