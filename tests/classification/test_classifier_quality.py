"""What held-out logits say of a classifier, on logits whose answer is known before they are made."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifier_quality import (
    LOSS_FLOOR,
    confusion_counts,
    cross_entropy,
    fitted_temperature,
    reliability_of,
)


def stating(confidence, choice, n_labels=2):
    """Logits of cells that state a confidence for one of the labels, the rest shared alike."""
    p = np.full((len(choice), n_labels), 0.0)
    for row, (stated, label) in enumerate(zip(confidence, choice, strict=True)):
        p[row] = (1 - stated) / (n_labels - 1)
        p[row, label] = stated
    return np.log(p)


def test_the_loss_of_a_cell_is_minus_log_of_what_was_stated_for_its_label():
    logits = stating([0.9, 0.7, 0.6], [0, 1, 1])
    assert cross_entropy(logits, np.array([0, 1, 0])) == pytest.approx(-np.log([0.9, 0.7, 0.4]))
    assert cross_entropy(logits + 5, np.array([0, 1, 0])) == pytest.approx(-np.log([0.9, 0.7, 0.4]))
    certain = np.array([[0.0, 1000.0]])
    assert cross_entropy(certain, np.array([0])).tolist() == [-LOSS_FLOOR]  # one cell does not make the mean infinite


def test_the_calibration_error_weighs_each_bin_by_its_cells():
    """30 cells state 0.95 and are always right, 10 state 0.65 and are right twice: (30 × 0.05 + 10 × 0.45) / 40."""
    logits = stating([0.95] * 30 + [0.65] * 10, [0] * 40)
    y = np.array([0] * 30 + [0] * 2 + [1] * 8)
    found = reliability_of(logits, y)
    assert found.expected_error == pytest.approx((30 * 0.05 + 10 * 0.45) / 40)
    assert (found.counts[9], found.counts[6], found.counts.sum()) == (30, 10, 40)
    assert (found.hit_rate[9], found.hit_rate[6]) == (1, 0.2)
    assert found.confidence[[9, 6]] == pytest.approx([0.95, 0.65])


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_a_stretch_of_calibrated_logits(factor):
    """Of 100 cells that state 0.8, 80 are right; however their logits are stretched, the divisor brings them back."""
    logits = stating([0.8] * 100, [0] * 100)
    y = np.array([0] * 80 + [1] * 20)
    assert fitted_temperature(factor * logits, y) == pytest.approx(factor, rel=1e-3)
    assert fitted_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int)) == 1


def test_confusion_has_true_labels_in_rows_and_chosen_ones_in_columns():
    logits = stating([0.9] * 5, [0, 0, 1, 2, 0], n_labels=3)
    assert confusion_counts(logits, np.array([0, 1, 1, 2, 2])).tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1]]


@pytest.fixture
def uneven(models):
    """Eight held-out cells of A, all of them right; four of B, one of them right; two of C, both taken for A."""
    model = models[0]
    y, held_out = model.y, np.full(model.held_out_logits.shape, np.nan)
    for label, choices in enumerate(([0] * 8, [1, 0, 0, 0], [0, 0])):
        held_out[np.flatnonzero(y == label)[: len(choices)]] = stating([0.8] * len(choices), choices, n_labels=3)
    return replace(model, held_out_logits=held_out)


def test_balanced_accuracy_counts_each_label_once_and_accuracy_each_cell(uneven):
    assert uneven.accuracy == pytest.approx(9 / 14)
    assert uneven.balanced_accuracy == pytest.approx((1 + 1 / 4 + 0) / 3)


def test_a_label_is_compared_with_what_its_frequency_alone_would_lose(uneven):
    rows = {row.label: row for row in uneven.per_label}
    counts = np.bincount(uneven.y)
    for index, name in enumerate(uneven.label_names):
        assert rows[name].baseline == pytest.approx(-np.log(counts[index] / counts.sum()))
    assert [rows[name].n_validated for name in uneven.label_names] == [8, 4, 2]
    assert [rows[name].accuracy for name in uneven.label_names] == pytest.approx([1, 1 / 4, 0])
