"""Laws that every classifier keeps: one table, every law runs over the whole of it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import (
    EnsembleClassifier,
    FeatureBaggingClassifier,
    LinearClassifier,
    MLPClassifier,
    RecommendedClassifier,
    linear,
    mlp,
    network_classifier,
    stratified_folds,
)
from psmatch_core.classification.networks.architectures import to_arrays
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_modality

SMALL = MLPClassifier(hidden=(16,), n_epochs=40, learning_rate=0.02)
CLASSIFIERS = [
    LinearClassifier(),
    SMALL,
    MLPClassifier(hidden=(16, 8), n_epochs=40, learning_rate=0.02, batch_norm=True, dropout=0.0),
    EnsembleClassifier((SMALL, SMALL, LinearClassifier(strength=0.1))),
    RecommendedClassifier(n_networks=2, network=SMALL),
    FeatureBaggingClassifier(RecommendedClassifier(n_networks=1, network=SMALL)),
]
each = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)


def data(n=120, n_features=10, n_labels=4, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_labels
    corner = rng.normal(size=(n_labels, n_features)) * 1.5
    return (corner[y] + noise * rng.normal(size=(n, n_features))).astype(np.float32), y


def fit(classifier, X, y, *, n_labels=4, seed=0, progress=silent):
    folds = stratified_folds(y, 5, seed=seed)
    with one_thread():  # as fit_propensity does: threads that wait for each other take most of the time otherwise
        return classifier.fit(X, y, n_labels=n_labels, folds=folds, seed=seed, progress=progress)


@each
def test_logits_are_centred_and_read_the_labels(classifier):
    X, y = data()
    logits = fit(classifier, X, y).logits(X)
    assert logits.shape == (120, 4)
    assert np.allclose(logits.mean(axis=1), 0, atol=1e-6)
    assert (logits.argmax(axis=1) == y).mean() > 0.9


@each
def test_held_out_scores_are_honest(classifier):
    """On labels that are pure chance, the held-out loss is no better than knowing nothing."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 10)).astype(np.float32), rng.integers(4, size=600)
    held_out = fit(classifier, X, y).held_out
    seen = ~np.isnan(held_out[:, 0])
    loss = -log_softmax(held_out[seen], axis=1)[np.arange(seen.sum()), y[seen]].mean()
    assert seen.sum() >= 100
    assert loss > np.log(4) - 0.03


@each
def test_same_seed_same_scores(classifier):
    X, y = data()
    assert np.allclose(fit(classifier, X, y).logits(X), fit(classifier, X, y).logits(X), atol=1e-4)


@each
def test_restored_classifier_scores_alike(classifier):
    X, y = data()
    fitted = fit(classifier, X, y)
    assert np.allclose(classifier.restore(fitted.state()).logits(X), fitted.logits(X), atol=1e-6)


@each
def test_a_label_of_one_cell_is_learned_from_not_dropped(classifier):
    X, y = data()
    y = y.copy()
    y[y == 3] = 2
    y[0] = 3
    X[0] += 20
    fitted = fit(classifier, X, y)
    assert np.isnan(fitted.held_out[0]).all()
    assert fitted.logits(X)[0].argmax() == 3


@each
def test_two_labels_suffice(classifier):
    X, y = data(n_labels=2)
    logits = fit(classifier, X, y, n_labels=2).logits(X)
    assert np.allclose(logits[:, 0], -logits[:, 1])
    assert (logits.argmax(axis=1) == y).mean() > 0.9


@each
def test_progress_grows_to_1(classifier):
    fractions = []
    fit(classifier, *data(), progress=lambda event: fractions.append(event.fraction))
    assert fractions[-1] == pytest.approx(1.0)
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(fractions))


def test_more_features_than_cells_give_the_same_ridge_as_their_rotation():
    X, y = data(n=60, n_features=200)
    wide = fit(LinearClassifier(strength=0.01), X, y)
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(200, 200)))
    turned = fit(LinearClassifier(strength=0.01), X @ q, y)
    assert np.allclose(wide.logits(X), turned.logits(X @ q), atol=0.02)


def test_many_cells_choose_the_strength_by_one_fold_and_hold_out_every_cell(monkeypatch):
    monkeypatch.setattr(linear, "MANY_CELLS", 100)
    X, y = data(n=300, noise=6.0)
    strengths = []
    fitted = fit(LinearClassifier(), X, y, progress=lambda event: strengths.append(event.values.get("C")))
    assert 3 <= len(set(strengths) - {None}) < len(linear.STRENGTHS_TIMES_CELLS)
    assert not np.isnan(fitted.held_out).any()
    chosen = [each for each in fit_at_all(X, y) if np.allclose(each.weights, fitted.weights)]
    assert len(chosen) == 1  # the final model is one of those that start from zero, and so is every held-out score
    np.testing.assert_allclose(fitted.held_out, chosen[0].held_out, atol=1e-5)


