"""Agreement of the modalities: high where labels do the same in both, at chance where each does its own."""

import numpy as np
import pytest

from psmatch_core.monitor import Agreement, ModalityAgreement, modality_agreement
from psmatch_core.monitor.modality_agreement import matrices_agree
from tests.monitor.test_hidden_labels import scored


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
