"""Two labels and one modality: separated or not, whatever their frequencies, and never known without held-out cells."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.monitor import label_pairs
from psmatch_core.monitor.label_pairs import is_pair_distinguished, pair_auc
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def model():
    return fit_propensity(make_modality("RNA", n=300, seed=1), LinearClassifier(strength=0.1))


def scored(model, difference):
    """The model with these differences (n_cells,) of the held-out logits of A and B."""
    logits = np.zeros((model.y.size, 3))
    logits[:, 0] = difference
    return replace(model, held_out_logits=logits)


def test_separated_labels_have_an_area_of_one_and_equal_ones_a_half(model):
    assert pair_auc(scored(model, np.where(model.y == 0, 2.0, -1.0)), "A", "B")[0] == 1.0
    assert pair_auc(scored(model, np.where(model.y == 0, -2.0, 1.0)), "A", "B")[0] == 0.0
    area, error = pair_auc(scored(model, np.zeros(model.y.size)), "A", "B")
    assert area == 0.5
    n, m = np.bincount(model.y)[:2]
    assert error == pytest.approx(np.sqrt((n + m + 1) / (12 * n * m)))


def test_the_area_is_the_share_of_ordered_pairs_of_cells(model):
    difference = np.random.default_rng(0).normal(size=model.y.size) + 0.3 * (model.y == 0)
    a, b = difference[model.y == 0], difference[model.y == 1]
    assert pair_auc(scored(model, difference), "A", "B")[0] == pytest.approx((a[:, None] > b).mean())


def test_neither_order_nor_frequencies_change_what_is_found(model):
    area = pair_auc(model, "A", "B")
    assert pair_auc(model, "B", "A") == pytest.approx(area)
    tilted = replace(model, held_out_logits=model.held_out_logits + np.array([3.0, -1.0, 0.5]))
    assert pair_auc(tilted, "A", "B") == pytest.approx(area)
    assert is_pair_distinguished(model, "A", "B")


def test_labels_that_mean_nothing_are_distinguished_once_in_forty_times(model):
    rng = np.random.default_rng(3)
    found = [is_pair_distinguished(scored(model, rng.normal(size=model.y.size)), "A", "B") for _ in range(400)]
    assert np.mean(found) < 0.06


def test_the_standard_error_is_the_spread_that_chance_gives_labels_of_any_size(model):
    rng, few = np.random.default_rng(5), np.zeros(model.y.size, dtype=int)
    few[:40] = 1  # B; the other 260 cells are A
    labels = np.array(["A", "B"])[few]
    labels[-1] = "C"
    unequal = replace(model, modality=replace(model.modality, labels=labels))
    found = [pair_auc(scored(unequal, rng.normal(size=few.size)), "A", "B") for _ in range(400)]
    areas, errors = np.array(found).T
    assert errors[0] == pytest.approx(areas.std(), rel=0.15)


def test_large_labels_are_sampled_and_their_area_stays(model, monkeypatch):
    difference = np.random.default_rng(0).normal(size=model.y.size) + 1.0 * (model.y == 0)
    whole = pair_auc(scored(model, difference), "A", "B")
    monkeypatch.setattr(label_pairs, "MOST_CELLS", 30)
    some = pair_auc(scored(model, difference), "A", "B")
    assert abs(some[0] - whole[0]) < 2 * some[1]
    assert some[1] > whole[1]


def test_labels_without_held_out_cells_are_not_called_distinguished(model):
    logits = np.where((model.y == 1)[:, None], np.nan, model.held_out_logits)
    unseen = replace(model, held_out_logits=logits)
    assert np.isnan(pair_auc(unseen, "A", "B")).all()
    assert not is_pair_distinguished(unseen, "A", "B")
    assert is_pair_distinguished(unseen, "A", "C")
