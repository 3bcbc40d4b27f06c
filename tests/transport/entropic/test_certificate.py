"""The certificate: an upper bound of the error of the full plan, whatever a support leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.transport import solve
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.fixed_epsilon import certify
from psmatch_core.transport.kernels.full_pass import find_support
from psmatch_core.transport.options import DEFAULT_OPTIONS
from psmatch_core.transport.problem import Potentials
from tests.transport.entropic.test_solve import clouds, uneven
from tests.transport.reference import costs, plan_of


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("theta", [0.5, 1.0, 2.0, 4.0, 12.0])
def test_it_counts_the_mass_outside_the_support(theta: float, cost: str, exact: bool) -> None:
    """Potentials for which the support alone has about the right mass, so that the full plan has too much."""
    x, y = clouds(5, 300, 250, 3)
    epsilon = 0.1 * costs(x, y, cost).mean()
    solved = solve(x, y, epsilon, a=uneven(1, 300, False), b=uneven(2, 250, False), cost=cost)
    problem, context = solved.plan.problem, SolveContext.start(DEFAULT_OPTIONS)

    def support_at(potentials: Potentials):
        found = find_support(problem, potentials, theta, context, exact=exact, limit=10**9)
        assert found is not None
        return found

    potentials = solved.plan.potentials
    for _ in range(30):
        held = support_at(potentials).marginals(problem, potentials)[0].sum()
        potentials = Potentials(potentials.f - epsilon * np.log(held), potentials.g, epsilon)
    support = support_at(potentials)
    matrix = costs(problem.geometry.x, problem.geometry.y, cost)
    plan = plan_of(potentials.f, potentials.g, problem.a, problem.b, matrix, epsilon)
    outside = plan.copy()
    outside[support.row_of_entry, support.indices] = 0
    row, column, dropped = certify(problem, support, potentials)
    noise = 1e-6
    assert (outside.sum(1) <= support.dropped * (1 + 1e-6) + noise / 300).all()
    assert outside.sum() <= dropped + noise
    assert np.abs(plan.sum(1) - problem.a).sum() <= row + noise
    assert np.abs(plan.sum(0) - problem.b).sum() <= column + noise
    if theta < 2:  # the case is a hard one: the support alone looks far better than the plan is
        rows, _ = support.marginals(problem, potentials)
        assert np.abs(rows - problem.a).sum() < 0.8 * np.abs(plan.sum(1) - problem.a).sum()
