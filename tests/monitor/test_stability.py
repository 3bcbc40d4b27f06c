"""Match stability: 1 if two matchings are the same, about 0 if labels say nothing; no true pairs are used."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.randomness import stream
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.monitor import HalfScores, half_scores, match_stability
from psmatch_core.monitor.stability import compare
from tests.conftest import make_modality

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


def test_each_half_scores_all_cells_and_one_seed_gives_one_result():
    modality = make_modality("RNA", n=40)
    one, again = (half_scores(modality, ("A", "B", "C"), RIDGE, seed=5) for _ in range(2))
    assert one.first.shape == one.second.shape == (40, 3)
    assert np.allclose(one.first, again.first)
    assert not np.allclose(one.first, one.second)


def test_a_label_with_one_cell_is_in_both_halves():
    modality = make_modality("RNA", n=41)
    labels = modality.labels.astype(object)
    labels[0] = "alone"
    labels = labels.astype(str)
    found = half_scores(replace(modality, labels=labels), ("A", "B", "C", "alone"), LinearClassifier(strength=100.0))
    for scores in (found.first, found.second):
        assert scores[0].argmax() == 3


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
