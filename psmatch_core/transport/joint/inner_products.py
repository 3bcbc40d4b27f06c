"""Costs that are inner products, as clouds of points, so that the engine of squared distances solves them.

|u − v|² = |u|² + |v|² − 2 u·v, and what depends on one side alone is taken up by the potentials: transport at the cost
−2 u·v and at the squared distance have the same plan. Labeled Gromov-Wasserstein, co-optimal transport and feature
matching are nothing but such costs, so none of them needs a matrix of cells × cells.
"""

from __future__ import annotations

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.transport.geometry import Array


def as_points(gain: Array) -> tuple[Array, Array]:
    """Points u ``(p, r)`` and v ``(q, r)``, r = min(p, q), whose inner products are ``gain (p, q)``."""
    left, singular, right = np.linalg.svd(gain, full_matrices=False)
    root = np.sqrt(singular)
    return left * root, right.T * root


def level(u: Array, v: Array) -> tuple[Array, Array]:
    """The same inner products from clouds of one size: then no squared length drowns the products in rounding."""
    size_u, size_v = np.sqrt(np.mean(u**2)), np.sqrt(np.mean(v**2))
    if min(size_u, size_v) == 0:
        return u, v
    scale = np.sqrt(size_v / size_u)
    return u * scale, v / scale


def spread(u: Array, v: Array) -> float:
    """Standard deviation over all pairs of −2 u·v less what depends on one side alone, in units of that cost."""
    u, v = u - u.mean(axis=0), v - v.mean(axis=0)
    return float(2 * np.sqrt(max(np.sum((u.T @ u) * (v.T @ v)), 0.0) / (len(u) * len(v))))


def largest_distance(points: Array) -> float:
    """The largest Euclidean distance between two of the points ``(n, d)``, exactly.

    Points too near the centre to be an end of it are left out: |x − y| ≤ |x − c| + |y − c|.
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
