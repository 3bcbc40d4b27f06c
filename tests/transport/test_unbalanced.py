"""solve_unbalanced against a float64 reference, and in its limits."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.special import logsumexp

from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import solve, solve_unbalanced
from psmatch_core.transport.options import AnnealingSchedule, SolveOptions
from tests.transport.entropic.test_solve import DENSE, SPARSE, clouds, uneven
from tests.transport.reference import costs, plan_of, weights

FINE = SolveOptions(tolerance=1e-6)
HELD = {"sparse": (SPARSE, 100.0), "dense": (DENSE, 100.0), "matrix-free": (DENSE, 0.001)}


def reference(
    cost: np.ndarray, epsilon: float, rho1: float, rho2: float, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    f, g = np.zeros(a.size), np.zeros(b.size)
    for _ in range(20_000):
        f = -epsilon * logsumexp((g[None] - cost) / epsilon + np.log(b)[None], axis=1) / (1 + epsilon / rho1)
        new = -epsilon * logsumexp((f[:, None] - cost) / epsilon + np.log(a)[:, None], axis=0) / (1 + epsilon / rho2)
        if np.abs(new - g).max() < 1e-12:
            break
        g = new
    return f, g


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize(("rho1", "rho2"), [(0.1, 0.1), (1.0, 5.0), (50.0, 50.0), (np.inf, 0.5)])
def test_plan_is_the_references(held: str, cost: str, rho1: float, rho2: float) -> None:
    x, y = clouds(3, 70, 50, 4)
    a, b = uneven(1, 70, False), uneven(2, 50, False)
    matrix = costs(x, y, cost)
    epsilon = 0.08 * matrix.mean()
    schedule, budget = HELD[held]
    result = solve_unbalanced(
        x, y, epsilon, rho1=rho1, rho2=rho2, a=a, b=b, cost=cost,
        options=SolveOptions(1e-6, max_iterations=50_000, memory_budget_mb=budget, schedule=schedule),
    )  # fmt: skip
    assert result.converged
    wa, wb = weights(a, 70), weights(b, 50)
    truth = plan_of(*reference(matrix, epsilon, rho1, rho2, wa, wb), wa, wb, matrix, epsilon)
    mine = plan_of(result.f, result.g, wa, wb, matrix, epsilon)
    assert np.abs(mine - truth).sum() < 3e-4 * truth.sum()
    np.testing.assert_allclose(result.rows(0, 70), mine, atol=1e-6)
    misfit = np.abs(mine.sum(1) - wa * np.exp(-result.f / rho1)).sum()
    misfit += np.abs(mine.sum(0) - wb * np.exp(-result.g / rho2)).sum()
    assert misfit <= result.marginal_error + 1e-9


def test_plan_is_pots() -> None:
    x, y = clouds(3, 40, 30, 4)
    a, b = np.full(40, 1 / 40), np.full(30, 1 / 30)
    matrix = costs(x, y)
    theirs = ot.unbalanced.sinkhorn_unbalanced(
        a, b, matrix, 0.2, (1.0, 2.0), method="sinkhorn_stabilized", reg_type="kl", numItermax=20_000, stopThr=1e-12
    )
    mine = solve_unbalanced(x, y, 0.2, rho1=1.0, rho2=2.0, options=SolveOptions(1e-7)).rows(0, 40)
    assert np.abs(mine - theirs).sum() < 1e-4


def test_infinite_rho_is_balanced() -> None:
    x, y = clouds(3, 80, 60, 4)
    balanced = solve(x, y, 0.2, options=FINE).rows(0, 80)
    relaxed = solve_unbalanced(x, y, 0.2, rho1=np.inf, rho2=np.inf, options=FINE).rows(0, 80)
    assert np.abs(balanced - relaxed).sum() < 1e-4


def test_a_cell_without_counterpart_sends_less() -> None:
    x, y = clouds(3, 80, 60, 4)
    x[0] += 100
    rows = solve_unbalanced(x, y, 0.2, rho1=2.0, rho2=2.0).marginals()[0]
    assert rows[0] < 1e-3 * rows[1:].mean()


def test_several_levels_are_the_same() -> None:
    x, y = clouds(9, 400, 300, 4)
    one, other = (
        solve_unbalanced(x, y, 0.1, rho1=1.0, rho2=1.0, options=SolveOptions(1e-5, schedule=schedule))
        for schedule in (AnnealingSchedule(coarsest_cells=50, level_ratio=3.0), DENSE)
    )
    assert one.converged
    assert other.converged
    assert np.abs(one.rows(0, 400) - other.rows(0, 400)).sum() < 1e-3


def test_duality_gap_closes() -> None:
    x, y = clouds(3, 60, 50, 4)
    rho = 1.0
    result = solve_unbalanced(x, y, 0.2, rho1=rho, rho2=rho, options=FINE)
    plan, matrix = result.rows(0, 60), costs(x, y)

    def kl(p: np.ndarray, q: np.ndarray) -> float:
        return float((p * np.log(np.maximum(p, 1e-300) / q)).sum() - p.sum() + q.sum())

    primal = (plan * matrix).sum() + 0.2 * kl(plan, np.outer(result.a, result.b))
    primal += rho * kl(plan.sum(1), result.a) + rho * kl(plan.sum(0), result.b)
    assert -1e-6 < primal - result.dual_value < 1e-4


@pytest.mark.parametrize("rho", [0.0, -1.0, np.nan])
def test_rho_must_be_positive(rho: float) -> None:
    with pytest.raises(PsmatchError, match="rho1 must be above 0"):
        solve_unbalanced(*clouds(0, 5, 5, 2), 0.1, rho1=rho, rho2=1.0)
