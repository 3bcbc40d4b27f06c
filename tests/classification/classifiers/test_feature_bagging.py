"""Feature bagging: halves without overlap, every feature used, and no member that sees the other half."""

import numpy as np
import pytest

from psmatch_core.base.progress import silent
from psmatch_core.classification.classifiers import (
    CNNClassifier,
    FeatureBaggingClassifier,
    LinearClassifier,
    RecommendedClassifier,
    stratified_folds,
)


def fit(classifier, X, y):
    folds = stratified_folds(y, 5, seed=0)
    return classifier.fit(X, y, n_labels=int(y.max()) + 1, folds=folds, seed=3, progress=silent)


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 4
    return (rng.normal(size=(4, 9))[y] + rng.normal(size=(120, 9))).astype(np.float32), y


def test_the_halves_of_a_split_share_no_feature_and_leave_none_out(cells):
    members = fit(FeatureBaggingClassifier(LinearClassifier(), n_splits=3), *cells).members
    assert len(members) == 6
    for first, second in zip(members[::2], members[1::2], strict=True):
        assert sorted([*first.columns, *second.columns]) == list(range(9))
    assert len({tuple(each.columns) for each in members}) == 6


def test_a_member_is_blind_to_the_other_half(cells):
    X, y = cells
    member = fit(FeatureBaggingClassifier(LinearClassifier()), X, y).members[0]
    other = np.setdiff1d(np.arange(9), member.columns)
    changed = X.copy()
    changed[:, other] = 1e6
    assert np.array_equal(member.logits(changed), member.logits(X))
    changed[:, member.columns] += 1
    assert not np.allclose(member.logits(changed), member.logits(X))


def test_the_average_weighs_halves_alike_whatever_their_scale(cells):
    X, y = cells
    fitted = fit(FeatureBaggingClassifier(LinearClassifier()), X, y)
    parts = [member.logits(X) / scale for member, scale in zip(fitted.members, fitted.scales, strict=True)]
    within = [np.sqrt(np.mean([(part[y == k] - part[y == k].mean(axis=0)) ** 2 for k in range(4)])) for part in parts]
    assert np.allclose(within, within[0])


def test_one_feature_and_images_are_left_whole():
    rng = np.random.default_rng(1)
    y = np.arange(60) % 2
    one = (y[:, None] + 0.3 * rng.normal(size=(60, 1))).astype(np.float32)
    alone = fit(LinearClassifier(), one, y)
    bagged = fit(FeatureBaggingClassifier(LinearClassifier()), one, y)
    assert np.array_equal(alone.logits(one), bagged.logits(one))
    images = rng.normal(size=(24, 1, 8, 8)).astype(np.float32)
    network = CNNClassifier(channels=(2,), n_epochs=1)
    bagged = FeatureBaggingClassifier(RecommendedClassifier(n_networks=1, image_network=network))
    fitted = fit(bagged, images, y[:24])
    assert fitted.logits(images).shape == (24, 2)
    assert np.allclose(bagged.restore(fitted.state()).logits(images), fitted.logits(images), atol=1e-6)


def test_lighter_keeps_both_halves_of_one_split():
    lighter = FeatureBaggingClassifier().lighter
    assert (lighter.n_splits, lighter.member) == (1, RecommendedClassifier().lighter)
