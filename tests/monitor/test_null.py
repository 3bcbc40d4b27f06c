"""The null of shuffled labels: what is learned differs from it, what is not does not, and p-values measure it."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.monitor import STATISTICS, label_null
from psmatch_core.monitor.null import _label_p, p_value
from psmatch_core.monitor.stability import LabelStability, Stability


def test_a_p_value_is_never_zero_and_counts_ties_against():
    assert p_value(1.0, np.array([2.0, 3.0, 4.0]), is_small_good=True) == 0.25
    assert p_value(1.0, np.array([1.0, 3.0, 4.0]), is_small_good=True) == 0.5
    assert p_value(9.0, np.array([2.0, 3.0, 4.0]), is_small_good=False) == 0.25
    assert np.isnan(p_value(float("nan"), np.array([1.0]), is_small_good=True))
    assert p_value(1.0, np.array([float("nan"), 2.0]), is_small_good=True) == 0.5  # one shuffle has a value


def test_a_label_is_better_than_chance_where_it_is_more_stable_than_shuffles():
    """A is the most stable with the true labels, B the least, and C cannot be compared."""
    drawn = [(0.9, 0.1, np.nan), (0.2, 0.3, 0.5), (0.1, 0.4, 0.6), (0.3, np.nan, 0.7)]
    found = _label_p([Stability(tuple(map(_of, "ABC", each))) for each in drawn])
    assert found["A"] == 0.25
    assert found["B"] == 1.0  # two shuffles have a value, and both are as good
    assert np.isnan(found["C"])


def _of(label, agreement):
    return LabelStability(label, agreement, 0.5, 10)


def test_informative_labels_have_a_lower_loss_than_any_shuffle(models):
    found = label_null(*models, SinkhornMatcher(), n_shuffles=5)
    assert [each.name for each in found.statistics] == list(STATISTICS)
    for side in ("loss_source", "loss_target"):
        assert found[side].observed < min(found[side].shuffled)
        assert found[side].p_value == pytest.approx(found.smallest_p) == pytest.approx(1 / 6)
    assert set(found.label_p) == {"A", "B", "C"}


def test_the_loss_without_signal_is_the_label_entropy(models):
    found = label_null(*models, SinkhornMatcher(), n_shuffles=5)
    assert np.allclose(found["loss_source"].shuffled, models[0].label_entropy, atol=0.1)
    assert max(found["loss_source"].shuffled) <= models[0].label_entropy + 1e-6


def test_shuffled_labels_are_one_shuffle_among_others(models):
    ranks = []
    for draw in range(6):
        pair = []
        for model in models:
            labels = stream(draw, "test", model.modality.name).permutation(model.modality.labels)
            pair.append(fit_propensity(replace(model.modality, labels=labels), LinearClassifier(strength=0.01)))
        ranks.append(label_null(*pair, SinkhornMatcher(), n_shuffles=3, seed=draw)["stability"].p_value)
    assert len(set(ranks)) > 1  # not always the best, not always the worst


def test_the_same_seed_gives_the_same_null(models):
    one, again, other = (label_null(*models, SinkhornMatcher(), n_shuffles=2, seed=seed) for seed in (4, 4, 5))
    for name in STATISTICS:
        assert again[name].shuffled == pytest.approx(one[name].shuffled, rel=1e-6)
        assert other[name].shuffled != pytest.approx(one[name].shuffled, rel=1e-6)
    assert again.label_p == one.label_p


def test_a_large_modality_is_sampled_with_every_label(models):
    found = label_null(*models, SinkhornMatcher(), n_shuffles=1, largest=30)
    assert found.n_source == 30
    assert 28 <= found.n_target <= 32
    assert set(found.label_p) == {"A", "B", "C"}


def test_no_shuffle_is_refused(models):
    with pytest.raises(PsmatchError, match="The null needs at least one shuffle, got 0"):
        label_null(*models, SinkhornMatcher(), n_shuffles=0)
