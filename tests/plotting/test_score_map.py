"""Maps of cells: every drawn cell once, few hues whatever the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core import plotting
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.exploration.maps import ScoreMap, map_scores


def many_labels(n_labels: int, n: int) -> tuple[PropensityModel, PropensityModel, ScoreMap]:
    sides = []
    for name, seed in (("RNA", 1), ("ADT", 2)):
        rng = np.random.default_rng(seed)
        obs = pd.DataFrame({"label": [f"L{i % n_labels}" for i in range(n)]}, index=[f"{name}{i}" for i in range(n)])
        adata = AnnData(X=rng.normal(size=(n, 3)).astype(np.float32), obs=obs)
        modality = Modality.from_anndata(adata, label_key="label", name=name)
        sides.append(fit_propensity(modality, LinearClassifier(), seed=0))
    return sides[0], sides[1], map_scores(*sides)


@pytest.mark.parametrize("color", ["label", "modality", "loss"])
def test_every_drawn_cell_is_on_its_side_once(color: Any, models: tuple[PropensityModel, PropensityModel]) -> None:
    scores = map_scores(*models)
    fig = plotting.score_map_figure(scores, *models, color=color)
    for side, cells in (("source", scores.source_cells), ("target", scores.target_cells)):
        drawn = np.concatenate([trace.customdata for trace in fig.data if trace.meta["side"] == side])
        assert np.array_equal(np.sort(drawn), cells)


def test_many_labels_get_seven_hues_and_one_legend_entry_for_the_rest() -> None:
    source, target, scores = many_labels(12, 120)
    fig = plotting.score_map_figure(scores, source, target)
    shown = [trace for trace in fig.data if trace.showlegend]
    assert len({trace.marker.color for trace in shown}) == 8
    assert [trace.name for trace in shown if trace.legendgroup == "others"] == ["5 other labels"]
    assert len(fig.data) == 2 * 12


def test_a_highlighted_label_alone_has_a_hue() -> None:
    source, target, scores = many_labels(12, 120)
    fig = plotting.score_map_figure(scores, source, target, highlight="L3")
    assert {trace.meta["label"] for trace in fig.data if trace.legendgroup != "others"} == {"L3"}
    with pytest.raises(PsmatchError, match=r"There is no label 'nowhere' to highlight\."):
        plotting.score_map_figure(scores, source, target, highlight="nowhere")


def test_large_maps_use_webgl_and_float32() -> None:
    source, target, scores = many_labels(3, 2_600)
    fig = plotting.score_map_figure(scores, source, target)
    assert {trace.type for trace in fig.data} == {"scattergl"}
    assert {np.asarray(trace.x).dtype for trace in fig.data} == {np.dtype(np.float32)}


def test_more_labels_than_hues_are_coloured_by_families_that_lie_together() -> None:
    source, target, scores = many_labels(20, 200)
    fig = plotting.score_map_figure(scores, source, target, color="family")
    hues = {trace.marker.color for trace in fig.data}
    assert len(hues) <= 8
    assert sum(len(trace.x) for trace in fig.data) == 400
    families: dict[str, set[str]] = {}
    for trace in fig.data:
        families.setdefault(trace.meta["label"], set()).add(trace.marker.color)
    assert all(len(each) == 1 for each in families.values())  # a label has one family, the same on both sides