def fit_at_all(X, y):
    """Ridge regressions at every strength alone, which start from zero."""
    return [fit(LinearClassifier(strength=each / y.size), X, y) for each in linear.STRENGTHS_TIMES_CELLS]


def test_many_cells_of_pure_chance_are_not_learned(monkeypatch):
    monkeypatch.setattr(linear, "MANY_CELLS", 100)
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(600, 10)).astype(np.float32), draw.integers(4, size=600)
    held_out = fit(LinearClassifier(), X, y).held_out
    assert -log_softmax(held_out, axis=1)[np.arange(600), y].mean() > np.log(4) - 0.03


def test_network_stops_at_its_best_validation_loss():
    X, y = data(noise=3.0)
    curve = fit(MLPClassifier(hidden=(64,), n_epochs=60, patience=10, learning_rate=0.02), X, y).curves[0]
    assert curve.best == int(np.argmin(curve.validation))
    assert len(curve.validation) < 60


def test_very_many_cells_take_a_short_schedule_and_a_rate_for_their_features_and_say_so(monkeypatch):
    X, y = data(noise=3.0)
    network = MLPClassifier(hidden=(16,))
    for module in (network_classifier, mlp):
        monkeypatch.setattr(module, "VERY_MANY_CELLS", y.size)
    monkeypatch.setattr(mlp, "RATE_OF_VERY_MANY", 2e-3 * np.sqrt(X.shape[1]))
    short, kept = fit(network, X, y), fit(replace(network, n_epochs=11, learning_rate=0.01), X, y)
    assert len(short.curves[0].validation) <= 8 < len(kept.curves[0].validation)
    as_set = replace(network, patience=4, batch_size=1024, n_epochs=8, learning_rate=0.002)
    np.testing.assert_array_equal(short.logits(X), fit(as_set, X, y).logits(X))
    told = "cells or more, the default of patience is 4, batch_size is 1024, n_epochs is 8 and learning_rate is 0.002."
    assert f"network: with {y.size} {told}" in short.notes
    assert not any("learning_rate" in note or "n_epochs" in note for note in kept.notes)
    assert network.defaults_for((y.size, 1)).get("learning_rate") is None  # one feature: no more than the usual rate


def test_many_cells_give_other_defaults_and_say_so_unless_they_were_set(monkeypatch):
    X, y = data(noise=3.0)
    network = MLPClassifier(hidden=(16,), n_epochs=60, learning_rate=0.1)
    monkeypatch.setattr(network_classifier, "MANY_CELLS", y.size)
    many, kept = fit(network, X, y), fit(replace(network, patience=9, batch_size=32), X, y)
    as_set = fit(replace(network, patience=4, batch_size=256), X, y)
    monkeypatch.setattr(network_classifier, "MANY_CELLS", y.size + 1)
    fewer = fit(network, X, y)
    waited = [len(each.curves[0].validation) - each.curves[0].best - 1 for each in (many, kept, fewer)]
    assert waited == [4, 9, 15]
    np.testing.assert_array_equal(many.logits(X), as_set.logits(X))
    told = "network: with 300 cells or more, the default of patience is 4 and batch_size is 256."
    assert told.replace("300", str(y.size)) in many.notes
    assert not any("the default of" in note for each in (kept, as_set, fewer) for note in each.notes)


def test_ensemble_gives_an_overconfident_member_no_more_say():
    X, y = data()
    sure, unsure = LinearClassifier(strength=1000.0), LinearClassifier(strength=0.001)
    fitted = fit(EnsembleClassifier((sure, unsure)), X, y)
    parts = [member.logits(X) / scale for member, scale in zip(fitted.members, fitted.scales, strict=True)]
    within = [np.sqrt(np.mean([(part[y == k] - part[y == k].mean(axis=0)) ** 2 for k in range(4)])) for part in parts]
    assert within[0] == pytest.approx(within[1], rel=1e-6)


def test_divergence_is_restarted_lower_and_said(monkeypatch):
    """No small data set diverges at one rate and not at a tenth of it on every machine, so the first try is cut."""
    train = MLPClassifier._train

    def diverging(self, *arguments, **options):
        if self.learning_rate == 1.0:
            raise FloatingPointError
        return train(self, *arguments, **options)

    monkeypatch.setattr(MLPClassifier, "_train", diverging)
    fitted = fit(MLPClassifier(hidden=(16,), learning_rate=1.0, n_epochs=5), *data())
    assert "diverged at learning rate 1 and was restarted at 0.1" in fitted.notes[0]


