"""Unbalanced transport: between all and nothing, and what it says of cells that stay behind."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.progress import silent
from psmatch_core.matching.blocks.potential import ENGINE_PAIRS
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers import SinkhornMatcher, UnbalancedMatcher
from tests.matching.matchers.test_matchers import problem


def couple(matcher, given):
    return matcher.couple(given, progress=silent)


def share(status) -> float:
    return float(status.message.partition("%")[0]) / 100


def test_dear_missing_mass_gives_the_balanced_plan():
    given = problem(30, 20, noise=0.3)
    block, status = couple(UnbalancedMatcher(rho=1e4, tolerance=1e-5), given)
    balanced = couple(SinkhornMatcher(tolerance=1e-5), given)[0]
    assert np.abs(block.to_array() - balanced.to_array()).sum() < 1e-3
    assert status.message == "100% of mass is matched"
    assert status.outcome is Outcome.CONVERGED


def test_cheaper_missing_mass_matches_less_of_it_and_the_plan_still_sums_to_one():
    given = problem(30, 20, noise=0.3)
    shares = []
    for rho in (3.0, 1.0, 0.3):
        block, status = couple(UnbalancedMatcher(rho=rho), given)
        assert block.marginals[0].sum() == pytest.approx(1, abs=1e-3)
        shares.append(share(status))
    assert 1 > shares[0] > shares[1] > shares[2] > 0


def test_cells_without_counterpart_are_left_and_counted_on_their_side():
    given = problem(20, 20)
    far = given.y.copy()
    far[[2, 5]] += [40, -40, 0, 0]
    block, status = couple(UnbalancedMatcher(rho=0.2, align=False), replace(given, y=far))
    assert status.outcome is Outcome.PARTIAL
    assert "2 target cells with under 10% of their share" in status.message
    assert "source cell" not in status.message
    assert (block.marginals[1][[2, 5]] < 0.1 / 20).all()


def test_not_converged_says_the_error_and_the_mass():
    _, status = couple(UnbalancedMatcher(epsilon=0.005, tolerance=1e-9, max_iterations=1), problem(60, 60, noise=0.5))
    assert status.outcome is Outcome.NOT_CONVERGED
    assert "iterations; " in status.message
    assert "of mass is matched" in status.message


def test_equal_scores_make_every_pair_alike():
    flat = replace(problem(4, 6), x=np.zeros((4, 4)), y=np.zeros((6, 4)))
    block, status = couple(UnbalancedMatcher(), flat)
    assert np.allclose(block.to_array(), 1 / 24)
    assert "all scores are equal" in status.message


def test_a_plan_that_the_engine_answers_for_has_mass_one_too():
    block, status = couple(UnbalancedMatcher(rho=0.3), problem(2100, 2000, noise=0.3))
    assert block.shape[0] * block.shape[1] > ENGINE_PAIRS
    assert share(status) < 0.9
    assert block.marginals[0].sum() == pytest.approx(1, abs=1e-3)
