"""Cells without weight: their potential is the one they would have with very little weight."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from psmatch_core.transport import solve, solve_many
from tests.transport.reference import costs

Array = np.ndarray


def weighted_places(kind: str, n: int, rng: np.random.Generator) -> Array:
    """Where the cells with weight lie, ``(n, 2)``."""
    if kind == "one place":
        return np.tile(rng.normal(size=2), (n, 1))
    if kind == "one place but for rounding":
        return np.tile(rng.normal(size=2), (n, 1)) + 1e-16 * rng.integers(-1, 2, (n, 2))
    return rng.normal(size=(n, 2))


@pytest.mark.parametrize("kind", ["one place", "one place but for rounding", "a cloud"])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("epsilon", [1e-7, 0.01, 3.0, 1e4])
@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_a_cell_without_weight_has_the_soft_transform_of_the_other_side(
    kind: str, cost: str, epsilon: float, scale: float
) -> None:
    """f_i = −ε log Σ_j b_j exp((g_j − C_ij) / ε), however far the cell lies from those that have weight."""
    rng = np.random.default_rng(5)
    places = weighted_places(kind, 9, rng)
    x, y = np.vstack([places[:5], places[0] + rng.normal(size=(3, 2))]), np.vstack([places[5:], places[0] - 1.5])
    a, b = np.array([*rng.uniform(1, 2, 5), 0, 0, 0]), np.array([*rng.uniform(1, 2, 4), 0])
    x, y, epsilon = scale * x, scale * y, scale * epsilon
    many = solve_many([(x, y, a, b)], epsilon, cost=cost)[0]
    for result in (solve(x, y, epsilon, a=a, b=b, cost=cost), many):
        between = costs(x, y, cost)
        with np.errstate(divide="ignore"):
            rows = -epsilon * logsumexp(np.log(result.b) + (result.g - between) / epsilon, axis=1)
            columns = -epsilon * logsumexp(np.log(result.a)[:, None] + (result.f[:, None] - between) / epsilon, axis=0)
        assert np.allclose(result.f[5:], rows[5:], rtol=1e-4, atol=1e-4 * epsilon)
        assert np.allclose(result.g[4:], columns[4:], rtol=1e-4, atol=1e-4 * epsilon)
