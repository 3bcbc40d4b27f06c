"""Halves: each classifier sees its half only, scores all cells, and one seed gives one result."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.classification.classifiers import (
    LinearClassifier,
    MLPClassifier,
    RecommendedClassifier,
    linear,
    stratified_folds,
)
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.monitor import HalvesOf, can_halve, half_scores
from psmatch_core.monitor.halves import N_HALVES, _half
from tests.conftest import make_modality

RIDGE = LinearClassifier(strength=0.1)
LABELS = ("A", "B", "C")


@pytest.mark.parametrize("of", list(HalvesOf))
def test_each_half_scores_all_cells_and_one_seed_gives_one_result(of):
    modality = make_modality("RNA", n=60, seed=1)
    one, again = (half_scores(modality, LABELS, RIDGE, of, seed=5) for _ in range(2))
    other = half_scores(modality, LABELS, RIDGE, of, seed=6)
    assert one.first.shape == one.second.shape == (60, 3)
    assert np.array_equal(one.first, again.first)
    assert np.array_equal(one.second, again.second)
    assert not np.allclose(one.first, other.first)
    assert not np.allclose(one.first, one.second)


def test_few_cores_train_one_half_after_the_other_with_the_same_scores(monkeypatch):
    """Halves that wait for a core would only hold their memory."""
    modality, fit, at_once = make_modality("RNA", n=60, seed=1), LinearClassifier.fit, []

    def counted(self, *arguments, **options):
        at_once.append(at_once[-1] + 1 if at_once else 1)
        fitted = fit(self, *arguments, **options)
        at_once.append(at_once[-1] - 1)
        return fitted

    monkeypatch.setenv("PSMATCH_CORES", "8")
    many = half_scores(modality, LABELS, RIDGE, seed=5)
    monkeypatch.setattr(LinearClassifier, "fit", counted)
    monkeypatch.setenv("PSMATCH_CORES", "2")
    few = half_scores(modality, LABELS, RIDGE, seed=5)
    assert max(at_once) == 1
    assert np.array_equal(many.first, few.first)
    assert np.array_equal(many.second, few.second)


def test_halves_of_the_features_share_no_feature_and_leave_none_out():
    X, y = np.arange(70).reshape(10, 7), np.repeat([0, 1], 5)
    (first, all_cells), (second, others) = [_half(X, y, HalvesOf.FEATURES, 3, half) for half in range(N_HALVES)]
    assert sorted([*first[0], *second[0]]) == X[0].tolist()
    assert all_cells.all()
    assert others.all()


def test_halves_of_the_cells_share_no_cell_but_those_alone_in_their_label():
    X, y = np.arange(22).reshape(11, 2), np.array([0] * 5 + [1] * 5 + [2])
    (_, first), (_, second) = [_half(X, y, HalvesOf.CELLS, 3, half) for half in range(N_HALVES)]
    assert (first | second).all()
    assert np.flatnonzero(first & second).tolist() == [10]


def test_a_half_that_sees_only_noise_scores_as_noise():
    """All signal in one feature: the half without it cannot tell the labels, the other can."""
    modality = make_modality("RNA", n=90, seed=1)
    rng = np.random.default_rng(0)
    y = np.searchsorted(np.array(LABELS), modality.labels)
    X = rng.normal(size=(90, 12))
    X[:, 4] = 4 * y
    found = half_scores(modality.with_features(X, [f"f{i}" for i in range(12)]), LABELS, RIDGE, HalvesOf.FEATURES)
    right = sorted(float((scores.argmax(axis=1) == y).mean()) for scores in (found.first, found.second))
    assert right[1] > 0.9
    assert right[0] < 0.8


def test_a_single_feature_cannot_be_halved():
    one = make_modality("RNA", n=30, seed=1).with_features(np.ones((30, 1)), ["f"])
    assert not can_halve(one, HalvesOf.FEATURES)
    assert can_halve(one, HalvesOf.CELLS)
    with pytest.raises(PsmatchError, match="RNA: its features cannot be split into halves"):
        half_scores(one, LABELS, RIDGE, HalvesOf.FEATURES)


def test_pixels_of_an_image_are_not_halved_but_its_cells_are():
    image = replace(make_modality("RNA", n=30, n_features=8, seed=1), image_shape=(2, 2, 2))
    assert [can_halve(image, of) for of in (HalvesOf.FEATURES, HalvesOf.CELLS)] == [False, True]
    assert can_halve(replace(image, image_shape=None), HalvesOf.FEATURES)


def test_a_label_with_one_cell_is_known_to_both_halves():
    modality = make_modality("RNA", n=61, seed=1)
    labels = modality.labels.astype("<U8")
    labels[0] = "alone"
    found = half_scores(replace(modality, labels=labels), (*LABELS, "alone"), LinearClassifier(strength=100.0))
    assert found.first[0].argmax() == found.second[0].argmax() == 3


def test_the_second_opinion_is_the_same_kind_of_classifier_at_less_cost():
    assert RecommendedClassifier().lighter == RecommendedClassifier(n_networks=1)
    assert RecommendedClassifier(n_networks=20).lighter.n_networks == 4
    assert RIDGE.lighter is RIDGE


def test_one_fold_alone_is_validated():
    folds = stratified_folds(np.repeat([0, 1], 10), 5, seed=0)
    first = folds.first_only
    assert np.array_equal(first.held_out(0), folds.held_out(0))
    assert first.n_folds == 1
    assert not folds.rotated(1).first_only.held_out(0)[folds.held_out(0)].any()


def test_halves_of_many_cells_take_the_strength_that_all_cells_chose(monkeypatch):
    monkeypatch.setattr(linear, "MANY_CELLS", 60)
    classifier = RecommendedClassifier(n_networks=10, network=MLPClassifier(n_epochs=2))
    fitted = fit_propensity(make_modality("RNA", n=60, seed=1), classifier).fitted
    chosen = fitted.members[1].strength
    assert chosen > 0
    assert classifier.lighter_after(fitted, 60) == replace(classifier.lighter, linear=LinearClassifier(chosen))
    assert classifier.lighter_after(fitted, 59) == classifier.lighter
    fixed = replace(classifier, linear=LinearClassifier(0.5))
    assert fixed.lighter_after(fitted, 60) == fixed.lighter
    restored = classifier.restore(fitted.state())
    assert classifier.lighter_after(restored, 60).linear.strength == chosen


def test_a_fixed_strength_is_not_fitted_without_the_cells_whose_scores_nobody_reads():
    X, y = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
    folds = stratified_folds(y, 5, seed=0)
    found = [RIDGE.fit(X, y, n_labels=3, folds=each, seed=0, progress=silent) for each in (folds, folds.first_only)]
    assert not np.isnan(found[0].held_out).any()
    assert np.isnan(found[1].held_out).all()
    np.testing.assert_allclose(found[0].weights, found[1].weights, atol=1e-5)  # summed in another order
