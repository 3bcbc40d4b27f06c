"""Sinkhorn and Newton iterations on a kernel that is held in memory, dense or sparse; one compiled call each.

The kernel K is the plan at some reference potentials; the unknown is the column scaling v, with the row scaling
u = a / (K v) put in (the semi-dual). One *pass* reads K once: it finds s = K w, forms q = p / s (a Sinkhorn step)
or q = p · s (a product with the Hessian) row by row while the row is in cache, and adds q K to the columns. So a
conjugate gradient step of Newton's method costs what a Sinkhorn iteration costs, and a few dozen of them do the
work of a thousand.

Source: semi-dual of entropic transport: Peyré & Cuturi, Computational Optimal Transport (2019), section 4.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from psmatch_core.transport.compiled import FASTMATH, compiled, exponential

Array = NDArray[np.float64]
Kernel = tuple[NDArray[np.floating]] | tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.floating]]

_TINY = 1e-280
# Newton steps are held to a factor e⁸ in any one scaling: beyond that the quadratic model says nothing.
_LONGEST_STEP = 8.0
_RANGE = 20.0
FRUITLESS = 3


@compiled
def _raised(p: float, s: float, power: float) -> float:
    """``p · s^power``, by a division or a product where that will do."""
    if power == -1.0:
        return p / max(s, _TINY)
    if power == 1.0:
        return p * s
    return float(p * np.exp(power * np.log(max(s, _TINY))))


@compiled
def dense_pass(matrix: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """One pass over a dense kernel ``(n, ≥ m)``; sums run in the kernel's type over at most 64 rows at a time."""
    m = out.size
    small = np.empty(m, matrix.dtype)
    part = np.zeros(m, matrix.dtype)
    factor = np.empty(1, matrix.dtype)
    nothing = part[0] * 0
    for j in range(m):
        small[j] = w[j]
        out[j] = 0.0
    n = matrix.shape[0]
    for i in range(n):
        row = matrix[i]
        total = nothing
        for j in range(m):
            total += row[j] * small[j]
        s[i] = total
        q[i] = _raised(p[i], s[i], power)
        factor[0] = q[i]
        weight = factor[0]
        for j in range(m):
            part[j] += weight * row[j]
        if i % 64 == 63 or i == n - 1:
            for j in range(m):
                out[j] += part[j]
                part[j] = nothing


@compiled
def sparse_pass(
    indptr: Any, indices: Any, values: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array
) -> None:
    """One pass over a sparse kernel in rows; indices are unsigned.

    Signed ones would be tested for Python's negative indices, which stops vectorisation: 2.4 to 4 ns an entry
    against 1.
    """
    small = np.empty(w.size, values.dtype)
    for j in range(w.size):
        small[j] = w[j]
    out[:] = 0.0
    nothing = small[0] * 0
    for i in range(indptr.size - 1):
        columns = indices[indptr[i] : indptr[i + 1]]
        row = values[indptr[i] : indptr[i + 1]]
        total = nothing
        for entry in range(row.size):
            total += row[entry] * small[columns[entry]]
        s[i] = total
        factor = _raised(p[i], s[i], power)
        q[i] = factor
        for entry in range(row.size):
            out[columns[entry]] += factor * row[entry]


