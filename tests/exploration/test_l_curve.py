"""L-curves: what theory says of their slope, two ways to trace them, the corner, and what is said and refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.l_curve import LCurve, corner_of, default_epsilons, l_curve
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import label_problems, match
from psmatch_core.matching.matchers import (
    ExactMatcher,
    FusedGromovMatcher,
    GromovMatcher,
    LabeledCootMatcher,
    LabeledGromovMatcher,
    Matcher,
    RandomMatcher,
    SharedSpaceMatcher,
    SinkhornMatcher,
    UnbalancedMatcher,
    UniformMatcher,
)
from psmatch_core.transport.kernels.costs import distances

GRID = (0.03, 0.1, 0.3, 1.0)


@pytest.fixture(scope="module")
def curve(models) -> LCurve:
    matcher = SinkhornMatcher(epsilon_unit="absolute", align=False, tolerance=1e-7)
    return l_curve(*models, matcher, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6])


def test_the_slope_of_cost_over_entropy_is_epsilon(curve):
    """Each plan is the best at its own epsilon, so between two of them the slope lies between their epsilons."""
    for points in curve.points.values():
        for sharp, smooth in pairwise(points):
            slope = (smooth.cost - sharp.cost) / (smooth.entropy - sharp.entropy)
            assert sharp.epsilon - 1e-3 < slope < smooth.epsilon + 1e-3


def test_points_are_those_of_the_plans_that_match_gives(curve, models):
    coupling = match(*models, replace(curve.matcher, epsilon=0.2))
    for label, points in curve.points.items():
        (point,) = [each for each in points if each.epsilon == 0.2]
        P = coupling[label].to_array()
        cells = coupling.source_cells[label], coupling.target_cells[label]
        cost = distances(models[0].logits[cells[0]], models[1].logits[cells[1]])
        assert point.cost == pytest.approx((P * cost).sum(), rel=1e-3)
        assert point.entropy == pytest.approx(-(P[P > 0] * np.log(P[P > 0])).sum(), rel=1e-3)
        assert point.n_effective == pytest.approx(np.exp(np.log(coupling[label].n_effective).mean()), rel=1e-3)
        assert point.status.epsilon == 0.2


@pytest.mark.parametrize("matcher", [SinkhornMatcher(tolerance=1e-6)], ids=repr)
def test_warm_starts_change_nothing(matcher, models):
    problems = label_problems(*models, models[0].label_names, 0, with_features=True)
    key = lambda point: (point.status.label, point.epsilon)  # noqa: E731 - one use
    warm = sorted(matcher.trace_curve(problems, GRID), key=key)
    cold = sorted(Matcher.trace_curve(matcher, problems, GRID), key=key)
    for one, other in zip(warm, cold, strict=True):
        assert key(one) == key(other)
        assert (one.cost, one.entropy) == pytest.approx((other.cost, other.entropy), rel=1e-4)


@pytest.mark.parametrize(
    "matcher",
    [SinkhornMatcher(), UnbalancedMatcher(), GromovMatcher(n_neighbors=5), FusedGromovMatcher(relax=True)],
    ids=lambda matcher: type(matcher).__name__,
)
def test_every_matcher_with_epsilon_gets_sharper_and_cheaper_as_it_falls(matcher, models):
    found = l_curve(*models, matcher, [0.1, 0.4, 2.0])
    for name in ("cost", "entropy", "n_effective"):
        assert np.isfinite(found.pooled[name]).all()
        assert found.pooled[name].is_monotonic_increasing, name
    assert set(found.points) == {"A", "B", "C"}


def test_a_shared_space_has_a_curve_too(models):
    found = l_curve(models[0], models[0], SharedSpaceMatcher(), [0.05, 0.5])
    assert found.pooled["cost"].is_monotonic_increasing


@pytest.mark.parametrize("matcher", [ExactMatcher(), UniformMatcher(), RandomMatcher()], ids=repr)
def test_a_matcher_without_epsilon_says_so(matcher, models):
    with pytest.raises(PsmatchError, match="has no epsilon, so there is no curve") as caught:
        l_curve(*models, matcher)
    assert "entropic optimal transport" in caught.value.hint


@pytest.mark.parametrize(
    "matcher", [LabeledGromovMatcher(epsilon=0.01, space="scores"), LabeledCootMatcher(space="scores")], ids=repr
)
def test_a_joint_matcher_has_a_curve_too(matcher, models):
    found = l_curve(*models, matcher, [matcher.epsilon / 2, matcher.epsilon * 2, matcher.epsilon * 20])
    assert found.pooled["n_effective"].is_monotonic_increasing
    assert found.pooled["cost"].is_monotonic_increasing


def test_exact_cooptimal_transport_has_none(models):
    with pytest.raises(PsmatchError, match="Exact co-optimal transport has no epsilon"):
        l_curve(*models, LabeledCootMatcher(solver="exact"))


def test_pooled_figures_are_means_by_source_cells(curve):
    uneven = replace(curve, n_source={"A": 1, "B": 2, "C": 7})
    first = [points[0].cost for points in curve.points.values()]
    assert curve.pooled["cost"][0] == pytest.approx(np.mean(first))  # 22 cells each
    assert uneven.pooled["cost"][0] == pytest.approx(np.average(first, weights=[1, 2, 7]))


def test_the_corner_of_a_bend_is_found_and_a_line_has_none():
    epsilons = np.geomspace(0.01, 1, 9)
    flat_then_steep = np.r_[np.linspace(0, 0.05, 6), 0.3, 0.6, 1.0]
    assert corner_of(epsilons, np.arange(9.0), flat_then_steep) == epsilons[5]
    assert corner_of(epsilons, np.arange(9.0), 2 + 3 * np.arange(9.0)) is None
    assert corner_of(epsilons[:3], np.arange(3.0), np.array([0, 0, 1.0])) is None
    assert corner_of(epsilons, np.zeros(9), np.arange(9.0)) is None


def test_a_curve_above_its_chord_has_no_corner():
    """Where cost first rises steeply and then hardly, sharpening pays most at the sharp end: nothing to suggest."""
    epsilons = np.geomspace(0.01, 1, 9)
    assert corner_of(epsilons, np.arange(9.0), np.sqrt(np.arange(9.0))) is None
    assert corner_of(epsilons, np.arange(9.0), np.arange(9.0) ** 2) == epsilons[4]


def test_units_of_cost_do_not_move_the_corner(curve):
    table = curve.pooled
    parts = (table["epsilon"].to_numpy(), table["entropy"].to_numpy(), table["cost"].to_numpy())
    assert corner_of(*parts) == corner_of(parts[0], parts[1] / np.log(2), 1000 * parts[2] - 7)


def test_the_corner_is_named_as_a_suggestion(curve):
    assert curve.corner in curve.epsilons
    assert f"{curve.corner:.3g}" in curve.suggestion
    assert "Suggested without true pairs" in curve.suggestion
    notes = curve.table().query("note == 'corner: suggested'")
    assert notes["epsilon"].tolist() == [curve.corner]


def test_what_did_not_converge_is_counted_and_no_corner(models):
    found = l_curve(*models, SinkhornMatcher(max_iterations=1, tolerance=1e-9), [0.01, 0.1, 1.0])
    late = sum(each.status.outcome is Outcome.NOT_CONVERGED for points in found.points.values() for each in points)
    assert late > 0
    assert f"{late} plans of 9 did not converge" in " ".join(found.notes)
    assert found.corner is None
    assert "no epsilon is suggested" in found.suggestion


def test_only_the_labels_asked_for_are_traced(models):
    assert list(l_curve(*models, epsilons=[0.1, 1.0], labels=["B"]).points) == ["B"]
    with pytest.raises(PsmatchError, match="There is no label Z"):
        l_curve(*models, labels=["Z"])


@pytest.mark.parametrize("epsilons", [[], [0.1, -1], [float("nan")]])
def test_a_grid_that_cannot_be_is_refused(epsilons, models):
    with pytest.raises(PsmatchError, match="Epsilons must be finite numbers above 0"):
        l_curve(*models, epsilons=epsilons)


def test_the_grid_lies_around_the_matchers_own_epsilon():
    grid = default_epsilons(SinkhornMatcher(epsilon=0.2))
    assert grid[0] < 0.2 < grid[-1]
    assert np.all(np.diff(grid) > 0)
