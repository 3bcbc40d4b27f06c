"""The order of cells in memory and of their axes: neighbours together, the widest axis first.

Neither changes a distance. Both let a pass over all pairs skip a leaf of 64 targets early: if its cells lie close
together, all of them are far from a source at once, and a few wide axes show it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.transport.kernels.compiled import compiled
from psmatch_core.transport.kernels.leaves import LEAF

# Below this many cells, or up to this many axes, the order costs more than it saves.
_FEW_CELLS = 512
_FEW_AXES = 8


@compiled
def _sort_into_leaves(points: Array, order: NDArray[np.int64]) -> None:
    """Sort ``order`` in place so that its halves, quarters … are separate regions: the leaves of a k-d tree.

    Each part is split at a multiple of the leaf size, along the axis on which it is widest.
    """
    pending = np.empty((128, 2), np.int64)
    pending[0, 0], pending[0, 1] = 0, order.size
    n_pending = 1
    while n_pending > 0:
        n_pending -= 1
        start, end = pending[n_pending, 0], pending[n_pending, 1]
        size = end - start
        if size <= LEAF:
            continue
        widest, axis = -1.0, 0
        for candidate in range(points.shape[1]):
            total, squares = 0.0, 0.0
            for place in range(start, end):
                value = points[order[place], candidate]
                total += value
                squares += value * value
            spread = squares - total * total / size
            if spread > widest:
                widest, axis = spread, candidate
        values = np.empty(size)
        for place in range(size):
            values[place] = points[order[start + place], axis]
        sorted_places = np.argsort(values, kind="mergesort")
        part = order[start:end].copy()
        for place in range(size):
            order[start + place] = part[sorted_places[place]]
        middle = start + ((size + LEAF - 1) // LEAF // 2) * LEAF
        pending[n_pending, 0], pending[n_pending, 1] = start, middle
        pending[n_pending + 1, 0], pending[n_pending + 1, 1] = middle, end
        n_pending += 2


@compiled
def _rotate(points: Array, axes: Array) -> Array:
    """``points @ axes`` without BLAS, whose sums depend on the number of threads."""
    out = np.zeros((points.shape[0], axes.shape[1]))
    for i in range(points.shape[0]):
        row = out[i]
        for k in range(points.shape[1]):
            value = points[i, k]
            axis = axes[k]
            for j in range(row.size):
                row[j] += value * axis[j]
    return out


def neighbors_together(points: Array) -> NDArray[np.intp]:
    """An order of the points ``(n, T)`` in which any 64 successive ones lie close together, ``(n,)``."""
    order = np.arange(len(points), dtype=np.int64)
    if len(points) >= _FEW_CELLS:
        _sort_into_leaves(np.ascontiguousarray(points[:, :_FEW_AXES]), order)
    return order.astype(np.intp)


def rotate_widest_first(x: Array, y: Array) -> tuple[Array, Array]:
    """Both clouds rotated onto their common principal axes, widest first; distances do not change."""
    if x.shape[1] <= _FEW_AXES or max(len(x), len(y)) < _FEW_CELLS:
        return x, y
    sample = np.concatenate([x[:: max(1, len(x) // 500)], y[:: max(1, len(y) // 500)]])
    sample = sample - sample.mean(0)
    _, axes = np.linalg.eigh(np.einsum("ij,ik->jk", sample, sample))
    axes = np.ascontiguousarray(axes[:, ::-1])
    return _rotate(x, axes), _rotate(y, axes)
