"""Agreement of the modalities: high where labels do the same in both, at chance where each does its own."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.monitor import Agreement, ModalityAgreement, modality_agreement
from psmatch_core.monitor.modality_agreement import matrices_agree
from tests.monitor.test_hidden_labels import scored

OTHERS = np.flatnonzero(np.arange(8) != 3)


def pair(private, seed=0):
    """Effects of 8 labels: shared ones of size 1, and private ones of size ``private`` in other features."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(8, 4))
    sides = []
    for name, own in (("RNA", 1), ("ADT", 2)):
        effects = np.hstack([shared, private * np.random.default_rng(own + seed).normal(size=(8, 4))])
        sides.append(scored(name, own + 10 * seed, effects, n=40))
    return sides


def test_private_effects_lower_the_agreement_and_only_then_it_disagrees():
    values = [modality_agreement(*pair(private)) for private in (0, 4)]
    assert values[0].means.value > 0.6 > values[1].means.value
    assert not values[0].disagree
    assert values[0].means.p_value < 0.02
    assert values[0].covariances.value > values[1].covariances.value


def test_losses_alone_would_have_praised_the_private_effects():
    """The reason for this figure: the held-out loss gets better with what only one modality sees."""
    good, private = pair(0), pair(4)
    assert private[0].validation_loss < good[0].validation_loss
    assert modality_agreement(*private).means.value < modality_agreement(*good).means.value


def test_it_cannot_be_judged_below_six_labels():
    agreement = Agreement(0.0, 0.9, 0.5)
    assert not ModalityAgreement(agreement, agreement, 5).disagree
    assert ModalityAgreement(agreement, agreement, 6).disagree
    assert ModalityAgreement(agreement, agreement, 5).described() == "cannot be judged with 5 labels; it takes 6"


def test_the_same_modality_twice_agrees_perfectly_and_seeds_change_only_the_null():
    model = pair(0)[0]
    one, other = modality_agreement(model, model), modality_agreement(model, model, seed=9)
    assert one.means.value == pytest.approx(1)
    assert one.means.p_value == pytest.approx(0.001)
    assert one.means.value == other.means.value


def test_an_exchange_that_changes_nothing_counts_as_equal():
    draw = np.random.default_rng(0)
    first, second = draw.normal(size=(2, 7, 7))
    identity = [np.arange(7)] * 9
    found = matrices_agree(first, second, [*identity, np.arange(7)[::-1]])
    off = ~np.eye(7, dtype=bool)
    assert found.value == pytest.approx(np.corrcoef(first[off], second[off])[0, 1], rel=1e-12)
    reversed_value = np.corrcoef(first[off], second[::-1, ::-1][off])[0, 1]
    assert found.p_value == (1 + 9 + (reversed_value >= found.value)) / 11


def test_chance_is_what_one_exchange_in_twenty_reaches():
    draw = np.random.default_rng(1)
    first, second = draw.normal(size=(2, 7, 7))
    order, off = [draw.permutation(7) for _ in range(40)], ~np.eye(7, dtype=bool)
    values = [np.corrcoef(first[off], second[np.ix_(names, names)][off])[0, 1] for names in order]
    assert matrices_agree(first, second, order).chance == pytest.approx(np.quantile(values, 0.95), rel=1e-9)


@pytest.fixture(scope="module")
def unequal():
    """Eight labels of unequal sizes, other ones in each modality."""
    draw, sizes = np.random.default_rng(3), np.array([40, 9, 25, 60, 12, 33, 18, 50])
    shared = draw.normal(size=(8, 4))
    return scored("RNA", 1, shared, n=sizes), scored("ADT", 2, shared, n=sizes[::-1])


def test_what_all_cells_of_a_label_have_in_common_is_no_covariance_within_labels(unequal):
    source, target = unequal
    shift = 50 * np.random.default_rng(0).normal(size=(8, 8))
    moved = replace(source, held_out_logits=source.held_out_logits + shift[source.y])
    found, again = modality_agreement(source, target), modality_agreement(moved, target)
    assert again.covariances.value == pytest.approx(found.covariances.value, abs=1e-9)
    assert again.means.value != pytest.approx(found.means.value, abs=0.05)
    logits, label = source.held_out_logits, source.y
    within = logits - np.stack([logits[label == each].mean(axis=0) for each in range(8)])[label]
    theirs = np.cov((target.held_out_logits - _label_means(target)[target.y]).T)
    off = ~np.eye(8, dtype=bool)
    expected = np.corrcoef(np.cov(within.T)[off], theirs[off])[0, 1]
    assert found.covariances.value == pytest.approx(expected, rel=1e-9)


def _label_means(model):
    return np.stack([model.held_out_logits[model.y == each].mean(axis=0) for each in range(8)])


@pytest.mark.parametrize("side", [0, 1])
def test_a_label_with_one_held_out_cell_in_either_modality_is_not_compared(unequal, side):
    models = list(unequal)
    held_out = np.array(models[side].held_out_logits)
    held_out[np.flatnonzero(models[side].y == 3)[1:]] = np.nan
    models[side] = replace(models[side], held_out_logits=held_out)
    found = modality_agreement(*models)
    assert found.n_labels == 7
    first, second = (_label_means(model)[np.ix_(OTHERS, OTHERS)] for model in unequal)
    off = ~np.eye(7, dtype=bool)
    assert found.means.value == pytest.approx(np.corrcoef(first[off], second[off])[0, 1], rel=1e-9)
