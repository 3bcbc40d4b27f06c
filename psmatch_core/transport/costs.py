"""Costs between two clouds of points, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BYTES = 8  # costs are float64: at a small epsilon the plan sees their sixth digit
DEFAULT_BUDGET_MB = 512


def distances(x: np.ndarray, y: np.ndarray, cost: str = "euclidean") -> np.ndarray:
    """Cost between all points of ``x (n, d)`` and ``y (m, d)``: ``(n, m)``.

    ``euclidean`` is the distance itself, not squared; ``sqeuclidean`` its square.
    """
    from scipy.spatial.distance import cdist

    if x.shape[1] == 0:
        return np.zeros((x.shape[0], y.shape[0]))
    return np.asarray(cdist(x, y, metric=cost))


def row_chunks(n: int, m: int, memory_budget_mb: float) -> Iterator[tuple[int, int]]:
    """Row ranges such that two float64 chunks ``(rows, m)`` stay within the budget."""
    rows = max(1, int(memory_budget_mb * 2**20 / (2 * BYTES * max(m, 1))))
    for start in range(0, n, rows):
        yield start, min(start + rows, n)


def mean_cost(
    x: np.ndarray, y: np.ndarray, cost: str = "euclidean", memory_budget_mb: float = DEFAULT_BUDGET_MB
) -> float:
    """Mean of the cost over all pairs, exact, in chunks."""
    total = sum(
        float(distances(x[start:stop], y, cost).sum())
        for start, stop in row_chunks(x.shape[0], y.shape[0], memory_budget_mb)
    )
    return total / (x.shape[0] * y.shape[0])