def one_pass(kernel: Kernel, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """``s = K w; q = p · s^power; out = Kᵀ q`` for either kind of kernel, in compiled code."""
    raise NotImplementedError("compiled code only")


@overload(one_pass, jit_options={"fastmath": FASTMATH, "error_model": "numpy"})  # type: ignore[untyped-decorator, unused-ignore]
def _one_pass(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> Any:
    if isinstance(kernel, types.BaseTuple) and len(kernel) == 1:

        def dense(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> None:
            dense_pass(kernel[0], w, p, power, s, q, out)

        return dense

    def sparse(kernel: Any, w: Any, p: Any, power: Any, s: Any, q: Any, out: Any) -> None:
        sparse_pass(kernel[0], kernel[1], kernel[2], w, p, power, s, q, out)

    return sparse


@compiled
def single_pass(kernel: Any, w: Array, p: Array, power: float, s: Array, q: Array, out: Array) -> None:
    """:func:`one_pass` for callers outside compiled code."""
    one_pass(kernel, w, p, power, s, q, out)


@compiled
def sinkhorn(
    kernel: Any, a: Array, b: Array, v: Array, tolerance: float, max_passes: int
) -> tuple[Array, float, int]:
    """Plain Sinkhorn iterations from column scaling v (changed in place): row scaling, column error, passes."""
    s, q, out = np.empty(a.size), np.empty(a.size), np.empty(b.size)
    error = np.inf
    passes = 0
    while passes < max_passes:
        one_pass(kernel, v, a, -1.0, s, q, out)
        passes += 1
        error = 0.0
        for j in range(b.size):
            error += abs(v[j] * out[j] - b[j])
        if error <= tolerance or passes == max_passes:
            break
        for j in range(b.size):
            v[j] = b[j] / max(out[j], _TINY)
    return q, error, passes


@compiled
def _step(
    kernel: Any, a: Array, b: Array, v: Array, u: Array, columns: Array, forcing: float, max_passes: int, shift: float
) -> tuple[Array, int]:
    """Newton's direction for log v by conjugate gradients, stopped when the residual has fallen by ``forcing``.

    The Hessian of the semi-dual, diag(c) − Pᵀ diag(1 / a) P, is the Laplacian of a bipartite graph: positive up to
    constants, and hardly more than that where every row has one match. The shift, of the size of the kernel's
    rounding, keeps it positive; where it is not even so, the direction is that of a Sinkhorn iteration.
    """
    m = b.size
    weights = u * u / a
    s, q, out = np.empty(a.size), np.empty(a.size), np.empty(m)
    direction, residual = np.zeros(m), b - columns
    diagonal = np.maximum(columns, 1e-3 * b)
    z = residual / diagonal
    search = z.copy()
    product = (residual * z).sum()
    enough = forcing * forcing * product
    passes = 0
    w = np.empty(m)
    while passes < max_passes:
        for j in range(m):
            w[j] = v[j] * search[j]
        one_pass(kernel, w, weights, 1.0, s, q, out)
        passes += 1
        curvature = 0.0
        for j in range(m):
            out[j] = columns[j] * search[j] - v[j] * out[j] + shift * diagonal[j] * search[j]
            curvature += search[j] * out[j]
        if not curvature > 0.0:
            if passes == 1:
                direction = search
            break
        length = product / curvature
        following = 0.0
        for j in range(m):
            direction[j] += length * search[j]
            residual[j] -= length * out[j]
            z[j] = residual[j] / diagonal[j]
            following += residual[j] * z[j]
        if following < enough:
            break
        ratio = following / product
        for j in range(m):
            search[j] = z[j] + ratio * search[j]
        product = following
    return direction, passes


@compiled
def _log_sum(weights: Array, sums: Array) -> float:
    """``Σ weights · log sums``."""
    total = 0.0
    for i in range(sums.size):
        total += weights[i] * np.log(max(sums[i], _TINY))
    return total


@compiled
def newton(
    kernel: Any, a: Array, b: Array, v: Array, tolerance: float, max_passes: int, plain: int, fruitless: int
) -> tuple[Array, Array, float, int, int]:
    """Maximise the semi-dual ``Σ b log v − Σ a log(K v)`` from v, after ``plain`` Sinkhorn iterations.

    Returns v ``(m,)``, u ``(n,)``, the L1 error of the column sums (rows are exact), the passes used, and
    how many of the last steps were fruitless: on a truncated kernel that cannot carry the marginals (a component
    whose rows hold more mass than its columns) the semi-dual has no maximum, steps stay as long as they may be, and
    the error stays. It gives up at the third; ``fruitless`` is the count so far. Where no step improves for
    rounding, it falls back on Sinkhorn iterations, which always do.
    """
    n, m = a.size, b.size
    v = v.copy()
    shift = 8.0 * np.finfo(kernel[-1].dtype).eps
    s, u, out = np.empty(n), np.empty(n), np.empty(m)
    one_pass(kernel, v, a, -1.0, s, u, out)
    passes = 1
    for _ in range(plain):
        for j in range(m):
            if out[j] > 0.0:
                v[j] = b[j] / max(out[j], _TINY)
        one_pass(kernel, v, a, -1.0, s, u, out)
        passes += 1
    columns = v * out
    error = np.abs(b - columns).sum()
    logs = np.log(v)
    value = (b * logs).sum() - _log_sum(a, s)
    s2, u2, out2 = np.empty(n), np.empty(n), np.empty(m)
    trial, columns2, logs2 = np.empty(m), np.empty(m), np.empty(m)
    while error > tolerance and passes < max_passes and fruitless < FRUITLESS:
        # no direction need be better than what the tolerance asks of the step it makes
        forcing = min(0.3, max(0.02, np.sqrt(error), 0.2 * tolerance / error))
        direction, used = _step(kernel, a, b, v, u, columns, forcing, max(1, min(200, max_passes - passes)), shift)
        passes += used
        longest = np.abs(direction).max()
        # one by one: a few cells that would go to infinity must not hold up all others
        direction = np.minimum(np.maximum(direction, -_LONGEST_STEP), _LONGEST_STEP)
        length = 1.0
        slope = ((b - columns) * direction).sum()
        accepted = False
        for _ in range(12):
            error2, value2 = 0.0, 0.0
            for j in range(m):
                logs2[j] = logs[j] + length * direction[j]
                trial[j] = exponential(logs2[j])
                value2 += b[j] * logs2[j]
            one_pass(kernel, trial, a, -1.0, s2, u2, out2)
            passes += 1
            for j in range(m):
                columns2[j] = trial[j] * out2[j]
                error2 += abs(b[j] - columns2[j])
            value2 -= _log_sum(a, s2)
            rises = value2 >= value + 1e-4 * length * slope
            # near the optimum the gain drowns in rounding: there a smaller error decides
            if np.isfinite(value2) and ((rises and error2 != error) or (error < 1e-2 and error2 < error)):
                accepted = True
                break
            length *= 0.4
        if not accepted:
            _, error, used = sinkhorn(kernel, a, b, v, tolerance, max(1, min(20, max_passes - passes)))
            one_pass(kernel, v, a, -1.0, s, u, out)
            passes += used + 1
            columns = v * out
            error = np.abs(b - columns).sum()
            logs = np.log(np.maximum(v, _TINY))
            value = (b * logs).sum() - _log_sum(a, s)
            continue
        fruitless = fruitless + 1 if longest > _LONGEST_STEP and error2 > 0.8 * error else 0
        v, trial = trial, v
        logs, logs2 = logs2, logs
        s, s2 = s2, s
        u, u2 = u2, u
        out, out2 = out2, out
        columns, columns2 = columns2, columns
        error, value = error2, value2
        if np.abs(logs).max() > _RANGE:  # the caller takes v up into the kernel: float32 ends at e⁸⁸
            break
    return v, u, error, passes, fruitless


@compiled
def kernel_values(indptr: Any, indices: Any, reduced: Any, rows: Any, columns: Any, scale: Any, out: Any) -> None:
    """``out = exp(rows_i + columns_j − scale · reduced)`` on a support; rows and columns are changes of potential
    since the reduced costs were worked out, over epsilon, with the logarithms of the weights added. All floating
    arguments are of one type.
    """
    limit = scale * 0 + 80  # keeps a far-off start finite; one Sinkhorn step brings it back
    for i in range(indptr.size - 1):
        start, end = indptr[i], indptr[i + 1]
        others, costs, row = indices[start:end], reduced[start:end], out[start:end]
        for entry in range(row.size):
            row[entry] = exponential(min(limit, rows[i] + columns[others[entry]] - scale * costs[entry]))


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
def sparse_soft_minima(
    indptr: Any, indices: Any, reduced: Any, rows: Array, columns: Array, log_a: Array, log_b: Array, scale: float
) -> None:
    """One Sinkhorn iteration in logarithms on a support: rows, then columns, changed in place.

    ``rows`` and ``columns`` are changes of potential over epsilon (without weights). Whatever they were, afterwards
    every column sum is right and no entry is larger than its column's weight, so that the kernel fits float32. A
    row or column without entries keeps its value.
    """
    n, m = rows.size, columns.size
    for i in range(n):
        start, end = indptr[i], indptr[i + 1]
        if start == end:
            continue
        others, costs = indices[start:end], reduced[start:end]
        largest = -np.inf
        for entry in range(others.size):
            j = others[entry]
            largest = max(largest, columns[j] + log_b[j] - scale * costs[entry])
        total = 0.0
        for entry in range(others.size):
            j = others[entry]
            total += exponential(columns[j] + log_b[j] - scale * costs[entry] - largest)
        rows[i] = -(largest + np.log(total))
    top = np.full(m, -np.inf)
    for i in range(n):
        for entry in range(indptr[i], indptr[i + 1]):
            j = indices[entry]
            top[j] = max(top[j], rows[i] + log_a[i] - scale * reduced[entry])
    sums = np.zeros(m)
    for i in range(n):
        for entry in range(indptr[i], indptr[i + 1]):
            j = indices[entry]
            sums[j] += exponential(rows[i] + log_a[i] - scale * reduced[entry] - top[j])
    for j in range(m):
        if sums[j] > 0.0:
            columns[j] = -(top[j] + np.log(sums[j]))


@compiled
def that_matter(indptr: Any, indices: Any, values: Any, a: Array, b: Array, share: float, out: Any) -> None:
    """Which entries hold more than a share of their row's or of their column's weight; booleans into out."""
    for i in range(indptr.size - 1):
        for entry in range(indptr[i], indptr[i + 1]):
            out[entry] = values[entry] > share * min(a[i], b[indices[entry]])


@compiled
def n_above(values: Any, level: float) -> int:
    """How many entries of a flat kernel are larger than a level."""
    count = 0
    for k in range(values.size):
        count += values[k] > level
    return count
