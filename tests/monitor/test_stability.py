"""Match stability: 1 if two matchings are the same, about 0 if labels say nothing; no true pairs are used."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.randomness import stream
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import RandomMatcher, SinkhornMatcher, UniformMatcher
from psmatch_core.monitor import HalfScores, half_scores, match_stability, stability
from psmatch_core.monitor.stability import LabelStability, Stability, compare

RIDGE = LinearClassifier(strength=0.1)


def same_twice(models):
    return tuple(HalfScores(model.logits, model.logits) for model in models)


def test_two_equal_score_sets_are_perfectly_stable(models):
    found = match_stability(*models, same_twice(models), SinkhornMatcher())
    assert found.agreement == pytest.approx(1)
    assert found.shared_mass == pytest.approx(1)
    assert [row.label for row in found.per_label] == ["A", "B", "C"]


def test_unrelated_score_sets_agree_on_nothing(models):
    draw = stream(0, "noise")
    noise = tuple(HalfScores(*(draw.normal(size=(2, *model.logits.shape)))) for model in models)
    found = match_stability(*models, noise, SinkhornMatcher())
    assert abs(found.agreement) < 0.35
    assert found.shared_mass < 0.6


def test_the_order_of_the_halves_does_not_matter(models):
    halves = [half_scores(model.modality, model.label_names, RIDGE, seed=3) for model in models]
    swapped = [HalfScores(each.second, each.first) for each in halves]
    one = match_stability(*models, tuple(halves), SinkhornMatcher())
    other = match_stability(*models, tuple(swapped), SinkhornMatcher())
    assert one.agreement == pytest.approx(other.agreement)


def test_partners_drawn_at_random_do_not_agree_with_themselves(models):
    assert abs(match_stability(*models, same_twice(models), RandomMatcher()).agreement) < 0.35


def test_a_uniform_plan_has_no_stability_to_measure(models):
    found = match_stability(*models, same_twice(models), UniformMatcher())
    assert np.isnan(found.agreement)
    assert found.shared_mass == pytest.approx(1)


def test_a_shift_of_the_space_changes_nothing(models):
    spaces = [fixed_space(model.modality, Judging()) for model in models]
    halves = [half_scores(model.modality, model.label_names, RIDGE) for model in models]
    pair = [
        match(*(replace(model, logits=getattr(half, which)) for model, half in zip(models, halves, strict=True)))
        for which in ("first", "second")
    ]
    before = compare(*pair, tuple(spaces))
    after = compare(*pair, tuple(space * 3 + 7 for space in spaces))
    assert before.agreement == pytest.approx(after.agreement)


def test_informative_labels_are_more_stable_than_noise(models):
    informative = match_stability(
        *models, tuple(half_scores(m.modality, m.label_names, RIDGE) for m in models), SinkhornMatcher()
    )
    shuffled = []
    for model in models:
        labels = stream(1, "shuffle", model.modality.name).permutation(model.modality.labels)
        shuffled.append(fit_propensity(replace(model.modality, labels=labels), RIDGE))
    halves = tuple(half_scores(m.modality, m.label_names, RIDGE) for m in shuffled)
    assert informative.agreement > match_stability(*shuffled, halves, SinkhornMatcher()).agreement


def agreement_of(one, other, spaces, models):
    """Agreement of two plans of label A, the only one that they have."""
    source, target = models
    pair = [
        replace(match(source, target, UniformMatcher()), blocks={"A": DenseBlock(P / P.sum())}) for P in (one, other)
    ]
    cells = pair[0].source_cells["A"], pair[0].target_cells["A"]
    full = [np.zeros((model.modality.n_cells, 1)) for model in models]
    for space, where, values in zip(full, cells, spaces, strict=True):
        space[where, 0] = np.resize(values, where.size)
    return compare(*pair, tuple(full)).agreement


def test_agreement_is_the_mean_of_both_directions(models):
    """Swapping two targets in the same place changes nothing for the source cells, but where targets are sent to."""
    n, m = (int((model.modality.labels == "A").sum()) for model in models)
    one = np.zeros((n, m))
    one[np.arange(n), np.arange(n) % m] = 1
    swapped = one.copy()
    swapped[:, [0, 1]] = one[:, [1, 0]]
    places = np.r_[0.0, 0.0, np.arange(1.0, m - 1)]
    both = agreement_of(one, swapped, (np.arange(float(n)), places), models)
    assert both < 1 - 1e-3
    sent = [(P.T @ np.arange(float(n))) / P.sum(axis=0) for P in (one, swapped)]
    assert both == pytest.approx((1 + np.corrcoef(*sent)[0, 1]) / 2)


def test_an_offset_of_all_places_changes_nothing(models):
    """Only how cells differ from each other is compared: a plan that sends all of them further right agrees."""
    n, m = (int((model.modality.labels == "A").sum()) for model in models)
    left, right = np.zeros((n, m)), np.zeros((n, m))
    column = np.arange(n) % (m // 2)
    left[np.arange(n), column] = 1
    right[np.arange(n), column + m // 2] = 1
    found = agreement_of(left, right, (np.zeros(n), np.arange(float(m))), models)
    assert found == pytest.approx(1)  # the other direction has nothing to compare: all source cells are in one place


def test_the_stability_of_a_run_weighs_labels_by_their_cells():
    rows = [LabelStability("A", 1.0, 0.8, 30), LabelStability("B", 0.0, 0.0, 10)]
    found = Stability((*rows, LabelStability("C", float("nan"), float("nan"), 99)))
    assert found.agreement == pytest.approx(0.75)
    assert found.shared_mass == pytest.approx(0.6)


def test_both_matchings_and_their_comparison_are_told(models, monkeypatch):
    """Two matchings of one large label and the comparison of their rows take minutes."""
    monkeypatch.setattr(stability, "TILE_VALUES", 1)
    heard = []
    match_stability(*models, same_twice(models), SinkhornMatcher(), stage="halves: match", progress=heard.append)
    assert {each.stage for each in heard} == {"halves: match"}
    shares, texts = [each.fraction for each in heard], [each.message for each in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    for half in (1, 2):
        assert any(text.startswith(f"matching with half {half} of 2, label ") for text in texts)
    n_cells = np.unique(models[0].modality.labels, return_counts=True)[1]
    assert any(text == f"comparing both matchings, label A, 1 of {n_cells[0]} cells" for text in texts)
