"""What a picture of a plan needs, in one pass over its pairs: sums, spread, best matches, and the mean of each bin.

Asked one by one these take a pass each, and a distance and an exponential for every pair in every pass; a slider over
25 epsilons then spent five sixths of its time on pictures of plans that were solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.geometry import Array, Geometry, lanes_of
from psmatch_core.transport.kernels.compiled import compiled, exponential
from psmatch_core.transport.kernels.leaves import LEAF, exponents

_BLOCK = 16  # rows between which a leaf stays in the first-level cache
_ROUGH = 1e-3  # relative error of an entry up to which float32 serves: pictures and tables show three digits
_NEGLIGIBLE = 30.0  # a leaf this far (in exponents) under a row's largest entry adds less than 10⁻⁹ of the row
_TINY = 1e-300
_SINGLE: np.dtype[Any] = np.dtype(np.float32)
_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


@dataclass(frozen=True, eq=False)
class Sums:
    """One plan P ``(n, m)``, looked at once.

    Parameters
    ----------
    masses, column_masses
        Row and column sums, ``(n,)`` and ``(m,)``.
    entropies
        Of every normalised row, nats, ``(n,)``; 0 for a row without mass.
    bins
        Sum of P over each bin of rows and columns, ``(n_row_bins, n_column_bins)``.
    top_index, top_share
        The heaviest targets of each row and their shares of it, ``(n, k)``; −1 and 0 where there is none.
    cost
        ⟨C, P⟩, units of cost.
    """

    masses: Array
    column_masses: Array
    entropies: Array
    bins: Array
    top_index: NDArray[np.int64]
    top_share: Array
    cost: float


def looked_at(
    x: Array,
    y: Array,
    f: Array,
    g: Array,
    epsilon: float,
    a: Array,
    b: Array,
    *,
    squared: bool,
    row_bins: NDArray[np.int64],
    column_bins: NDArray[np.int64],
    k: int,
) -> Sums:
    """Everything at once of the plan P_ij = a_i b_j exp((f_i + g_j − C_ij) / epsilon).

    Parameters
    ----------
    x, y
        Points ``(n, d)`` and ``(m, d)``.
    f, g, epsilon
        Potentials ``(n,)`` and ``(m,)`` and regularisation, units of cost.
    a, b
        Weights ``(n,)`` and ``(m,)``.
    row_bins, column_bins
        The bin of each row and column, from 0, ``(n,)`` and ``(m,)``.
    k
        Heaviest targets that are kept.
    """
    n, m = len(x), len(y)
    center, middle = y.mean(axis=0), float(g.mean())
    geometry = Geometry(np.ascontiguousarray(x - center), np.ascontiguousarray(y - center), squared)
    dtype = _SINGLE if geometry.rounding(epsilon) <= _ROUGH else _DOUBLE
    log_a, log_b = np.log(np.maximum(a, _TINY)), np.log(np.maximum(b, _TINY))
    masses, inner, columns = np.zeros(n), np.zeros(n), np.zeros(m)
    bins = np.zeros((int(row_bins.max()) + 1, int(column_bins.max()) + 1))
    best, heaviest = np.full((n, k), -1, dtype=np.int64), np.zeros((n, k))
    _look(
        geometry.sources(dtype),
        geometry.leaves(dtype),
        ((f + middle) / epsilon + log_a).astype(dtype),
        lanes_of((g - middle) / epsilon + log_b, dtype),
        dtype.type(1 / epsilon),
        squared,
        row_bins.astype(np.int64),
        column_bins.astype(np.int64),
        masses,
        inner,
        columns,
        bins,
        best,
        heaviest,
    )
    safe = np.maximum(masses, _TINY)
    # C = f + g − epsilon log(P / a b) for every pair, so that no distance is kept or worked out again.
    cost = float(f @ masses + g @ columns - epsilon * (inner.sum() - log_a @ masses - log_b @ columns))
    entropies = np.where(masses > 0, np.maximum(np.log(safe) - inner / safe, 0.0), 0.0)
    return Sums(masses, columns, entropies, bins, best, heaviest / safe[:, None], cost)


@compiled
def _look(
    points: NDArray[np.floating],
    leaves: NDArray[np.floating],
    rows: NDArray[np.floating],
    columns: NDArray[np.floating],
    scale: float,
    squared: bool,
    row_bins: NDArray[np.int64],
    column_bins: NDArray[np.int64],
    masses: Array,
    inner: Array,
    column_masses: Array,
    bins: Array,
    best: NDArray[np.int64],
    heaviest: Array,
) -> None:
    """The sums; ``inner_i = Σ_j P_ij log P_ij``, and log P is the exponent, so that no logarithm is taken."""
    n, m, k = points.shape[0], column_masses.size, best.shape[1]
    buffer, values = np.empty(LEAF, points.dtype), np.empty(LEAF, points.dtype)
    largest = np.empty(_BLOCK, points.dtype)
    binned = np.empty((_BLOCK, bins.shape[1]))
    nothing = scale * 0
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        binned[:] = 0.0
        largest[:] = -1e30
        for j in range(leaves.shape[0]):
            start = j * LEAF
            n_here = min(LEAF, m - start)
            into = column_masses[start : start + n_here]
            which = column_bins[start : start + n_here]
            for i in range(size):
                row = first + i
                top = exponents(points[row], leaves[j], columns[j], rows[row], scale, squared, buffer)
                if top < largest[i] - _NEGLIGIBLE:
                    continue
                largest[i] = max(largest[i], top)
                total, weighted = nothing, nothing
                for lane in range(n_here):
                    value = exponential(buffer[lane])
                    values[lane] = value
                    total += value
                    weighted += value * buffer[lane]
                masses[row] += total
                inner[row] += weighted
                for lane in range(n_here):
                    into[lane] += values[lane]
                mine = binned[i]
                for lane in range(n_here):
                    mine[which[lane]] += values[lane]
                if exponential(top) <= heaviest[row, k - 1]:
                    continue
                for lane in range(n_here):
                    value = np.float64(values[lane])
                    if value <= heaviest[row, k - 1]:
                        continue
                    place = k - 1
                    while place > 0 and heaviest[row, place - 1] < value:
                        heaviest[row, place] = heaviest[row, place - 1]
                        best[row, place] = best[row, place - 1]
                        place -= 1
                    heaviest[row, place] = value
                    best[row, place] = start + lane
        for i in range(size):
            target = bins[row_bins[first + i]]
            for c in range(target.size):
                target[c] += binned[i, c]
