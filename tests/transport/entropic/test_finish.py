"""The last part of a solve: a support that is wide enough from the first takes fewer passes over all pairs."""

import numpy as np
import pytest

from psmatch_core.transport import SolveOptions, solve
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import finish, fixed_epsilon
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.problem import Potentials
from psmatch_core.transport.status import SolvePath

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(3)
    return rng.normal(size=(1_700, 8)), rng.normal(size=(1_600, 8)) + 0.2


@pytest.mark.parametrize("theta", [4.0, 6.0, 9.0])
def test_a_few_rows_tell_what_a_support_leaves_out(clouds, theta):
    result = solve(*clouds, 0.05)
    problem = result.prepared.problem
    potentials = result.plan.potentials
    support = full_pass.find_support(
        problem, potentials, theta, SolveContext.start(SolveOptions()), exact=False, limit=problem.geometry.n_pairs
    )
    assert full_pass.dropped_mass(problem, potentials, theta) == pytest.approx(float(support.dropped.sum()), rel=0.5)


def test_a_support_that_would_be_too_narrow_is_not_sought(clouds, monkeypatch):
    monkeypatch.setattr(fixed_epsilon, "support_theta", lambda tolerance: 6.0)  # as it is for many cells
    options = SolveOptions(TOLERANCE)
    found = solve(*clouds, 0.05, options=options)
    monkeypatch.setattr(finish, "_wide_enough", lambda problem, state, theta, tolerance, sparse_below: theta)
    narrow = solve(*clouds, 0.05, options=options)
    for each in (found, narrow):
        assert each.converged
        assert each.path is SolvePath.SPARSE
    assert found.full_passes < narrow.full_passes
    difference = found.f - found.f.mean() - (narrow.f - narrow.f.mean())
    assert np.abs(difference).mean() < 0.01


def test_theta_stays_where_little_is_left_out_and_where_the_plan_would_be_dense(clouds):
    result = solve(*clouds, 0.05)
    problem, state = result.prepared.problem, _State(result.plan.potentials)
    assert finish._wide_enough(problem, state, 30.0, TOLERANCE, 1.0) == 30.0
    assert 6.0 < finish._wide_enough(problem, state, 6.0, TOLERANCE, 1.0) <= 6.0 + finish._WIDENED
    assert finish._wide_enough(problem, state, 6.0, TOLERANCE, 0.0) == 6.0


class _State:
    """Potentials alone, of all that a solve is at."""

    def __init__(self, potentials: Potentials) -> None:
        self.potentials = potentials
