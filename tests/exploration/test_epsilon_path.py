"""Epsilon paths: every step is the plan that a fresh solve gives, and what is kept of it is that of the plan."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.exploration.epsilon_grid import at_value, default_values, is_adjustable
from psmatch_core.exploration.epsilon_path import EpsilonPath, load_epsilon_path, save_epsilon_path
from psmatch_core.exploration.l_curve import l_curve
from psmatch_core.exploration.solve_path import solve_epsilon_path
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import (
    ExactMatcher,
    LabeledGromovMatcher,
    NeighborMatcher,
    SinkhornMatcher,
    UnbalancedMatcher,
)

MATCHERS = (SinkhornMatcher(tolerance=1e-7), NeighborMatcher(n_neighbors=3), UnbalancedMatcher(tolerance=1e-7))
SINKHORN = MATCHERS[0]


@pytest.fixture(scope="module")
def found(models) -> EpsilonPath:
    return solve_epsilon_path(*models, SINKHORN, label="B")


@pytest.mark.parametrize("matcher", MATCHERS, ids=lambda each: type(each).__name__)
def test_a_step_is_the_plan_of_a_fresh_solve(matcher, models):
    found = solve_epsilon_path(*models, matcher, label="B", values=None if matcher is SINKHORN else [2, 6])
    for step in {0, found.own_step, len(found) - 1}:
        fresh = match(*models, at_value(matcher, float(found.values[step])))["B"]
        assert np.abs(found.plan_at(step).to_array() - fresh.to_array()).sum() < 1e-4
        assert found.n_effective[step] == pytest.approx(fresh.n_effective, rel=1e-3)
        index, weight = fresh.top(5)
        assert found.top_weight[step] == pytest.approx(weight, abs=1e-4)
        clear = weight[:, 0] > weight[:, 1] + 1e-3
        assert (found.top_index[step, clear, 0] == index[clear, 0]).all()


def test_what_a_picture_shows_is_the_mean_of_the_plan(found):
    for step in (0, len(found) - 1):
        means, P = found.means_at(step), found.plan_at(step).to_array()
        assert means.means == pytest.approx(P[np.ix_(means.row_order, means.column_order)], rel=1e-4)


def test_its_curve_is_the_l_curve_of_the_label(found, models):
    curve = l_curve(*models, found.matcher, found.values, labels=["B"])
    assert found.curve.pooled["cost"].to_numpy() == pytest.approx(curve.pooled["cost"].to_numpy(), rel=1e-4)
    assert found.curve.pooled["entropy"].to_numpy() == pytest.approx(curve.pooled["entropy"].to_numpy(), rel=1e-4)
    assert found.curve.corner == curve.corner


def test_plans_get_sharper_along_the_path(found):
    assert (np.diff(found.values) > 0).all()
    assert (np.diff([point.n_effective for point in found.points]) > 0).all()


def test_the_matchers_own_value_and_the_presets_are_steps(found):
    assert found.values[found.own_step] == found.matcher.epsilon
    assert {name: found.values[step] for name, step in found.named_steps.items()} == {
        "sharp": 0.02,
        "balanced": 0.05,
        "smooth": 0.1,
    }
    grid = default_values(SinkhornMatcher(epsilon=0.021), 100, 100)
    assert {0.02, 0.021, 0.05, 0.1} <= set(grid)
    assert len(grid) in (25, 26)


def test_the_nearest_step_is_nearest_on_a_log_scale(found):
    for step, (low, high) in enumerate(pairwise(found.values)):
        assert found.nearest_step(np.sqrt(low * high) * 0.999) == step
        assert found.nearest_step(np.sqrt(low * high) * 1.001) == step + 1


def test_k_stays_within_the_label_and_its_own_is_a_step():
    assert default_values(NeighborMatcher(n_neighbors=7), 12, 9).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert default_values(NeighborMatcher(), 5000, 5000)[-1] == 100


def test_a_step_that_did_not_converge_says_so(models):
    found = solve_epsilon_path(
        *models, SinkhornMatcher(max_iterations=1, tolerance=1e-9), label="A", values=[0.01, 2.0]
    )
    late = [point.status for point in found.points if point.status.outcome is Outcome.NOT_CONVERGED]
    assert late
    assert "error" in late[0].message
    assert f"{len(late)} not converged" in repr(found)


def test_foscttm_is_that_of_the_evaluation(models):
    twin = replace(models[0])
    found = solve_epsilon_path(models[0], twin, SINKHORN, label="C", values=[0.02, 0.5])
    for step, value in enumerate(found.values):
        judged = evaluate(match(models[0], twin, at_value(SINKHORN, float(value))))
        expected = {score.label: score.foscttm for score in judged.per_label}["C"]
        assert found.foscttm[step] == pytest.approx(expected, abs=1e-3)
    assert found.n_judged == found.n_pairs == (models[0].modality.labels == "C").sum()


def test_without_known_pairs_there_is_no_foscttm(found):
    assert found.n_pairs == 0
    assert np.isnan(found.foscttm).all()


@pytest.mark.parametrize("matcher", MATCHERS[:2], ids=lambda each: type(each).__name__)
def test_a_file_gives_the_same_path(matcher, models, tmp_path):
    found = solve_epsilon_path(*models, matcher, label="A", values=[2.0])
    again = load_epsilon_path(save_epsilon_path(found, tmp_path / "ladder.npz"), *models)
    assert repr(again.points) == repr(found.points)  # NaN is not equal to itself
    assert again.matcher == found.matcher
    for step in range(len(found)):
        assert again.plan_at(step).to_array() == pytest.approx(found.plan_at(step).to_array())
        assert again.means_at(step).fold == pytest.approx(found.means_at(step).fold)


def test_an_unfinished_path_shows_its_nearest_step(models):
    parts = []

    def on_step(part):
        parts.append(
            (part.solved.copy(), [part.nearest_solved(step) for step in range(len(part))], part.curve.epsilons)
        )

    found = solve_epsilon_path(*models, SINKHORN, label="B", on_step=on_step)
    first, coarse = parts[0], parts[6]
    assert np.flatnonzero(first[0]).tolist() == [found.own_step]  # the plan of the run comes first
    assert set(first[1]) == {found.own_step}
    assert coarse[0].sum() == 7
    assert coarse[0][[0, -1]].all()  # both ends are in the coarse path, so that the slider can be dragged all the way
    assert all(coarse[0][step] for step in coarse[1])
    assert coarse[2].tolist() == found.values[coarse[0]].tolist()
    assert parts[-1][0].all()
    assert parts[-1][1] == list(range(len(found)))


def test_a_step_that_is_missing_says_so(models):
    parts = []
    solve_epsilon_path(*models, SINKHORN, label="B", on_step=lambda part: parts.append(part) if not parts else None)
    missing = replace(parts[0], f=np.zeros((0, 0)))
    with pytest.raises(PsmatchError, match=r"has no plan at .*: not solved yet"):
        missing.plan_at(0)


def test_a_method_without_epsilon_or_k_says_so(models):
    with pytest.raises(PsmatchError, match=r"Exact .* has neither an epsilon nor a k"):
        solve_epsilon_path(*models, ExactMatcher(), label="A")
    with pytest.raises(PsmatchError, match=r"Labeled .* matches all labels together"):
        solve_epsilon_path(*models, LabeledGromovMatcher(), label="A")
    with pytest.raises(PsmatchError, match="There is no label Z"):
        solve_epsilon_path(*models, SinkhornMatcher(), label="Z")
    assert not is_adjustable(ExactMatcher())
    assert is_adjustable(NeighborMatcher())
