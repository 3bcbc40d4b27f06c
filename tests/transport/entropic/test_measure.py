"""The last step of a solve: mass 1, and the error of the plan itself."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.transport import SolveOptions, SolveStatus, from_potentials, solve
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.measure import measure, measure_as_is
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.problem import Potentials
from psmatch_core.transport.validation import prepare_problem
from tests.transport.entropic.test_solve import SCHEDULES, clouds, uneven
from tests.transport.reference import costs, l1_error, plan_of

X, Y = clouds(4, 80, 70, 5)
A, B = uneven(1, 80, False), uneven(2, 70, False)
COST = costs(X, Y)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("most", [1, 4, 20, 5000])
@pytest.mark.parametrize("share", [1e-6, 0.02, 0.5])
def test_a_plan_has_mass_1_and_its_own_error_converged_or_not(share: float, most: int, schedule: str) -> None:
    epsilon = share * COST.mean()
    options = SolveOptions(max_iterations=most, schedule=SCHEDULES[schedule])
    result = solve(X, Y, epsilon, a=A, b=B, options=options)
    plan = plan_of(result.f, result.g, result.a, result.b, COST, epsilon)
    np.testing.assert_allclose(plan.sum(1), result.a, rtol=1e-6)
    assert abs(plan.sum() - 1) < 1e-7
    error = l1_error(plan, result.a, result.b)
    assert error <= result.marginal_error <= error + 1e-7
    assert result.converged == (result.marginal_error <= 1e-3)


@pytest.mark.parametrize("offset", [0.0, -900.0, 1e5])
def test_potentials_far_off_are_brought_back(offset: float) -> None:
    """Sums of such a plan vanish or overflow unless the largest term is factored out."""
    problem, context = prepare_problem(X, Y, cost="euclidean").problem, SolveContext.start(SolveOptions())
    start = SolveOutcome.unfinished(np.full(80, offset), np.zeros(70))
    found = measure(problem, start, 1.0, context)
    assert found.status is SolveStatus.NOT_CONVERGED
    plan = plan_of(found.f, found.g, problem.a, problem.b, costs(problem.geometry.x, problem.geometry.y), 1.0)
    np.testing.assert_allclose(plan.sum(1), problem.a, rtol=1e-9)
    np.testing.assert_allclose(found.column_error, np.abs(plan.sum(0) - problem.b).sum(), rtol=1e-6)


def test_a_large_plan_that_has_converged_keeps_its_certificate() -> None:
    problem, context = prepare_problem(X, Y, cost="euclidean").problem, SolveContext.start(SolveOptions())
    start = SolveOutcome.unfinished(np.zeros(80), np.zeros(70))
    assert measure(problem, start, 1.0, context, most_pairs=80 * 70).row_error < 1e-9
    from dataclasses import replace

    done = replace(start, status=SolveStatus.CONVERGED, row_error=1e-4, column_error=1e-4)
    assert measure(problem, done, 1.0, context, most_pairs=80 * 70 - 1) is done


def test_potentials_as_they_are_keep_their_error() -> None:
    problem = prepare_problem(X, Y, cost="euclidean").problem
    potentials = Potentials(np.full(80, 0.3), np.zeros(70), 0.5)
    plan = plan_of(potentials.f, potentials.g, problem.a, problem.b, costs(problem.geometry.x, problem.geometry.y), 0.5)
    row, column = measure_as_is(problem, potentials)
    for found, true in ((row, np.abs(plan.sum(1) - problem.a)), (column, np.abs(plan.sum(0) - problem.b))):
        assert true.sum() <= found <= true.sum() + 1e-4
    given = from_potentials(X, Y, 0.5, f=np.full(80, 0.3), g=np.zeros(70))
    assert given.marginal_error >= row + column - 1e-4
