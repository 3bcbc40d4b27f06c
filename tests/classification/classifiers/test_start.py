"""Where classifiers start: labels that mean nothing must leave no trace of how unusual a cell is in the scores."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import spearmanr

from psmatch_core.base.progress import silent
from psmatch_core.classification.classifiers import (
    LinearClassifier,
    MLPClassifier,
    RecommendedClassifier,
    stratified_folds,
)
from psmatch_core.classification.classifiers.cnn import CNNClassifier
from psmatch_core.classification.classifiers.multinomial import MultinomialRidge
from psmatch_core.classification.classifiers.network_classifier import AT_RANDOM
from psmatch_core.classification.networks.architectures import add_to_output_bias
from psmatch_core.pipeline.recipe import Recipe

SHARES = np.array([0.4, 0.2, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02])  # of labels that are dealt at random


def unusual_cells(draw, n):
    """Features without any structure but that some cells lie further out than others, and how far."""
    size = np.exp(draw.normal(0, 0.6, n))
    return (draw.normal(size=(n, 30)) * size[:, None]).astype(np.float32), size


def along_the_frequencies(classifier, seed):
    """Spearman correlation of new cells' scores along the log frequencies with how unusual these cells are."""
    draw = np.random.default_rng(seed)
    X, _ = unusual_cells(draw, 600)
    y = draw.choice(SHARES.size, X.shape[0], p=SHARES)
    fitted = classifier.fit(
        X, y, n_labels=SHARES.size, folds=stratified_folds(y, 5, seed=seed), seed=seed, progress=silent
    )
    new, size = unusual_cells(draw, 400)
    frequencies = np.log(np.bincount(y, minlength=SHARES.size))
    return spearmanr(fitted.logits(new) @ (frequencies - frequencies.mean()), size)[0]


@pytest.mark.parametrize("classifier", [LinearClassifier(), RecommendedClassifier(n_networks=1)], ids=["ridge", "all"])
def test_labels_dealt_at_random_leave_nothing_of_how_unusual_a_cell_is(classifier):
    assert abs(along_the_frequencies(classifier, 0)) < 0.25


def test_a_network_that_starts_at_random_learns_it():
    assert along_the_frequencies(MLPClassifier(start=AT_RANDOM), 0) > 0.7


def test_an_untrained_network_predicts_the_frequencies():
    network = MLPClassifier(hidden=(4,)).encoder((3,), 3, torch.Generator().manual_seed(0)).eval()
    before = network(torch.zeros(1, 3)).detach().numpy()
    add_to_output_bias(network, np.log([0.7, 0.2, 0.1]))
    after = network(torch.zeros(1, 3)).detach().numpy()
    np.testing.assert_allclose(after - before, [np.log([0.7, 0.2, 0.1])], atol=1e-6)


@pytest.mark.parametrize("network", [MLPClassifier, CNNClassifier])
def test_the_first_loss_of_a_network_is_the_entropy_of_the_labels(network):
    draw = np.random.default_rng(0)
    shape = (300, 20) if network is MLPClassifier else (300, 1, 32, 32)
    X = 1e-3 * draw.normal(size=shape).astype(np.float32)
    y = draw.choice(3, 300, p=[0.8, 0.15, 0.05])
    folds = stratified_folds(y, 5, seed=0)
    held = folds.held_out(0)
    classifier = network(n_epochs=1, learning_rate=1e-7)
    fitted = classifier.fit(X, y, n_labels=3, folds=folds, seed=0, progress=silent)
    shares = np.bincount(y[~held]) / (~held).sum()
    entropy = -np.log(shares)[y[held]].mean()
    loss = -log_softmax(fitted.held_out[held], axis=1)[np.arange(held.sum()), y[held]].mean()
    assert abs(loss - entropy) < 0.1


@pytest.mark.parametrize("n_labels", [2, 5])
def test_ridge_without_room_for_weights_predicts_the_frequencies(n_labels):
    draw = np.random.default_rng(1)
    y = np.r_[
        np.arange(n_labels), draw.choice(n_labels, 200, p=np.arange(1, n_labels + 1) / np.arange(1, n_labels + 1).sum())
    ]
    X = draw.normal(size=(y.size, 6)).astype(np.float32)
    model = MultinomialRidge(((X, y),), n_labels)
    model.fit(1e-9)
    np.testing.assert_allclose(softmax(model.logits(X), axis=1)[0], np.bincount(y) / y.size, atol=2e-3)


def test_the_papers_networks_start_at_random():
    paper = Recipe.preset("paper").classifier
    assert paper.network.start == paper.image_network.start == AT_RANDOM
