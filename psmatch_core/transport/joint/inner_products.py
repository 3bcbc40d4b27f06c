"""Costs that are inner products, written as clouds of points, so that the engine solves them as squared distances.

|u − v|² = |u|² + |v|² − 2 u·v, and the potentials absorb what depends on one side alone: the cost −2 u·v and the
squared distance have the same optimal plan. Labeled Gromov-Wasserstein, co-optimal transport and feature matching have
such costs, so none of them needs a matrix of cells × cells.
"""

from __future__ import annotations

import numpy as np

from psmatch_core.base.arrays import Array, row_chunks


def factorize(gain: Array) -> tuple[Array, Array]:
    """Points u ``(p, r)`` and v ``(q, r)``, r = min(p, q), whose inner products are ``gain (p, q)``."""
    left, singular, right = np.linalg.svd(gain, full_matrices=False)
    root = np.sqrt(singular)
    return left * root, right.T * root


def balance_scales(u: Array, v: Array) -> tuple[Array, Array]:
    """The same inner products from two clouds of equal scale, so that no squared length exceeds the products by far."""
    size_u, size_v = np.sqrt(np.mean(u**2)), np.sqrt(np.mean(v**2))
    if min(size_u, size_v) == 0:
        return u, v
    scale = np.sqrt(size_v / size_u)
    return u * scale, v / scale


def cost_spread(u: Array, v: Array) -> float:
    """Standard deviation of −2 u·v over all pairs, without what depends on one side alone, in units of that cost."""
    u, v = u - u.mean(axis=0), v - v.mean(axis=0)
    return float(2 * np.sqrt(max(np.sum((u.T @ u) * (v.T @ v)), 0.0) / (len(u) * len(v))))


def largest_distance(points: Array) -> float:
    """The exact largest Euclidean distance between two of the points ``(n, d)``.

    Points too close to the centre to be one end of it are left out: |x − y| ≤ |x − c| + |y − c|.
    """
    points = points - points.mean(axis=0)
    lengths = np.linalg.norm(points, axis=1)
    end = points[np.argmax(lengths)]
    end = points[np.argmax(np.linalg.norm(points - end, axis=1))]
    found = float(np.linalg.norm(points - end, axis=1).max(initial=0.0))
    ends = points[lengths + lengths.max() >= found]
    squares = np.sum(ends**2, axis=1)
    for span in row_chunks(len(ends), len(ends)):
        tile = slice(*span)
        squared = squares[tile, None] + squares - 2 * ends[tile] @ ends.T  # (tile, n)
        found = max(found, float(np.sqrt(max(squared.max(), 0.0))))
    return found
