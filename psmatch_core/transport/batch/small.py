"""A whole small problem in one compiled call: for a few dozen cells, separate calls would take longer than the work.

The kernel is dense and exponents are float64. Epsilon falls from a tenth of the mean cost; at each epsilon there is one
iteration in logarithms if the start is poor, then Newton's method. The kernel is stored in float32 unless the tolerance
needs more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.transport.entropic.iteration import newton
from psmatch_core.transport.geometry import PADDING
from psmatch_core.transport.kernels.compiled import compiled, inlined
from psmatch_core.transport.kernels.leaves import LEAF
from psmatch_core.transport.kernels.tile_pass import cost_sums, dense_rows, sinkhorn_rows, soft_minimum

_FIRST_EPSILON = 0.1  # in mean costs
_LARGEST_STEP = 4.0
_ROUGH_ERROR = 0.04


@inlined
def _leaves(points: Array) -> Array:
    """Points ``(n, T)`` in leaves ``(n_leaves, T, 64)``."""
    n, dimensions = points.shape
    leaves = np.zeros(((n + LEAF - 1) // LEAF, dimensions, LEAF))
    for i in range(n):
        for dimension in range(dimensions):
            leaves[i // LEAF, dimension, i % LEAF] = points[i, dimension]
    return leaves


@inlined
def _lanes(values: Array, log_weights: Array, scale: float, n_leaves: int) -> Array:
    """``values · scale + log_weights`` in the layout of the leaves; padding has no weight."""
    lanes = np.full((n_leaves, LEAF), PADDING)
    for i in range(values.size):
        lanes[i // LEAF, i % LEAF] = values[i] * scale + log_weights[i]
    return lanes


@inlined
def _correct_rows(
    x: Array,
    leaves: Array,
    a: Array,
    b: Array,
    log_a: Array,
    log_b: Array,
    epsilon: float,
    squared: bool,
    f: Array,
    g: Array,
) -> float:
    """Make all row sums right by f, in place; returns the L1 error of the column sums that the plan then has."""
    scale = 1 / epsilon
    lanes = _lanes(g, log_b, scale, leaves.shape[0])
    sums, columns = np.empty(a.size), np.zeros(leaves.shape[0] * LEAF)
    soft_minimum(x, leaves, lanes, scale, squared, sums)
    f[:] = sums * epsilon
    sinkhorn_rows(x, leaves, f * scale + log_a, lanes, scale, squared, a, sums, columns)
    error = 0.0
    for j in range(b.size):
        error += abs(columns[j] - b[j])
    for i in range(a.size):
        f[i] += epsilon * np.log(a[i] / max(sums[i], 1e-300))
    return error


@inlined
def solve_small(
    x: Array,
    y: Array,
    a: Array,
    b: Array,
    epsilon: float,
    squared: bool,
    tolerance: float,
    max_passes: int,
    store: Any,
    f: Array,
    g: Array,
) -> tuple[float, int]:
    """Write the potentials into f ``(n,)`` and g ``(m,)``; returns the L1 error of the columns and the passes.

    Rows are exact, and the error is measured in float64 at the potentials that are written. ``store`` is an empty array
    of the type of the kernel. Weights must be positive. ``max_passes`` limits all epsilons together.
    """
    n, m = a.size, b.size
    leaves_x, leaves_y = _leaves(x), _leaves(y)
    log_a, log_b = np.log(a), np.log(b)
    ones = _lanes(np.ones(m), np.zeros(m), 1.0, leaves_y.shape[0])
    for j in range(m, leaves_y.shape[0] * LEAF):
        ones[j // LEAF, j % LEAF] = 0.0
    sums = np.empty(n)
    cost_sums(x, leaves_y, ones, squared, sums)
    start = max(epsilon, _FIRST_EPSILON * sums.sum() / (n * m))
    steps = 0
    if start > epsilon * (1 + 1e-9):
        steps = int(np.ceil(np.log(start / epsilon) / np.log(_LARGEST_STEP) - 1e-9))
    kernel = np.empty((n, leaves_y.shape[0] * LEAF), store.dtype)
    scaled = np.empty(max(n, m))
    g[:] = 0.0
    f[:] = 0.0
    error = np.inf
    passes = 0
    for step in range(steps + 1):
        is_at_goal = step == steps
        current = epsilon if is_at_goal else start * (epsilon / start) ** (step / steps)
        aim = tolerance if is_at_goal else _ROUGH_ERROR
        scale = 1 / current
        for attempt in range(50):
            if max_passes - passes < 2:
                break
            # after a solved epsilon no exponent exceeds 4 log n, which float32 can hold
            if (step == 0 and attempt == 0) or not error <= _ROUGH_ERROR:
                soft_minimum(x, leaves_y, _lanes(g, log_b, scale, leaves_y.shape[0]), scale, squared, scaled[:n])
                f[:] = scaled[:n] * current
                soft_minimum(y, leaves_x, _lanes(f, log_a, scale, leaves_x.shape[0]), scale, squared, scaled[:m])
                g[:] = scaled[:m] * current
                passes += 1
            rows = f * scale + log_a
            dense_rows(x, leaves_y, rows, _lanes(g, log_b, scale, leaves_y.shape[0]), scale, squared, kernel)
            left = max_passes - passes  # at least 1
            v, u, error, used, _ = newton((kernel,), a, b, np.ones(m), aim, left, left, 0, 0)
            passes += used
            if not np.isfinite(error):  # the kernel overflows: the next attempt starts in logarithms
                continue
            f += current * np.log(np.maximum(u, 1e-280))
            g += current * np.log(np.maximum(v, 1e-280))
            if error <= aim:
                break
    return _correct_rows(x, leaves_y, a, b, log_a, log_b, epsilon, squared, f, g), passes


@compiled
def solve_groups(
    x: Array,
    y: Array,
    a: Array,
    b: Array,
    starts_x: NDArray[np.int64],
    starts_y: NDArray[np.int64],
    epsilons: Array,
    squared: bool,
    tolerance: float,
    max_passes: int,
    store: Any,
    f: Array,
    g: Array,
    errors: Array,
    passes: NDArray[np.int64],
) -> None:
    """:func:`solve_small` for each group; group k has rows starts[k] to starts[k + 1] on each side."""
    for k in range(epsilons.size):
        i, j, p, q = starts_x[k], starts_x[k + 1], starts_y[k], starts_y[k + 1]
        errors[k], passes[k] = solve_small(
            x[i:j], y[p:q], a[i:j], b[p:q], epsilons[k], squared, tolerance, max_passes, store, f[i:j], g[p:q]
        )
