"""A sample of the sources changes how a dense plan is found, and never which plan it is or what it certifies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from psmatch_core.transport import SolveOptions, SolvePath, TransportResult, resolve, solve, solve_path
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import all_pairs, row_sample
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.options import DEFAULT_OPTIONS
from tests.transport.entropic.test_solve import clouds
from tests.transport.reference import costs, l1_error, plan_of, sinkhorn

N, M = 1501, 1302
X, Y = clouds(12, N, M, 6)
WEIGHTS = np.random.default_rng(3).gamma(2.0, size=N)
COST = costs(X, Y)
EPSILON = 0.2 * COST.mean()


@pytest.fixture(autouse=True)
def small_problems_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_sample, "_FEWEST_PAIRS", 0)
    monkeypatch.setattr(row_sample, "_FEWEST_ROWS", 8)


def true_error(result: TransportResult) -> float:
    return l1_error(plan_of(result.f, result.g, result.a, result.b, COST, result.epsilon), result.a, result.b)


@pytest.mark.parametrize("budget", [1024.0, 4.0], ids=["stored", "matrix-free"])
@pytest.mark.parametrize("a", [None, WEIGHTS], ids=["uniform", "uneven"])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_the_plan_is_that_of_all_pairs(a: np.ndarray | None, budget: float, tolerance: float) -> None:
    found = solve(X, Y, EPSILON, a=a, options=SolveOptions(tolerance, memory_budget_mb=budget))
    assert found.path == (SolvePath.DENSE if budget > 100 else SolvePath.MATRIX_FREE)
    assert found.converged
    assert true_error(found) <= found.marginal_error <= tolerance
    exact = sinkhorn(COST, EPSILON, found.a, found.b, 1e-9).plan
    assert np.abs(plan_of(found.f, found.g, found.a, found.b, COST, EPSILON) - exact).sum() < 30 * tolerance


def test_a_direction_of_the_sample_removes_most_of_the_error() -> None:
    """The potentials of the sample alone are wrong by its noise; one step over all pairs shows how, and corrects it."""
    context = SolveContext.start(DEFAULT_OPTIONS)
    problem = solve(X, Y, EPSILON).plan.problem
    start = np.full(N, COST.mean() / 2), np.full(M, COST.mean() / 2)
    state = SolveState(*start, EPSILON)
    sample = all_pairs.solve_on_rows(problem, state, context)
    assert sample is not None
    assert sample.problem.shape[0] <= N // row_sample.ONE_IN + 1
    errors = []

    def sums_at(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        g = state.g + EPSILON * logs
        kernel = np.exp((g - costs(problem.geometry.x, problem.geometry.y)) / EPSILON) * problem.b
        sums = kernel.sum(1)
        columns = (problem.a / sums) @ kernel
        errors.append(np.abs(columns - problem.b).sum())
        return sums, columns

    row_sample.step_by_sample(problem.b, sums_at, sample, context, tolerance=1e-5, most=200)
    assert errors[0] > 0.01
    assert len(errors) <= 7
    assert all(after < 0.5 * before for before, after in itertools.pairwise(errors))


def test_limits_of_iterations_hold() -> None:
    for limit in (1, 5, 40, 130, 150, 170):
        found = solve(X, Y, EPSILON, options=SolveOptions(1e-7, max_iterations=limit))
        assert found.iterations <= limit
        assert found.converged == (found.marginal_error <= 1e-7)
        assert true_error(found) <= found.marginal_error


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.95, 1.1, 1.6, 2.4, 5.0])
def test_a_step_of_a_slider_on_kept_exponents_is_as_good_as_a_solve(factor: float) -> None:
    first = resolve(solve(X, Y, EPSILON), 1.02 * EPSILON)
    assert first.path == SolvePath.DENSE_STEP
    step = resolve(first, factor * EPSILON)
    assert step.converged
    assert true_error(step) <= step.marginal_error <= 1e-3
    afresh = solve(X, Y, factor * EPSILON)
    assert np.abs(step.rows(0, N) - afresh.rows(0, N)).sum() < 0.02
    if 1 / 2 < factor < 2:
        assert step.path == SolvePath.DENSE_STEP
        assert step.full_passes == 0


def test_steps_there_and_back_end_where_they_began() -> None:
    result = start = solve(X, Y, EPSILON, a=WEIGHTS)
    for factor in (0.9, 0.8, 0.9, 1.0, 1.2, 1.0):
        result = resolve(result, factor * EPSILON)
        assert result.path == SolvePath.DENSE_STEP
        assert true_error(result) <= result.marginal_error <= 1e-3
    assert np.abs(result.rows(0, N) - start.rows(0, N)).sum() < 0.01


def test_steps_share_their_exponents_and_a_path_gives_them_back() -> None:
    first = resolve(solve(X, Y, EPSILON), 1.1 * EPSILON)
    second = resolve(first, 1.2 * EPSILON)
    kept = [each.plan.reusable.dense_reference for each in (first, second)]
    assert kept[0] is not None
    assert kept[0] is kept[1]
    for each in solve_path(X, Y, [EPSILON, 1.1 * EPSILON, 1.2 * EPSILON]):
        assert each.converged
        assert each.plan.reusable.dense_reference is None
        assert each.plan.reusable.buffer.array is None


def test_exponents_that_exceed_half_the_budget_are_not_kept() -> None:
    options = SolveOptions(memory_budget_mb=10)
    step = resolve(solve(X, Y, EPSILON, options=options), 1.1 * EPSILON, options=options)
    assert step.path == SolvePath.DENSE
    assert step.converged
