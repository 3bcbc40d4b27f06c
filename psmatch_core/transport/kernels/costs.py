"""Costs between two small clouds of points as a matrix."""

from __future__ import annotations

import numpy as np


def distances(x: np.ndarray, y: np.ndarray, cost: str = "euclidean") -> np.ndarray:
    """Costs between all points of ``x (n, d)`` and ``y (m, d)``, ``(n, m)``, float64.

    ``euclidean`` is the distance itself, ``sqeuclidean`` its square.
    """
    from scipy.spatial.distance import cdist

    if x.shape[1] == 0:
        return np.zeros((x.shape[0], y.shape[0]))
    return np.asarray(cdist(x, y, metric=cost))
