"""Entropic transport against laws, known answers and POT."""

import numpy as np
import pytest

from psmatch_core.errors import PsmatchError
from psmatch_core.transport import distances, mean_cost, solve


def clouds(n=40, m=30, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.3


def plan(result, x, y, a=None, b=None, cost="euclidean"):
    a = np.full(len(x), 1 / len(x)) if a is None else a
    b = np.full(len(y), 1 / len(y)) if b is None else b
    exponent = (result.f[:, None] + result.g - distances(x, y, cost)) / result.epsilon
    return a[:, None] * np.exp(exponent) * b


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_plan_equals_pot(cost, weighted):
    import ot

    x, y = clouds()
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.ones(40)), rng.dirichlet(np.ones(30))
    if not weighted:
        a, b = np.full(40, 1 / 40), np.full(30, 1 / 30)
    result = solve(x, y, 0.3, a, b, cost=cost, tolerance=1e-10, max_iterations=20_000)
    expected = ot.sinkhorn(a, b, distances(x, y, cost), 0.3, method="sinkhorn_log", stopThr=1e-12, numItermax=20_000)
    assert result.converged
    assert np.abs(plan(result, x, y, a, b, cost) - expected).sum() < 1e-7


def test_marginals_are_met_and_the_error_is_the_true_one():
    x, y = clouds()
    result = solve(x, y, 0.05, tolerance=1e-4)
    P = plan(result, x, y)
    assert np.allclose(P.sum(axis=1), 1 / 40, rtol=1e-12)
    assert np.abs(P.sum(axis=0) - 1 / 30).sum() == pytest.approx(result.marginal_error, rel=1e-6)
    assert result.marginal_error <= 1e-4


def test_scaling_points_and_epsilon_leaves_the_plan():
    x, y = clouds()
    one, ten = solve(x, y, 0.2, tolerance=1e-9), solve(10 * x, 10 * y, 2.0, tolerance=1e-9)
    assert np.allclose(plan(one, x, y), plan(ten, 10 * x, 10 * y), atol=1e-9)


def test_order_of_cells_does_not_matter():
    x, y = clouds()
    order = np.random.default_rng(2).permutation(len(y))
    P, Q = (plan(solve(x, each, 0.2, tolerance=1e-9), x, each) for each in (y, y[order]))
    assert np.allclose(P[:, order], Q, atol=1e-9)


def test_large_epsilon_tends_to_the_product_of_the_marginals():
    x, y = clouds()
    assert np.allclose(plan(solve(x, y, 1e4), x, y), 1 / (40 * 30), rtol=1e-3)


def test_small_epsilon_finds_the_permutation_that_was_drawn():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(25, 3)) * 5
    order = rng.permutation(25)
    P = plan(solve(x, x[order] + 0.01 * rng.normal(size=x.shape), 0.02), x, x[order])
    assert np.array_equal(order[P.argmax(axis=1)], np.arange(25))


def test_chunks_equal_the_whole():
    x, y = clouds(n=700, m=650)
    small = solve(x, y, 0.3, memory_budget_mb=1, tolerance=1e-6)
    whole = solve(x, y, 0.3, memory_budget_mb=512, tolerance=1e-6)
    assert small.iterations == whole.iterations
    assert np.allclose(small.f, whole.f, atol=1e-10)
    assert mean_cost(x, y, memory_budget_mb=1) == pytest.approx(distances(x, y).mean())


def test_cells_without_mass_take_no_part():
    x, y = clouds()
    a = np.r_[0.0, np.full(39, 1 / 39)]
    P, Q = plan(solve(x, y, 0.3, a, tolerance=1e-9), x, y, a), plan(solve(x[1:], y, 0.3, tolerance=1e-9), x[1:], y)
    assert np.array_equal(P[0], np.zeros(30))
    assert np.allclose(P[1:], Q, atol=1e-9)


def test_clouds_far_apart_do_not_underflow():
    x, y = clouds()
    result = solve(x, y + 1000, 0.5, max_iterations=200)
    assert np.isfinite(result.f).all()
    assert np.allclose(plan(result, x, y + 1000).sum(), 1, atol=1e-6)


def test_not_converged_is_said_with_the_error_reached():
    x, y = clouds()
    result = solve(x, y, 0.001, max_iterations=3)
    assert not result.converged
    assert result.iterations == 3
    assert result.marginal_error > 1e-3


@pytest.mark.parametrize("epsilon", [0.0, -0.1, np.nan, np.inf])
def test_unusable_epsilon_is_refused(epsilon):
    with pytest.raises(PsmatchError, match="epsilon must be above 0 and finite"):
        solve(*clouds(), epsilon)


def test_points_that_are_no_numbers_and_masses_that_do_not_sum_are_refused():
    x, y = clouds()
    with pytest.raises(PsmatchError, match="1 source points hold NaN or infinite values"):
        solve(np.where(np.arange(40)[:, None] == 3, np.nan, x), y, 0.1)
    with pytest.raises(PsmatchError, match="target masses must be 30 numbers of at least 0 that sum to 1"):
        solve(x, y, 0.1, b=np.ones(30))