def test_divergence_twice_is_an_error_with_advice():
    X, y = data()
    with pytest.raises(PsmatchError, match="The network diverged at learning rates") as caught:
        fit(MLPClassifier(hidden=(16,), n_epochs=3), np.full_like(X, 3e38), y)
    assert "Scale the features" in caught.value.hint


class TestFolds:
    def test_every_label_with_two_cells_is_on_both_sides(self):
        y = np.repeat([0, 1, 2, 3], [2, 3, 50, 7])
        folds = stratified_folds(y, 5, seed=0)
        for fold in range(5):
            held = folds.held_out(fold)
            for label in np.unique(y[held]):
                assert (y[~held] == label).any()
        assert sum(folds.held_out(fold).sum() for fold in range(5)) == y.size

    def test_folds_are_balanced(self):
        folds = stratified_folds(np.repeat(np.arange(30), 7), 5, seed=0)
        sizes = np.bincount(folds.assignment)
        assert sizes.max() - sizes.min() <= 1

    @pytest.mark.parametrize("n_folds", [2, 7, 12, 13, 50])
    def test_no_fold_is_empty_however_many_are_asked_for(self, n_folds):
        y = np.repeat([0, 1, 2, 3], [5, 6, 1, 1])  # the last two cells always train
        folds = stratified_folds(y, n_folds, seed=3)
        assert folds.n_folds == min(n_folds, 11)
        assert all(folds.held_out(fold).any() for fold in range(folds.n_folds))

    def test_rotation_renames_folds(self):
        folds = stratified_folds(np.repeat([0, 1], 20), 5, seed=0)
        assert np.array_equal(folds.rotated(2).held_out(0), folds.held_out(2))


def test_the_papers_network_is_trained_as_the_paper_says():
    """Linear, batch norm, ReLU; Adam; one cycle over all steps: the same by hand, in torch's own modules."""
    paper = replace(Recipe.preset("paper").classifier.network, hidden=(12,) * 5, n_epochs=6, batch_size=16)
    modality = make_modality(n=60)
    X, y = np.asarray(modality.X), np.arange(60) % 3
    folds = stratified_folds(y, 5, seed=0)
    with one_thread():
        curve = paper.fit(X, y, n_labels=3, folds=folds, seed=0, progress=silent).curves[0]

    generator = torch.Generator().manual_seed(derived_seed(0, "mlp") % 2**63)
    start = to_arrays(paper.encoder(X.shape[1:], 3, generator))
    widths = (X.shape[1], *paper.hidden, 3)
    layers = []
    for layer in range(6):
        linear = torch.nn.Linear(widths[layer], widths[layer + 1])
        linear.weight.data = torch.from_numpy(start[f"{layer}.weight"].T.copy())
        linear.bias.data = torch.from_numpy(start[f"{layer}.bias"])
        layers += [linear, torch.nn.BatchNorm1d(12), torch.nn.ReLU()] if layer < 5 else [linear]
    network = torch.nn.Sequential(*layers)
    train = np.flatnonzero(~folds.held_out(0))
    n_batches = train.size // 16
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-4, total_steps=6 * n_batches)
    by_hand, rates = [], []
    for _ in range(6):
        order, total = train[torch.randperm(train.size, generator=generator).numpy()], 0.0
        for cells in np.array_split(order, n_batches):
            loss = torch.nn.functional.cross_entropy(network(torch.from_numpy(X[cells])), torch.from_numpy(y[cells]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.append(cycle.get_last_lr()[0])
            cycle.step()
            total += float(loss.detach()) * cells.size
        by_hand.append(total / train.size)
    assert np.allclose(curve.training, by_hand, rtol=1e-5)
    assert len(curve.training) == 6
    assert max(rates) == pytest.approx(1e-4, rel=0.05)
    assert rates[0] < 1e-5
    assert rates[-1] < rates[0]


def test_scores_that_nobody_needs_are_not_kept():
    """At many cells and labels they are most of the memory."""
    X, y = data()
    average = EnsembleClassifier((MLPClassifier(hidden=(16,), n_epochs=3), LinearClassifier(strength=0.1)))
    folds = stratified_folds(y, 4, seed=0)
    fitted = average.fit(X, y, n_labels=4, folds=folds, seed=0, progress=silent)
    assert fitted.held_out.shape == (y.size, 4)
    assert not any(member.held_out.size for member in fitted.members)
    stopped = average.fit(X, y, n_labels=4, folds=folds.first_only, seed=0, progress=silent)
    assert not stopped.held_out.size
