"""resolve and solve_path give the same results as new solves, with less work."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.transport import SolveOptions, resolve, solve, solve_path
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.epsilon_step import find_wide_support
from psmatch_core.transport.kernels.full_pass import find_support
from psmatch_core.transport.options import DEFAULT_OPTIONS
from tests.transport.entropic.test_solve import SPARSE, clouds
from tests.transport.reference import costs, l1_error, plan_of

X, Y = clouds(11, 700, 600, 6)
A, B = np.full(700, 1 / 700), np.full(600, 1 / 600)
COST = costs(X, Y)
SMALL = 0.02 * COST.mean()


def true_error(result: object) -> float:
    return l1_error(plan_of(result.f, result.g, A, B, COST, result.epsilon), A, B)  # type: ignore[attr-defined]


@pytest.mark.parametrize("factor", [0.3, 0.6, 0.9, 1.1, 1.5, 2.2, 10.0])
@pytest.mark.parametrize("base", [SMALL, 8 * SMALL])
def test_a_step_is_as_good_as_a_solve(base: float, factor: float) -> None:
    first = solve(X, Y, base)
    step = resolve(first, base * factor)
    assert step.converged
    assert step.epsilon == base * factor
    assert true_error(step) <= step.marginal_error <= 1e-3
    afresh = solve(X, Y, base * factor)
    assert np.abs(step.rows(0, 700) - afresh.rows(0, 700)).sum() < 0.05


def test_small_steps_make_no_pass_over_all_pairs() -> None:
    result = resolve(solve(X, Y, SMALL), SMALL * 1.05)
    for factor in (0.95, 1.1, 0.9):
        result = resolve(result, SMALL * factor)
        assert result.converged
        assert result.full_passes == 0
        assert true_error(result) <= result.marginal_error


def test_the_mass_that_a_step_leaves_out_is_known() -> None:
    result = resolve(solve(X, Y, SMALL), SMALL * 1.2)
    plan = plan_of(result.f, result.g, A, B, COST, result.epsilon)
    kept = np.zeros_like(plan)
    matrix = result.support.tocoo()
    kept[matrix.row, matrix.col] = 1
    assert plan[kept == 0].sum() <= result.dropped_mass


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.3, 2.0])
def test_leakage_bounds_what_lies_outside(factor: float) -> None:
    base = solve(X, Y, SMALL)
    problem, context = base.plan.problem, SolveContext.start(DEFAULT_OPTIONS)
    support = find_support(problem, base.plan.potentials, 12.0, context, exact=False, limit=10**9)
    assert support is not None
    other = solve(X, Y, SMALL * factor)
    plan = plan_of(other.f, other.g, A, B, COST, other.epsilon)
    outside = np.ones_like(plan)
    sources, targets = base.prepared.sources, base.prepared.targets  # the order in which the engine holds cells
    outside[sources[np.repeat(np.arange(700), np.diff(support.indptr))], targets[support.indices]] = 0
    bound = support.leakage(problem, other.plan.potentials)
    assert ((plan * outside).sum(1)[sources] <= bound * (1 + 1e-6)).all()


def test_a_wide_support_is_refused_where_the_plan_is_dense() -> None:
    result = solve(X, Y, COST.mean())
    context = SolveContext.start(DEFAULT_OPTIONS)
    assert find_wide_support(result.plan.problem, result.plan.potentials, context) is None


def test_path_is_the_single_solves_in_the_order_asked_for() -> None:
    epsilons = [SMALL, 10 * SMALL, 3 * SMALL]
    found = solve_path(X, Y, epsilons)
    assert [result.epsilon for result in found] == epsilons
    for result in found:
        assert result.converged
        assert true_error(result) <= 1e-3
        afresh = solve(X, Y, result.epsilon, options=SolveOptions(schedule=SPARSE))
        assert np.abs(result.rows(0, 700) - afresh.rows(0, 700)).sum() < 0.05
