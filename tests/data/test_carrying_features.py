"""Features that carry a classifier: one for each label and far ahead of the next, as no marker of a cell type is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.data.carrying_features import carrying_features
from tests.conftest import make_modality

N, K = 240, 6


def cells(X, wrap=np.asarray):
    """A modality of these values, whose labels are those of ``drawn``."""
    rng = np.random.default_rng(0)
    base = make_modality("RNA", n=N, seed=1)
    labels = rng.permutation([f"L{i % K}" for i in range(N)])
    names = np.array([f"f{i}" for i in range(X.shape[1])])
    return replace(base, X=wrap(X), labels=labels, var_names=names, obs=None)


def drawn(rng, per_label, noise=1.0):
    """Six labels with so many features of their own, among 20 that tell nothing."""
    labels = np.random.default_rng(0).permutation([f"L{i % K}" for i in range(N)])
    y = np.array([int(each[1:]) for each in labels])
    own = noise * rng.normal(size=(N, K * per_label))
    for i in range(per_label):
        own[np.arange(N), y * per_label + i] += 8
    return np.hstack([own, rng.normal(size=(N, 20))])


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("seed", range(5))
def test_one_feature_for_each_label_is_found(seed, wrap):
    found = carrying_features(cells(drawn(np.random.default_rng(seed), 1), wrap))
    assert found == {f"L{i}": f"f{i}" for i in range(K)}


@pytest.mark.parametrize("seed", range(5))
def test_one_label_may_lack_a_feature_but_not_two(seed):
    X = drawn(np.random.default_rng(seed), 1)
    assert len(carrying_features(cells(X[:, 1:]))) == K - 1
    assert carrying_features(cells(X[:, 2:])) == {}


@pytest.mark.parametrize("per_label", [4, 10])
def test_markers_that_follow_each_other_are_not_blamed(per_label):
    assert carrying_features(cells(drawn(np.random.default_rng(1), per_label))) == {}


def test_effects_that_many_features_share_are_not_blamed():
    rng = np.random.default_rng(2)
    X = drawn(rng, 1) @ rng.normal(size=(K + 20, 40))
    assert carrying_features(cells(X)) == {}
