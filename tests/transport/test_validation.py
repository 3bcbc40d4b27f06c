"""Input that is refused before any work, with its message."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import solve

X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_no_numbers_are_refused(bad: float) -> None:
    broken = X.copy()
    broken[[1, 3], 1] = bad
    with pytest.raises(PsmatchError, match="Target points: 2 of 6 cells hold NaN or infinite values"):
        solve(X, broken, 0.1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:0], X, "Source points must be a matrix of cells × coordinates with at least one of each"),
        (X, X[:, :0], "Target points must be a matrix"),
        (X[0], X, "Source points must be a matrix"),
        (X, X[:, :1], "Source points have 2 coordinates and target points 1"),
        (X.astype(str), X, "Source points must be real numbers"),
        (X.astype(complex), X, "Source points must be real numbers"),
    ],
)
def test_points_of_the_wrong_shape_or_kind_are_refused(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(PsmatchError, match=message):
        solve(x, y, 0.1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(5), r"Source weights have shape \(5,\) for 6 cells"),
        (np.array([1, 1, 1, 1, 1, -1.0]), "Source weights must be finite, at least 0, and not all 0"),
        (np.zeros(6), "Source weights must be finite"),
        (np.array([1, 1, 1, 1, 1, np.nan]), "Source weights must be finite"),
    ],
)
def test_weights_that_are_none_are_refused(weights: np.ndarray, message: str) -> None:
    with pytest.raises(PsmatchError, match=message):
        solve(X, X, 0.1, a=weights)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, np.inf])
def test_epsilon_must_be_positive(epsilon: float) -> None:
    with pytest.raises(PsmatchError, match="epsilon must be a finite number above 0"):
        solve(X, X, epsilon)


def test_the_cost_must_be_known() -> None:
    with pytest.raises(PsmatchError, match="The cost must be 'euclidean' or 'sqeuclidean', not 'cosine'"):
        solve(X, X, 0.1, cost="cosine")


def test_weights_are_scaled_to_one() -> None:
    result = solve(X, X, 0.1, a=np.full(6, 5.0), b=np.arange(6.0))
    np.testing.assert_allclose(result.a.sum(), 1)
    np.testing.assert_allclose(result.b, np.arange(6) / 15)


def test_integers_and_float32_are_taken() -> None:
    result = solve(X.astype(int), X.astype(np.float32), 0.1)
    assert result.converged
