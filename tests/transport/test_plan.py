"""What a result answers about its plan, and the laws that all plans obey."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.transport import SolvePath, TransportResult, from_potentials, mean_cost, solve
from psmatch_core.transport.options import AnnealingSchedule, SolveOptions
from tests.transport.entropic.test_solve import DENSE, SPARSE, clouds, uneven
from tests.transport.reference import costs, plan_of

HELD = [SolvePath.SPARSE, SolvePath.DENSE, SolvePath.MATRIX_FREE]
N, M = 90, 70
FINE = SolveOptions(tolerance=1e-6)


def solved(held: SolvePath, cost: str = "euclidean", share: float = 0.1) -> TransportResult:
    x, y = clouds(5, N, M, 8)
    a, b = uneven(1, N, True), uneven(2, M, True)
    budget = 0.001 if held == SolvePath.MATRIX_FREE else 100.0
    schedule = SPARSE if held == SolvePath.SPARSE else DENSE
    epsilon = share * costs(x, y, cost).mean()
    options = SolveOptions(tolerance=1e-6, memory_budget_mb=budget, schedule=schedule)
    result = solve(x, y, epsilon, a=a, b=b, cost=cost, options=options)
    assert result.converged
    assert result.path == held
    return result


def whole(result: TransportResult) -> np.ndarray:
    x, y = clouds(5, N, M, 8)
    return plan_of(result.f, result.g, result.a, result.b, costs(x, y, result.prepared.cost), result.epsilon)


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_potentials_are_the_plan(held: SolvePath, cost: str) -> None:
    result = solved(held, cost)
    np.testing.assert_allclose(result.rows(0, N), whole(result), atol=3e-7)
    np.testing.assert_allclose(result.rows(20, 33), whole(result)[20:33], atol=3e-7)


@pytest.mark.parametrize("held", HELD)
def test_marginals_are_those_asked_for(held: SolvePath) -> None:
    result = solved(held)
    rows, columns = result.marginals()
    assert np.abs(rows - result.a).sum() + np.abs(columns - result.b).sum() < 1e-5
    assert rows[result.a == 0].sum() == 0


@pytest.mark.parametrize("held", HELD)
def test_pull_and_push_are_adjoint(held: SolvePath) -> None:
    result = solved(held)
    rng = np.random.default_rng(0)
    u, w = rng.normal(size=(N, 4)), rng.normal(size=(M, 4))
    np.testing.assert_allclose((u * result.pull(w)).sum(), (result.push(u) * w).sum(), rtol=1e-6)
    np.testing.assert_allclose(result.pull(w[:, 0]), result.pull(w)[:, 0], atol=1e-12)
    np.testing.assert_allclose(result.pull(w), whole(result) @ w, atol=1e-5)


@pytest.mark.parametrize("held", HELD)
def test_top_is_the_largest_of_every_row(held: SolvePath) -> None:
    result = solved(held)
    indices, shares = result.top(5)
    plan = whole(result)
    for i in np.flatnonzero(result.a > 0):
        mine = plan[i] / plan[i].sum()
        found = indices[i] >= 0
        np.testing.assert_allclose(shares[i][found], mine[indices[i][found]], atol=1e-4)
        np.testing.assert_allclose(shares[i], np.sort(mine)[::-1][:5], atol=1e-4)
        assert (np.diff(shares[i]) <= 0).all()
    assert (indices[result.a == 0] == -1).all()


@pytest.mark.parametrize("held", HELD)
def test_more_best_matches_than_cells_are_padded(held: SolvePath) -> None:
    indices, shares = solved(held).top(M + 3)
    assert indices.shape == (N, M + 3)
    assert (indices[:, M:] == -1).all()
    assert (shares[:, M:] == 0).all()


@pytest.mark.parametrize("held", HELD)
def test_entropy_is_that_of_the_normalised_row(held: SolvePath) -> None:
    result = solved(held)
    plan = whole(result)
    some = result.a > 0
    mine = plan[some] / plan[some].sum(1, keepdims=True)
    entropy = -(mine * np.log(np.maximum(mine, 1e-300))).sum(1)
    np.testing.assert_allclose(result.row_entropies[some], entropy, atol=1e-4)
    np.testing.assert_allclose(result.n_effective[some], np.exp(entropy), rtol=1e-4)


@pytest.mark.parametrize("held", HELD)
def test_samples_follow_the_rows(held: SolvePath) -> None:
    result = solved(held)
    drawn = result.sample(np.random.default_rng(0), 4000)
    plan = whole(result)
    i = int(result.a.argmax())
    frequencies = np.bincount(drawn[i], minlength=M) / 4000
    assert np.abs(frequencies - plan[i] / plan[i].sum()).max() < 0.04
    assert (drawn[result.a == 0] == -1).all()
    np.testing.assert_array_equal(drawn, result.sample(np.random.default_rng(0), 4000))


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_cost_and_dual_agree_at_the_optimum(held: SolvePath, cost: str) -> None:
    x, y = clouds(5, N, M, 8)
    result = solved(held, cost)
    plan, matrix = whole(result), costs(x, y, cost)
    np.testing.assert_allclose(result.transport_cost, (plan * matrix).sum(), rtol=1e-5)
    mass = np.outer(result.a, result.b)
    kl = (plan * np.log(np.where(mass > 0, plan / np.maximum(mass, 1e-300), 1) + 1e-300)).sum()
    primal = (plan * matrix).sum() + result.epsilon * (kl - plan.sum() + 1)
    assert primal - result.dual_value > -1e-6 * primal
    assert primal - result.dual_value < 1e-4 * primal


@pytest.mark.parametrize("epsilon", [0.05, 1.0])  # the plan is sparse, and it is not
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_no_potentials_have_a_larger_dual_value_than_the_optimum(epsilon: float, cost: str) -> None:
    """Shifted potentials give a plan of another mass, by which their dual value falls."""
    x, y = clouds(7, 600, 500, 3)
    best = solve(x, y, epsilon, cost=cost, options=FINE)
    for shift in (-0.5, -0.1, 0.1, 0.5):
        shifted = from_potentials(x, y, epsilon, f=best.f + shift, g=best.g, cost=cost)
        expected = shift - epsilon * np.expm1(shift / epsilon)  # the derivative of the dual by the shift is 1 − mass
        assert expected < 0
        np.testing.assert_allclose(shifted.dual_value - best.dual_value, expected, rtol=1e-3)


@pytest.mark.parametrize("held", HELD)
def test_scaling_cost_and_epsilon_leaves_the_plan(held: SolvePath) -> None:
    x, y = clouds(5, N, M, 8)
    first = solved(held)
    second = solve(
        7 * x, 7 * y, 7 * first.epsilon, a=uneven(1, N, True), b=uneven(2, M, True), options=FINE,
    )  # fmt: skip
    np.testing.assert_allclose(second.rows(0, N), first.rows(0, N), atol=1e-6)


def test_translating_both_clouds_leaves_the_plan() -> None:
    x, y = clouds(6, 60, 60, 4)
    for cost in ("euclidean", "sqeuclidean"):
        first = solve(x, y, 0.1, cost=cost, options=FINE)
        second = solve(x + 50, y + 50, 0.1, cost=cost, options=FINE)
        np.testing.assert_allclose(second.rows(0, 60), first.rows(0, 60), atol=1e-7)


def test_permuting_cells_permutes_the_plan() -> None:
    rng = np.random.default_rng(0)
    x, y = clouds(6, 80, 60, 4)
    p, q = rng.permutation(80), rng.permutation(60)
    options = SolveOptions(tolerance=1e-6, schedule=AnnealingSchedule(coarsest_cells=20, level_ratio=2.0))
    first = solve(x, y, 0.1, options=options).rows(0, 80)
    second = solve(x[p], y[q], 0.1, options=options).rows(0, 80)
    assert np.abs(second - first[p][:, q]).sum() < 1e-5


def test_sparse_dense_and_unstored_are_one_plan() -> None:
    plans = [solved(held).rows(0, N) for held in HELD]
    for other in plans[1:]:
        assert np.abs(other - plans[0]).sum() < 2e-5


def test_huge_epsilon_is_the_product_of_the_marginals() -> None:
    x, y = clouds(6, 40, 30, 4)
    a, b = uneven(3, 40, False), uneven(4, 30, False)
    result = solve(x, y, 1e6, a=a, b=b)
    np.testing.assert_allclose(result.rows(0, 40), np.outer(result.a, result.b), rtol=1e-4)


def test_mean_cost_is_the_mean_of_all_costs() -> None:
    x, y = clouds(8, 300, 211, 13)
    for cost in ("euclidean", "sqeuclidean"):
        np.testing.assert_allclose(mean_cost(x, y + 3, cost), costs(x, y + 3, cost).mean(), rtol=1e-6)


def test_a_result_is_read_only() -> None:
    result = solved(SolvePath.SPARSE)
    with pytest.raises(ValueError, match="read-only"):
        result.f[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        result.a[0] = 1
