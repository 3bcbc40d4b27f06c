"""Figures of details: groups of labels, columns of cells, predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from psmatch_core import plotting
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.exploration.maps import map_scores

Models = tuple[PropensityModel, PropensityModel]


def test_the_title_names_the_labels_that_are_not_distinguished(models: Models) -> None:
    logits = models[0].held_out_logits.copy()
    logits[:, :2] = 0.0  # A and B look the same
    logits[:, 2] = np.where(models[0].y == 2, 5.0, -5.0)
    blind = replace(models[0], held_out_logits=logits)
    fig = plotting.confusion(blind)
    assert "RNA cannot distinguish A from B" in fig.layout.title.text.replace("<br>", " ")
    (frame,) = fig.layout.shapes
    assert frame.x1 - frame.x0 == 2
    noise = replace(models[0], held_out_logits=np.zeros_like(logits))
    assert "any of its 3 labels" in plotting.confusion(noise).layout.title.text.replace("<br>", " ")


def test_a_map_takes_numbers_and_texts_of_one_side_or_both(models: Models) -> None:
    scores = map_scores(*models)
    n, m = (model.modality.n_cells for model in models)
    numbers = plotting.CellColumn("depth", np.arange(n, dtype=float))
    fig = plotting.score_map_figure(scores, *models, column=numbers)
    assert sum(len(trace.x) for trace in fig.data) == n + m
    assert "not in this modality" in [trace.name for trace in fig.data]
    assert fig.layout.coloraxis.cmax < n
    batch = plotting.CellColumn("batch <b>", np.repeat("one", n), np.array([f"b{i % 12}" for i in range(m)]))
    fig = plotting.score_map_figure(scores, *models, column=batch)
    assert sum(len(trace.x) for trace in fig.data) == n + m
    assert "<b>" not in fig.layout.title.text
    assert any(trace.name == "6 other values" for trace in fig.data)
    flags = plotting.CellColumn("flag", np.arange(n) % 2)
    assert not flags.is_numeric


def test_bars_carry_their_interval() -> None:
    row = {"label": "A", "n_pairs": 9, "foscttm": 0.3, "foscttm_uniform": 0.5, "foscttm_low": 0.2, "foscttm_high": 0.5}
    (bars, _) = plotting.metric_bars(pd.DataFrame([row]), "foscttm").data
    assert bars.error_x.array[0] == pytest.approx(0.2)
    assert bars.error_x.arrayminus[0] == pytest.approx(0.1)


def test_a_feature_is_shown_as_differences_from_the_mean_of_its_label() -> None:
    measured = np.linspace(0, 1, 50)
    labels = np.repeat(["A", "B"], 25)
    baseline = np.where(labels == "A", 0.2, 0.7)
    about = {"labels": labels, "title": "CD8: the matching adds nothing", "what": "cell"}
    fig = plotting.feature_scatter(measured + 1, measured, baseline, **about)
    assert "CD8: the matching adds nothing" in fig.layout.title.text.replace("<br>", " ")
    assert fig.data[-1].x == pytest.approx(measured - baseline, abs=1e-6)
    assert fig.data[-1].y == pytest.approx(measured + 1 - baseline, abs=1e-6)
    unknown = plotting.feature_scatter(np.full(50, np.nan), measured, baseline, **about)
    assert "Too few cells" in unknown.layout.title.text
