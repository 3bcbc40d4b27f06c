"""Figures of a classifier and its training: losses, entropies, calibration and confusion are those of the model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from psmatch_core import plotting
from psmatch_core.classification.classifier_quality import reliability_of
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.classification.propensity import PropensityModel


def test_networks_reported_under_one_number_are_separate_lines() -> None:
    rows = np.array([[1, 2.0, 2.2], [2, 1.0, 1.4], [1, 2.1, 2.3], [2, 1.1, 1.2]])
    fig = plotting.loss_curves({"propensity: RNA": {0: rows}}, entropies={"RNA": 2.0})
    validation = fig.data[0]
    assert np.isnan(validation.y).sum() == 1
    assert np.allclose(np.asarray(validation.y)[~np.isnan(validation.y)], rows[:, 2])
    finding, _, _ = plotting.title_text(fig)
    assert finding == "RNA reaches a validation loss of 1.30 nats (label entropy 2.00)"


def test_colours_follow_the_sides_and_not_the_order_of_training() -> None:
    curve = {0: np.array([[1, 2.0, 2.2]])}
    late = plotting.loss_curves({"propensity: ADT": curve}, entropies={"RNA": 2.0, "ADT": 2.0})
    assert late.data[0].line.color == plotting.TARGET_COLOR


def test_a_loss_above_the_entropy_is_said_to_have_learned_nothing() -> None:
    fig = plotting.loss_curves({"RNA": {0: np.array([[1, 2.0, 2.2]])}}, entropies={"RNA": 2.0})
    assert "has learned nothing" in fig.layout.title.text


def test_no_curve_yet_is_a_figure_that_says_so() -> None:
    assert "waiting for the first epoch" in plotting.loss_curves({}).layout.title.text


def test_models_without_epochs_have_no_curves(models: tuple[PropensityModel, PropensityModel]) -> None:
    assert plotting.fitted_curves(models) == {}


def test_the_training_of_a_joint_vae_names_the_discriminators_accuracy() -> None:
    history = {"RNA": np.column_stack([np.ones((8, 4)), np.linspace(0.9, 0.5, 8)]), "ADT": np.ones((8, 5))}
    fig = plotting.joint_training(history)
    assert "recognizes the modality of 61% of held-out cells (chance 50%)" in fig.layout.title.text.replace("<br>", " ")
    assert len(fig.data) == 2 * 3 + 1
    assert np.allclose(fig.data[-1].y, history["RNA"][:, 4])
    assert "waiting for the first epoch" in plotting.joint_training({}).layout.title.text


def test_confusion_holds_every_held_out_cell_once(models: tuple[PropensityModel, PropensityModel]) -> None:
    (trace,) = plotting.confusion(models[0]).data
    assert trace.customdata.sum() == models[0].is_validated.sum()
    assert np.allclose(np.nansum(trace.z, axis=1), 1, atol=1e-6)


def test_label_losses_are_those_of_the_model(models: tuple[PropensityModel, PropensityModel]) -> None:
    fig = plotting.label_losses(*models)
    drawn = {trace.name: np.sort(trace.x) for trace in fig.data if trace.name in ("RNA", "ADT")}
    for model in models:
        assert np.allclose(drawn[model.modality.name], sorted(row.loss for row in model.per_label), atol=1e-5)


def test_reliability_states_the_calibration_error(models: tuple[PropensityModel, PropensityModel]) -> None:
    names = [trace.name for trace in plotting.reliability(*models).data]
    assert f"RNA (ECE {models[0].reliability.expected_error:.3f})" in names


def test_a_translators_curves_say_the_epoch_that_was_kept():
    fig = plotting.translator_curves([LossCurve("network", (1.0, 0.7, 0.5), (1.1, 0.8, 0.9), 1)])
    assert "reaches 0.8" in fig.layout.title.text
    assert "epoch 2" in fig.layout.title.text
    assert [trace.name for trace in fig.data] == ["held-out cells", "training"]
    assert list(fig.data[0].y) == [1.1, 0.8, 0.9]


def test_the_confusion_of_four_hundred_labels_shows_those_hardest_to_distinguish() -> None:
    n = 400
    area = np.full((n, n), 0.99)
    np.fill_diagonal(area, np.nan)
    for one, other in ((7, 311), (150, 151)):
        area[one, other] = area[other, one] = 0.5
    model = SimpleNamespace(
        confusion=np.eye(n, dtype=int) * 3,
        label_separability=area,
        label_names=tuple(f"label {i:03d}" for i in range(n)),
        modality=SimpleNamespace(name="RNA"),
    )
    fig = plotting.confusion(model)  # type: ignore[arg-type]
    assert {"label 007", "label 311", "label 150", "label 151"} <= set(fig.layout.yaxis.ticktext)
    assert fig.data[0].z.shape == (60, 60)
    assert fig.layout.height < 1300
    finding, note, _ = plotting.title_text(fig)
    assert finding == "RNA cannot distinguish label 007 from label 311, and 1 other group"
    assert "the 60 of 400 labels that are hardest to distinguish" in note
    assert len(fig.layout.shapes) == 2


@pytest.mark.parametrize(("label", "cells"), [("CD8+ T-cells", "CD8+ T-cells"), ("JAK2", "JAK2 cells")])
def test_the_title_of_a_confusion_says_cells_once(label: str, cells: str) -> None:
    model = SimpleNamespace(
        confusion=np.array([[4, 6], [0, 10]]),
        label_separability=np.array([[np.nan, 0.9], [0.9, np.nan]]),
        label_names=(label, "CD4+ T-cells"),
        modality=SimpleNamespace(name="RNA"),
    )
    finding, _, _ = plotting.title_text(plotting.confusion(model))  # type: ignore[arg-type]
    assert finding == f"RNA predicts CD4+ T-cells for 60% of {cells}, its most frequent error"


def test_the_title_of_reliability_says_which_way_a_classifier_errs() -> None:
    """The same predictions, half of them wrong, stated with near certainty and with hardly any."""
    y = np.arange(200) % 4
    logits = np.eye(4)[(y + np.arange(200) // 100) % 4]

    def stating(size: float) -> Any:
        return SimpleNamespace(modality=SimpleNamespace(name="RNA"), reliability=reliability_of(size * logits, y))

    title, _, _ = plotting.title_text(plotting.reliability(stating(20.0), stating(0.0)))
    assert title == "RNA is over-confident by 50%; RNA is well calibrated"  # four equal scores: the first label, 25%
    shy, _, _ = plotting.title_text(plotting.reliability(stating(0.2), stating(20.0)))
    assert shy.startswith("RNA is under-confident by 2")
