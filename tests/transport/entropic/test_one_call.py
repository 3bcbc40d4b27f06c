"""A small problem solved in one compiled call has the plan, the certificate and the support of the usual way."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.transport import SolveOptions, SolvePath, TransportResult, solve
from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import anneal, one_call
from psmatch_core.transport.entropic.fixed_epsilon import support_theta
from psmatch_core.transport.options import DEFAULT_OPTIONS
from psmatch_core.transport.validation import prepare_problem
from tests.transport.entropic.test_repair import islands
from tests.transport.entropic.test_solve import clouds
from tests.transport.reference import costs, l1_error, plan_of

SIZES = [(1, 1), (2, 70), (65, 64), (300, 410), (700, 650)]


def true_error(result: TransportResult, cost: np.ndarray) -> float:
    return l1_error(plan_of(result.f, result.g, result.a, result.b, cost, result.epsilon), result.a, result.b)


@pytest.mark.parametrize("kind", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("share", [0.01, 0.1, 3.0])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_plan_is_that_of_the_usual_way(
    n: int, m: int, share: float, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = clouds(3, n, m, 5)
    a = np.random.default_rng(n).gamma(1.0, size=n) + 0.05
    cost = costs(x, y, kind)
    epsilon = share * cost.mean()
    found = solve(x, y, epsilon, a=a, cost=kind)
    assert found.converged
    assert true_error(found, cost) <= found.marginal_error <= 1e-3
    monkeypatch.setattr(anneal, "solve_in_one_call", lambda *_: None)
    usual = solve(x, y, epsilon, a=a, cost=kind)
    assert np.abs(found.rows(0, n) - usual.rows(0, n)).sum() < 0.03


@pytest.mark.parametrize("share", [0.005, 0.01])
def test_the_support_leaves_out_what_it_says(share: float) -> None:
    x, y = clouds(4, 600, 500, 6)
    cost = costs(x, y)
    found = solve(x, y, share * cost.mean())
    assert found.path == SolvePath.SPARSE
    plan = plan_of(found.f, found.g, found.a, found.b, cost, found.epsilon)
    kept = found.support.toarray()
    assert plan[kept == 0].sum() <= found.dropped_mass + 1e-12
    np.testing.assert_allclose(kept[kept > 0], plan[kept > 0], rtol=1e-4)


def test_small_problems_go_this_way_and_others_do_not() -> None:
    x, y = clouds(5, 300, 300, 5)
    problem = prepare_problem(x, y, cost="euclidean").problem

    def is_taken(options: SolveOptions, epsilon: float = 0.3) -> bool:
        theta = support_theta(options.tolerance)
        return one_call.solve_in_one_call(problem, epsilon, theta, SolveContext.start(options)) is not None

    assert is_taken(DEFAULT_OPTIONS)
    assert not is_taken(SolveOptions(1e-6))
    assert not is_taken(SolveOptions(max_iterations=100))
    assert not is_taken(SolveOptions(memory_budget_mb=1))
    with pytest.raises(StopRequested):
        is_taken(SolveOptions(should_stop=lambda: True))


def test_what_does_not_converge_in_one_call_is_solved_the_usual_way() -> None:
    x, y = islands()
    context = SolveContext.start(DEFAULT_OPTIONS)
    problem = prepare_problem(x, y, cost="euclidean").problem
    assert one_call.solve_in_one_call(problem, 0.5, support_theta(1e-3), context) is None
    found = solve(x, y, 0.5)
    assert found.converged
    assert found.iterations <= DEFAULT_OPTIONS.max_iterations
    assert true_error(found, costs(x, y)) <= found.marginal_error
