"""Sinkhorn and Newton iterations on a kernel held in memory, dense or sparse; one compiled call each.

The unknown is the column scaling v; the row scaling u = a / (K v) follows from it (the semi-dual). A conjugate-gradient
step of Newton's method reads the kernel once, like a Sinkhorn iteration, and a few dozen such steps replace a thousand
iterations.

Source: semi-dual of entropic transport: Peyré & Cuturi, Computational Optimal Transport (2019), section 4.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.kernels.compiled import compiled, exponential, inlined
from psmatch_core.transport.kernels.in_memory import TINY, one_pass

# Newton steps change any one scaling by a factor of e⁸ at most: the quadratic model does not hold further away.
_LONGEST_STEP = 8.0
_RANGE = 20.0
MOST_STALLED = 3


@inlined
def _newton_direction(
    kernel: Any,
    a: Array,
    b: Array,
    v: Array,
    u: Array,
    columns: Array,
    residual: Array,
    forcing: float,
    max_passes: int,
    shift: float,
) -> tuple[Array, int]:
    """Newton's direction for log v by conjugate gradients, until the residual has fallen by the factor ``forcing``.

    ``residual``, what the column sums lack, is overwritten.

    The Hessian of the semi-dual, diag(c) − Pᵀ diag(1 / a) P, is the Laplacian of a bipartite graph: positive
    definite up to constants, and nearly singular where each row has one match. The shift, as large as the rounding of
    the kernel, keeps it positive; if it is not positive even so, the direction is that of a Sinkhorn iteration.
    """
    m = b.size
    weights = u * u / a
    s, q, out = np.empty(a.size), np.empty(a.size), np.empty(m)
    direction = np.zeros(m)
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
def newton_direction(
    kernel: Any, a: Array, b: Array, v: Array, u: Array, columns: Array, residual: Array, forcing: float, most: int
) -> tuple[Array, int]:
    """The direction for log v ``(m,)`` at fixed scalings, and the passes it took, at most ``most``."""
    shift = 8.0 * np.finfo(kernel[-1].dtype).eps
    return _newton_direction(kernel, a, b, v, u, columns, residual, forcing, most, shift)


@inlined
def _log_sum(weights: Array, sums: Array) -> float:
    """``Σ weights · log sums``."""
    total = 0.0
    for i in range(sums.size):
        total += weights[i] * np.log(max(sums[i], TINY))
    return total


@inlined
def newton(
    kernel: Any,
    a: Array,
    b: Array,
    v: Array,
    tolerance: float,
    enough_passes: int,
    most_passes: int,
    n_sinkhorn: int,
    n_stalled: int,
) -> tuple[Array, Array, float, int, int]:
    """Maximise the semi-dual ``Σ b log v − Σ a log(K v)`` from v, after ``n_sinkhorn`` Sinkhorn iterations.

    Returns v ``(m,)``, u ``(n,)``, the L1 error of the column sums (rows are exact), the passes used, and the number
    of successive stalled steps. No step begins after ``enough_passes``, and none takes more than ``most_passes`` in
    all, which is at least 1. On a truncated kernel that cannot carry the marginals (a component whose rows hold
    more mass than its columns) the semi-dual has no maximum: steps keep their largest length and the error does not
    fall. It gives up at the third such step; ``n_stalled`` is the count so far. If rounding prevents every step from
    improving, it falls back on Sinkhorn iterations, which always improve.
    """
    n, m = a.size, b.size
    v = v.copy()
    shift = 8.0 * np.finfo(kernel[-1].dtype).eps
    s, u, out = np.empty(n), np.empty(n), np.empty(m)
    columns, logs = np.empty(m), np.empty(m)
    s2, u2, out2 = np.empty(n), np.empty(n), np.empty(m)
    trial, columns2, logs2 = np.empty(m), np.empty(m), np.empty(m)
    passes, n_plain = 0, 1 + n_sinkhorn  # a first pass, and Sinkhorn iterations
    error = value = np.inf
    while True:
        while n_plain > 0:  # each pass is compiled where it stands, so there is one for all but a step
            if passes > 0:
                for j in range(m):
                    if out[j] > 0.0:
                        v[j] = b[j] / max(out[j], TINY)
            one_pass(kernel, v, a, -1.0, s, u, out)
            passes += 1
            error = value = 0.0
            for j in range(m):
                columns[j] = v[j] * out[j]
                logs[j] = np.log(max(v[j], TINY))
                error += abs(b[j] - columns[j])
                value += b[j] * logs[j]
            value -= _log_sum(a, s)
            n_plain = n_plain - 1 if error > tolerance and passes < most_passes else 0
        # a step takes a pass for its direction and one for its length
        if not error > tolerance or passes >= enough_passes or passes + 2 > most_passes or n_stalled >= MOST_STALLED:
            break
        # a direction needs no more accuracy than the tolerance requires of its step
        forcing = min(0.3, max(0.02, np.sqrt(error), 0.2 * tolerance / error))
        most = min(max(1, min(200, enough_passes - passes)), most_passes - passes - 1)
        direction, used = _newton_direction(kernel, a, b, v, u, columns, b - columns, forcing, most, shift)
        passes += used
        longest = np.abs(direction).max()
        # cell by cell: a few that would go to infinity must not slow down all others
        direction = np.minimum(np.maximum(direction, -_LONGEST_STEP), _LONGEST_STEP)
        length = 1.0
        slope = ((b - columns) * direction).sum()
        accepted = False
        for _ in range(min(12, most_passes - passes)):
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
            # near the optimum the gain is below the rounding, and a smaller error decides
            if np.isfinite(value2) and ((rises and error2 != error) or (error < 1e-2 and error2 < error)):
                accepted = True
                break
            length *= 0.4
        if not accepted:
            if passes >= most_passes:
                break
            n_plain = max(1, min(20, enough_passes - passes))
            continue
        n_stalled = n_stalled + 1 if longest > _LONGEST_STEP and error2 > 0.8 * error else 0
        v, trial = trial, v
        logs, logs2 = logs2, logs
        s, s2 = s2, s
        u, u2 = u2, u
        out, out2 = out2, out
        columns, columns2 = columns2, columns
        error, value = error2, value2
        if np.abs(logs).max() > _RANGE:  # the caller absorbs v into the kernel: float32 ends at e⁸⁸
            break
    return v, u, error, passes, n_stalled
