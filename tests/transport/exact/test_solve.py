"""assign is optimal, and its bound proves it."""

from __future__ import annotations

import itertools

import numpy as np
import ot
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from scipy.optimize import linear_sum_assignment

from psmatch_core.transport import SolveOptions, SolveStatus, assign, solve
from tests.transport.entropic.test_solve import KINDS, clouds
from tests.transport.reference import costs


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    dimensions=st.sampled_from([1, 2, 5, 26]),
    kind=st.sampled_from(KINDS),
    cost=st.sampled_from(["euclidean", "sqeuclidean"]),
)
def test_no_plan_is_cheaper(seed: int, n: int, m: int, dimensions: int, kind: str, cost: str) -> None:
    x, y = clouds(seed, n, m, dimensions, kind)
    matrix = costs(x, y, cost)
    result = assign(x, y, cost=cost)
    scale = matrix.max() + 1e-6
    assert result.converged
    best = ot.emd2([], [], matrix, numItermax=10**6)
    assert abs(result.cost - best) <= 1e-8 * scale
    assert -1e-9 * scale <= result.gap <= 1e-8 * scale
    plan = result.matrix.toarray()
    np.testing.assert_allclose(plan.sum(1), 1 / n, rtol=1e-12)
    np.testing.assert_allclose(plan.sum(0), 1 / m, rtol=1e-12)
    np.testing.assert_allclose((plan * matrix).sum(), result.cost, atol=1e-9 * scale)
    assert (result.f[:, None] + result.g[None] - matrix).max() <= 1e-8 * scale


def test_a_known_permutation_is_found() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 6))
    order = rng.permutation(800)
    result = assign(x, x[order] + 1e-3 * rng.normal(size=(800, 6)))
    np.testing.assert_array_equal(order[result.matches], np.arange(800))


def test_larger_assignment_is_scipys() -> None:
    x, y = clouds(4, 1200, 1200, 8)
    matrix = costs(x, y)
    rows, columns = linear_sum_assignment(matrix)
    result = assign(x, y)
    np.testing.assert_allclose(result.cost, matrix[rows, columns].mean(), rtol=1e-10)
    assert result.relative_gap < 1e-9


def test_epsilon_to_nothing_tends_to_the_assignment() -> None:
    x, y = clouds(4, 60, 60, 5)
    best, fine = assign(x, y), SolveOptions(tolerance=1e-5)
    excess = [solve(x, y, epsilon, options=fine).transport_cost - best.cost for epsilon in (0.3, 0.1, 0.03, 0.01)]
    assert all(later < sooner for sooner, later in itertools.pairwise(excess))
    assert -1e-4 < excess[-1] < 0.01


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_pull_and_push_are_adjoint(shape: tuple[int, int]) -> None:
    x, y = clouds(2, *shape, 3)
    result = assign(x, y)
    rng = np.random.default_rng(0)
    u, w = rng.normal(size=(shape[0], 2)), rng.normal(size=(shape[1], 2))
    np.testing.assert_allclose((u * result.pull(w)).sum(), (result.push(u) * w).sum())


def test_a_stop_is_a_status() -> None:
    x, y = clouds(2, 1500, 1500, 3)
    assert assign(x, y, options=SolveOptions(should_stop=lambda: True)).status == SolveStatus.STOPPED
