"""Effects of labels: alike where both modalities see the same, at chance where each sees its own or nothing."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.data.modality import Modality
from psmatch_core.monitor import effect_agreement
from psmatch_core.monitor.effect_agreement import _left_out, _predicted
from psmatch_core.monitor.label_comparison import labels_in_both
from tests.conftest import make_modality


def sides(*, private=0.0, n_labels=12, n=40, seed=0):
    """Two modalities that see the same hidden states through other matrices; labels move them, by ``private`` apart."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n_labels, 4))
    found = []
    for name, d in (("RNA", 30), ("ADT", 12)):
        y = rng.integers(0, n_labels, n_labels * n)
        hidden = shared[y] + rng.normal(size=(y.size, 4))
        own = private * rng.normal(size=(n_labels, 4))[y] + rng.normal(size=(y.size, 4))
        X = np.hstack([hidden, own]) @ rng.normal(size=(8, d)) + 0.5 * rng.normal(size=(y.size, d))
        found.append(
            Modality(
                X=X.astype(np.float32),
                labels=np.array([f"KO{each}" for each in y]),
                obs_names=np.array([f"{name}{i}" for i in range(y.size)]),
                var_names=np.array([f"{name}_{i}" for i in range(d)]),
                name=name,
            )
        )
    return found


def test_shared_effects_agree_and_private_ones_do_not():
    shared, private = effect_agreement(*sides()), effect_agreement(*sides(private=5.0))
    assert shared.geometry.value > 0.8 > 0.3 > private.geometry.value
    assert shared.predicted.value > 0.3 > 0.1 > private.predicted.value
    assert shared.finding() == "The labels have similar effects in both modalities."
    assert "each modality sees its own" in private.finding()


@pytest.mark.parametrize("skew", [0.0, 2.0])
def test_labels_without_effect_agree_by_chance_only(skew):
    """One in twenty sets is below 0.05 by chance in each figure; of 20 sets more than five would not be chance.

    Labels of very different sizes, the same in both modalities, are not alike by their sizes.
    """
    found = []
    names, share = np.array([f"KO{label}" for label in range(12)]), np.arange(1.0, 13.0) ** -skew
    for seed in range(20):
        source, target = sides(seed=seed)
        rng = np.random.default_rng(seed)
        source, target = (
            replace(each, labels=rng.choice(names, each.n_cells, p=share / share.sum())) for each in (source, target)
        )
        found.append(effect_agreement(source, target, seed=seed))
    for name in ("geometry", "predicted"):
        p_values = [getattr(each, name).p_value for each in found]
        assert sum(p <= 0.05 for p in p_values) <= 5
        assert 0.33 < np.mean(p_values) < 0.7  # 0.5 by chance; 0.2 if sizes of labels counted


def test_neither_the_order_of_the_modalities_nor_scales_of_features_matter():
    source, target = sides(private=1.0)
    found, swapped = effect_agreement(source, target), effect_agreement(target, source)
    assert swapped.geometry.value == pytest.approx(found.geometry.value, abs=1e-9)
    assert swapped.predicted.value == pytest.approx(found.predicted.value, abs=1e-9)
    stretched = source.with_features(source.X * np.geomspace(0.01, 100, source.n_features), source.var_names)
    assert effect_agreement(stretched, target).geometry.value == pytest.approx(found.geometry.value, abs=1e-3)


def test_a_left_out_label_is_missed_as_if_the_fit_had_never_seen_it():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(9, 4))
    effects -= effects.mean(axis=0)
    outputs = rng.normal(size=(9, 3))
    kernel = effects @ effects.T
    missed = _left_out(kernel) @ outputs
    penalty = np.trace(kernel) / 9
    for label in range(9):
        rest = np.arange(9) != label
        # Ridge regression with an intercept that is the mean of what it is trained on, in the space of all labels.
        design = np.hstack([effects, np.ones((9, 1))])
        punish = np.diag([penalty] * 4 + [0.0])
        weights = np.linalg.solve(design[rest].T @ design[rest] + punish, design[rest].T @ outputs[rest])
        assert missed[label] == pytest.approx(outputs[label] - design[label] @ weights, abs=1e-9)


def test_few_labels_cannot_be_judged():
    found = effect_agreement(*sides(n_labels=5))
    assert not found.can_be_judged
    assert found.finding() == "Cannot be judged with 5 labels: it takes 6."
    assert found.remarks() == []
    other = sides()[1]
    foreign = replace(other, labels=np.char.add("x", other.labels.astype(str)))
    assert effect_agreement(sides()[0], foreign).n_labels == 0


@pytest.mark.parametrize("names", [np.arange(9), np.array([3, 1, 2, 0, 8, 5, 7, 6, 4])])
def test_r2_of_left_out_labels_is_that_of_the_fits_beside_the_mean_of_the_others(names):
    """Nine effects of four features and of three; each fit, and each mean, is made without the label it predicts."""
    rng = np.random.default_rng(1)
    effects = [rng.normal(size=(9, d)) @ np.diag(1.0 + np.arange(d)) for d in (4, 3)]
    first, second = (each - each.mean(axis=0) for each in effects)
    found = _predicted(first @ first.T, second @ second.T, [names])

    def r2(inputs, outputs):
        design, penalty = np.hstack([inputs, np.ones((9, 1))]), np.sum(inputs**2) / 9
        punish = np.diag([penalty] * inputs.shape[1] + [0.0])
        missed, by_mean = 0.0, 0.0
        for label in range(9):
            rest = np.arange(9) != label
            normal = design[rest].T @ design[rest] + punish
            fitted = design[label] @ np.linalg.solve(normal, design[rest].T @ outputs[rest])
            missed += np.sum((outputs[label] - fitted) ** 2)
            by_mean += np.sum((outputs[label] - outputs[rest].mean(axis=0)) ** 2)
        return 1 - missed / by_mean

    assert found.value == pytest.approx((r2(first, second) + r2(second, first)) / 2, rel=1e-9)
    exchanged = (r2(first, second[names]) + r2(second[names], first)) / 2
    assert found.chance == pytest.approx(exchanged, rel=1e-9)  # the only exchange


def test_labels_count_that_have_two_cells_in_each_modality():
    given = {"RNA": "bbbbbaacdde", "ADT": "aabccd" * 2}
    source, target = (
        replace(make_modality(name, n=len(labels)), labels=np.array(list(labels))) for name, labels in given.items()
    )
    assert labels_in_both(source, target).tolist() == labels_in_both(target, source).tolist() == ["a", "b", "d"]
    assert labels_in_both(source, target.with_labels(dict.fromkeys("abcd", "x"))).tolist() == []
