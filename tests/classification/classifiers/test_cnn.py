"""The convolutional network: laws of every classifier on images, and refusals in words."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import (
    Classifier,
    CNNClassifier,
    EnsembleClassifier,
    MLPClassifier,
    RecommendedClassifier,
    SingleNetworkClassifier,
    stratified_folds,
)
from tests.classification.classifiers.test_classifiers import CLASSIFIERS as ON_FEATURES

SMALL = CNNClassifier(channels=(8, 8, 8), n_epochs=20, batch_size=32, patience=20)
CLASSIFIERS = [
    SMALL,
    EnsembleClassifier((SMALL, SMALL)),
    RecommendedClassifier(n_networks=2, image_network=SMALL),
    RecommendedClassifier(n_networks=1, image_network=SMALL),
    SingleNetworkClassifier(image_network=SMALL),
]
each = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)


def test_the_tables_have_every_classifier():
    assert {type(classifier) for classifier in (*CLASSIFIERS, *ON_FEATURES)} == set(Classifier.kinds().values())


def stack(n=120, *, dtype=np.uint8):
    """Images with a bright spot whose quarter is the label."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 4
    images = rng.integers(0, 90, (n, 2, 16, 16))
    top, left = (y // 2) * 8, (y % 2) * 8
    for i in range(n):
        images[i, 0, top[i] + 2 : top[i] + 6, left[i] + 2 : left[i] + 6] += 150
    return images.astype(dtype), y


def fit(classifier, X, y, n_labels=4):
    folds = stratified_folds(y, 5, seed=0)
    with one_thread():
        return classifier.fit(X, y, n_labels=n_labels, folds=folds, seed=0, progress=silent)


@each
def test_logits_are_centred_and_read_the_labels(classifier):
    X, y = stack()
    fitted = fit(classifier, X, y)
    logits = fitted.logits(X)
    assert np.allclose(logits.mean(axis=1), 0, atol=1e-6)
    assert (logits.argmax(axis=1) == y).mean() > 0.9
    held = ~np.isnan(fitted.held_out[:, 0])
    assert 0 < held.sum() < 120
    assert (fitted.held_out[held].argmax(axis=1) == y[held]).mean() > 0.8


@each
def test_restored_classifier_scores_alike(classifier):
    X, y = stack()
    fitted = fit(classifier, X, y)
    assert np.allclose(classifier.restore(fitted.state()).logits(X), fitted.logits(X), atol=1e-6)


def test_same_seed_same_scores():
    X, y = stack()
    assert np.allclose(fit(SMALL, X, y).logits(X), fit(SMALL, X, y).logits(X), atol=1e-4)


def test_normalisation_is_kept_and_makes_units_irrelevant():
    X, y = stack()
    fitted = fit(SMALL, X, y)
    train = ~stratified_folds(y, 5, seed=0).held_out(0)
    state = fitted.state()
    assert np.allclose(state["channel_mean"], X[train].mean(axis=(0, 2, 3)))
    assert np.allclose(state["channel_deviation"], X[train].std(axis=(0, 2, 3)))
    other = fit(SMALL, X / 256 - 3, y)  # a power of two: the same numbers up to rounding
    assert np.allclose(other.logits(X / 256 - 3), fitted.logits(X), atol=0.05)


def test_a_constant_channel_is_said_and_harmless():
    X, y = stack()
    X[:, 1] = 7
    fitted = fit(SMALL, X, y)
    assert fitted.notes == ("images: 1 channel without variance carry no information.",)
    assert np.isfinite(fitted.logits(X)).all()


def test_odd_sizes_are_taken():
    X, y = stack()
    assert np.isfinite(fit(SMALL, X[:, :, :11, :13], y).logits(X[:, :, :11, :13])).all()


def test_too_small_images_are_refused_with_the_way_out():
    X, y = stack()
    with pytest.raises(
        PsmatchError, match="too small for 5 strided convolutions, which need at least 32 × 32"
    ) as caught:
        fit(CNNClassifier(), X, y)
    assert "fewer convolutions" in caught.value.hint


def test_flat_features_are_refused():
    with pytest.raises(PsmatchError, match="reads images, but each cell is 10 features"):
        fit(SMALL, np.zeros((8, 10)), np.arange(8) % 4)


def test_a_single_network_is_the_one_that_the_data_call_for():
    X, y = stack()
    flat = X.reshape(len(X), -1)[:, :40] / 256
    perceptron = MLPClassifier(hidden=(8,), n_epochs=3)
    single = SingleNetworkClassifier(network=perceptron, image_network=SMALL)
    assert np.allclose(fit(single, X, y).logits(X), fit(SMALL, X, y).logits(X), atol=1e-4)
    fitted = fit(single, flat, y)
    assert np.allclose(fitted.logits(flat), fit(perceptron, flat, y).logits(flat), atol=1e-4)
    assert np.allclose(single.restore(fitted.state()).logits(flat), fitted.logits(flat), atol=1e-6)
