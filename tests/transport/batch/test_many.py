"""solve_many gives for each group what solve gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import SolveOptions, solve, solve_many
from tests.transport.entropic.test_solve import KINDS, clouds, uneven
from tests.transport.reference import costs, l1_error, plan_of, weights


def groups() -> list[tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(0)
    found: list[tuple[np.ndarray, ...]] = []
    for k in range(40):
        n, m = int(rng.integers(1, 90)), int(rng.integers(1, 90))
        x, y = clouds(k, n, m, int(rng.choice([1, 4, 26])), KINDS[k % len(KINDS)])
        found.append((x, y) if k % 3 else (x, y, uneven(k, n, True), uneven(k + 1, m, True)))
    return found


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_every_group_is_solved_and_certified(cost: str, share: float) -> None:
    asked = groups()
    epsilons = [share * (float(costs(group[0], group[1], cost).std()) or 1.0) for group in asked]
    for group, epsilon, result in zip(asked, epsilons, solve_many(asked, epsilons, cost=cost), strict=True):
        x, y, *given = group
        a, b = given or (None, None)
        wa, wb = weights(a, len(x)), weights(b, len(y))
        matrix = costs(x, y, cost)
        noise = 1e-8 + 20 * np.finfo(float).eps * matrix.max() / epsilon
        assert result.converged
        error = l1_error(plan_of(result.f, result.g, wa, wb, matrix, epsilon), wa, wb)
        assert error <= result.marginal_error + noise <= 1e-3 + noise


def test_groups_and_single_solves_agree() -> None:
    asked, fine = groups()[1:3], SolveOptions(tolerance=1e-7)
    for group, result in zip(asked, solve_many(asked, 0.2, options=fine), strict=True):
        alone = solve(*group[:2], 0.2, options=fine)
        assert np.abs(alone.rows(0, len(group[0])) - result.rows(0, len(group[0]))).sum() < 1e-5


def test_large_and_small_groups_share_one_call() -> None:
    big, small = clouds(1, 400, 300, 5), clouds(2, 12, 9, 5)
    results = solve_many([small, big, small], 0.1)
    assert [result.shape for result in results] == [(12, 9), (400, 300), (12, 9)]
    assert all(result.converged for result in results)
    np.testing.assert_allclose(results[0].f, results[2].f, rtol=0, atol=1e-12)


def test_workers_change_nothing() -> None:
    asked = [*groups(), clouds(1, 400, 300, 5)]
    alone = solve_many(asked, 0.1)
    with ThreadPoolExecutor(3) as executor:
        shared = solve_many(asked, 0.1, options=SolveOptions(executor=executor))
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_allclose(one.f, other.f, rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.g, other.g, rtol=0, atol=1e-12)


def test_a_stop_leaves_the_rest_stopped() -> None:
    asked = [clouds(k, 250, 250, 5) for k in range(300)]
    calls = iter(range(10**6))
    results = solve_many(asked, 0.1, options=SolveOptions(should_stop=lambda: next(calls) > 3))
    statuses = [result.status for result in results]
    assert "stopped" in statuses
    assert "converged" in statuses


def test_a_bad_group_is_refused_before_any_is_solved() -> None:
    with pytest.raises(PsmatchError, match="NaN"):
        solve_many([clouds(1, 5, 5, 2), (np.full((3, 2), np.nan), np.zeros((3, 2)))], 0.1)


def test_no_groups_no_results() -> None:
    assert solve_many([], 0.1) == ()
