"""Ladders: every rung is the plan that a fresh solve gives, what was kept of it is the plan's, and all is said."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.exploration.epsilon_grid import at_value, can_climb, default_values
from psmatch_core.exploration.epsilon_path import Ladder, load_ladder, save_ladder
from psmatch_core.exploration.l_curve import l_curve
from psmatch_core.exploration.solve_path import ladder
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
def found(models) -> Ladder:
    return ladder(*models, SINKHORN, label="B")


@pytest.mark.parametrize("matcher", MATCHERS, ids=lambda each: type(each).__name__)
def test_a_rung_is_the_plan_of_a_fresh_solve(matcher, models):
    found = ladder(*models, matcher, label="B", values=None if matcher is SINKHORN else [2, 6])
    for place in {0, found.own, len(found) - 1}:
        fresh = match(*models, at_value(matcher, float(found.values[place])))["B"]
        assert np.abs(found.rung(place).to_array() - fresh.to_array()).sum() < 1e-4
        assert found.n_effective[place] == pytest.approx(fresh.n_effective, rel=1e-3)
        index, weight = fresh.top(5)
        assert found.top_weight[place] == pytest.approx(weight, abs=1e-4)
        clear = weight[:, 0] > weight[:, 1] + 1e-3
        assert (found.top_index[place, clear, 0] == index[clear, 0]).all()


def test_what_a_picture_shows_is_the_mean_of_the_rung(found):
    for place in (0, len(found) - 1):
        means, P = found.means_at(place), found.rung(place).to_array()
        assert means.means == pytest.approx(P[np.ix_(means.row_order, means.column_order)], rel=1e-4)


def test_its_curve_is_the_l_curve_of_the_label(found, models):
    curve = l_curve(*models, found.matcher, found.values, labels=["B"])
    assert found.curve.pooled["cost"].to_numpy() == pytest.approx(curve.pooled["cost"].to_numpy(), rel=1e-4)
    assert found.curve.pooled["entropy"].to_numpy() == pytest.approx(curve.pooled["entropy"].to_numpy(), rel=1e-4)
    assert found.curve.corner == curve.corner


def test_plans_get_sharper_down_the_ladder(found):
    assert (np.diff(found.values) > 0).all()
    assert (np.diff([point.n_effective for point in found.points]) > 0).all()


def test_the_matchers_own_value_and_the_presets_are_rungs(found):
    assert found.values[found.own] == found.matcher.epsilon
    assert {name: found.values[place] for name, place in found.marks.items()} == {
        "sharp": 0.02,
        "balanced": 0.05,
        "smooth": 0.1,
    }
    grid = default_values(SinkhornMatcher(epsilon=0.021), 100, 100)
    assert {0.02, 0.021, 0.05, 0.1} <= set(grid)
    assert len(grid) in (25, 26)


def test_k_stays_within_the_label_and_its_own_is_a_rung():
    assert default_values(NeighborMatcher(n_neighbors=7), 12, 9).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert default_values(NeighborMatcher(), 5000, 5000)[-1] == 100


def test_a_rung_that_did_not_converge_says_so(models):
    found = ladder(*models, SinkhornMatcher(max_iterations=1, tolerance=1e-9), label="A", values=[0.01, 2.0])
    late = [point.status for point in found.points if point.status.outcome is Outcome.NOT_CONVERGED]
    assert late
    assert "error" in late[0].message
    assert f"{len(late)} not converged" in repr(found)


def test_foscttm_is_that_of_the_evaluation(models):
    twin = replace(models[0])
    found = ladder(models[0], twin, SINKHORN, label="C", values=[0.02, 0.5])
    for place, value in enumerate(found.values):
        judged = evaluate(match(models[0], twin, at_value(SINKHORN, float(value))))
        expected = {score.label: score.foscttm for score in judged.per_label}["C"]
        assert found.foscttm[place] == pytest.approx(expected, abs=1e-3)
    assert found.n_judged == found.n_pairs == (models[0].modality.labels == "C").sum()


def test_without_known_pairs_there_is_no_foscttm(found):
    assert found.n_pairs == 0
    assert np.isnan(found.foscttm).all()


@pytest.mark.parametrize("matcher", MATCHERS[:2], ids=lambda each: type(each).__name__)
def test_a_file_gives_the_same_ladder(matcher, models, tmp_path):
    found = ladder(*models, matcher, label="A", values=[2.0])
    again = load_ladder(save_ladder(found, tmp_path / "ladder.npz"), *models)
    assert repr(again.points) == repr(found.points)  # NaN is not equal to itself
    assert again.matcher == found.matcher
    for place in range(len(found)):
        assert again.rung(place).to_array() == pytest.approx(found.rung(place).to_array())
        assert again.means_at(place).fold == pytest.approx(found.means_at(place).fold)


def test_a_ladder_in_the_making_shows_its_nearest_rung(models):
    parts = []

    def seen(part):
        parts.append((part.solved.copy(), [part.nearest(place) for place in range(len(part))], part.curve.epsilons))

    found = ladder(*models, SINKHORN, label="B", seen=seen)
    first, coarse = parts[0], parts[6]
    assert np.flatnonzero(first[0]).tolist() == [found.own]  # the plan of the run comes first
    assert set(first[1]) == {found.own}
    assert coarse[0].sum() == 7
    assert coarse[0][[0, -1]].all()  # both ends are in the coarse ladder, so that one can drag all the way
    assert all(coarse[0][place] for place in coarse[1])
    assert coarse[2].tolist() == found.values[coarse[0]].tolist()
    assert parts[-1][0].all()
    assert parts[-1][1] == list(range(len(found)))


def test_a_rung_that_is_missing_says_so(models):
    parts = []
    ladder(*models, SINKHORN, label="B", seen=lambda part: parts.append(part) if not parts else None)
    missing = replace(parts[0], f=np.zeros((0, 0)))
    with pytest.raises(PsmatchError, match=r"has no plan at .*: not solved yet"):
        missing.rung(0)


def test_a_method_without_a_knob_says_so(models):
    with pytest.raises(PsmatchError, match="ExactMatcher has neither an epsilon nor a k"):
        ladder(*models, ExactMatcher(), label="A")
    with pytest.raises(PsmatchError, match="LabeledGromovMatcher couples all labels at once"):
        ladder(*models, LabeledGromovMatcher(), label="A")
    with pytest.raises(PsmatchError, match="There is no label Z"):
        ladder(*models, SinkhornMatcher(), label="Z")
    assert not can_climb(ExactMatcher())
    assert can_climb(NeighborMatcher())
