"""What a picture of a plan shows, in one pass over all pairs: sums, spread, best matches, and the mean of each bin.

Computed one by one, each takes a pass with a distance and an exponential per pair: a path of 25 epsilons then spends
five sixths of its time on pictures of plans that are solved already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.geometry import Geometry
from psmatch_core.transport.kernels.compiled import compiled, exponential
from psmatch_core.transport.kernels.full_pass import tile_inputs
from psmatch_core.transport.kernels.leaves import LEAF, exponents
from psmatch_core.transport.problem import Potentials, Problem

_BLOCK = 16  # rows during which a leaf stays in the first-level cache
_ROUGH = 1e-3  # relative error of an entry up to which float32 suffices: pictures and tables show three digits
_NEGLIGIBLE = 30.0  # a leaf this far (in exponents) below the largest entry of a row adds less than 10⁻⁹ of the row
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class PlanSummary:
    """One plan P ``(n, m)`` as tables and pictures show it.

    Parameters
    ----------
    masses, column_masses
        Row and column sums, ``(n,)`` and ``(m,)``.
    entropies
        Entropy of each normalised row, nats, ``(n,)``; 0 for a row without mass.
    bins
        Sum of P over each bin of rows and columns, ``(n_row_bins, n_column_bins)``.
    top_index, top_share
        The heaviest targets of each row and their shares of the row, ``(n, k)``; −1 and 0 where there is none.
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


def summarize_plan(
    x: Array,
    y: Array,
    potentials: Potentials,
    *,
    a: Array,
    b: Array,
    squared: bool,
    row_bins: NDArray[np.int64],
    column_bins: NDArray[np.int64],
    k: int,
) -> PlanSummary:
    """The summary of the plan P_ij = a_i b_j exp((f_i + g_j − C_ij) / epsilon).

    Parameters
    ----------
    x, y
        Points ``(n, d)`` and ``(m, d)``.
    potentials
        f ``(n,)``, g ``(m,)`` and epsilon, units of cost.
    a, b
        Weights ``(n,)`` and ``(m,)``.
    squared
        Whether the cost is the squared distance.
    row_bins, column_bins
        The bin of each row and column, from 0, ``(n,)`` and ``(m,)``.
    k
        Number of heaviest targets.

    Raises
    ------
    ValueError
        If the bins do not fit the cells; compiled code would write outside its arrays.
    """
    n, m = len(x), len(y)
    if row_bins.shape != (n,) or column_bins.shape != (m,) or min(row_bins.min(), column_bins.min()) < 0:
        raise ValueError(f"Bins of {n:,} × {m:,} cells must be whole numbers from 0, one per cell.")
    f, g, epsilon = potentials.f, potentials.g, potentials.epsilon
    center = y.mean(axis=0)
    geometry = Geometry(np.ascontiguousarray(x - center), np.ascontiguousarray(y - center), squared)
    problem = Problem(geometry, np.maximum(a, _TINY), np.maximum(b, _TINY))
    inputs = tile_inputs(problem, potentials, _ROUGH)
    masses, inner, columns = np.zeros(n), np.zeros(n), np.zeros(m)
    bins = np.zeros((int(row_bins.max()) + 1, int(column_bins.max()) + 1))
    best, heaviest = np.full((n, k), -1, dtype=np.int64), np.zeros((n, k))
    _summarize(
        inputs.points,
        inputs.leaves,
        inputs.rows,
        inputs.columns,
        inputs.scale,
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
    # C = f + g − epsilon log(P / a b) for each pair, so that no distance is stored or computed again
    entropy_terms = inner.sum() - problem.log_a @ masses - problem.log_b @ columns
    cost = float(f @ masses + g @ columns - epsilon * entropy_terms)
    entropies = np.where(masses > 0, np.maximum(np.log(safe) - inner / safe, 0.0), 0.0)
    return PlanSummary(masses, columns, entropies, bins, best, heaviest / safe[:, None], cost)


@compiled
def _summarize(
    points: Floats,
    leaves: Floats,
    rows: Floats,
    columns: Floats,
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
    """All sums, in place; ``inner_i = Σ_j P_ij log P_ij``, where log P is the exponent and needs no logarithm."""
    n, m, k = points.shape[0], column_masses.size, best.shape[1]
    buffer, values = np.empty(LEAF, points.dtype), np.empty(LEAF, points.dtype)
    largest = np.empty(_BLOCK, points.dtype)
    binned = np.empty((_BLOCK, bins.shape[1]))
    zero = scale * 0
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
                total, weighted = zero, zero
                for lane in range(n_here):
                    value = exponential(buffer[lane])
                    values[lane] = value
                    total += value
                    weighted += value * buffer[lane]
                masses[row] += total
                inner[row] += weighted
                for lane in range(n_here):
                    into[lane] += values[lane]
                row_bin_sums = binned[i]
                for lane in range(n_here):
                    row_bin_sums[which[lane]] += values[lane]
                if k == 0 or exponential(top) <= heaviest[row, k - 1]:
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
