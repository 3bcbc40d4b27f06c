"""What a map says of a cell: every displayed cell has its own name, value and best match, without tags from files."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core import plotting
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.exploration.maps import map_scores
from psmatch_core.plotting.cell_hover import MOST_HOVERED, hover_lines


def test_a_hover_names_cell_label_confidence_and_best_match() -> None:
    names, labels = np.array(["c1 <b>", "c2"]), np.array(["STAT1", "JAK2"])
    best = np.array(["image 7", ""]), np.array([0.25, 0.0])
    first, second = hover_lines(names, labels, confidence={"STAT1": 0.41, "JAK2": float("nan")}, best=best)  # type: ignore[misc]
    assert first == "<b>c1 &lt;b&gt;</b><br>STAT1, confidence 0.41<br>best match image 7 (25%)"
    assert second == "<b>c2</b><br>JAK2<br>no match"


def test_more_cells_than_can_have_a_text_have_none() -> None:
    many = np.array([str(at) for at in range(MOST_HOVERED + 1)])
    assert hover_lines(many, many) is None


@pytest.mark.parametrize("what", ["label", "loss", "numbers", "texts"])
def test_the_text_of_a_dot_is_that_of_its_cell_with_its_value(
    models: tuple[PropensityModel, PropensityModel], what: str
) -> None:
    scores = map_scores(*models, largest=20)
    sides = (("source", scores.source_cells), ("target", scores.target_cells))
    hover = {
        side: hover_lines(model.modality.obs_names[cells], model.modality.labels[cells])
        for (side, cells), model in zip(sides, models, strict=True)
    }
    n, m = (model.modality.n_cells for model in models)
    values = np.arange(n, dtype=float), 1000.0 + np.arange(m)
    column = None
    if what == "numbers":
        column = plotting.CellColumn("depth", *values, origins={"target": "projected"})
    if what == "texts":
        weights = {"target": np.linspace(0.5, 1.0, m)}
        column = plotting.CellColumn("batch", np.repeat("one", n), np.repeat("two", m), weights=weights)
    color = "loss" if what == "loss" else "label"
    fig = plotting.score_map_figure(scores, *models, color=color, column=column, hover=hover)  # type: ignore[arg-type]
    for trace in fig.data:
        at = 0 if trace.meta["side"] == "source" else 1
        for row, text in zip(trace.customdata.tolist(), trace.text, strict=True):
            assert text.startswith(f"<b>{models[at].modality.obs_names[row]}</b>")
            if what == "numbers":
                assert text.endswith(f"depth {plotting.style.short_number(values[at][row])}")
            if what == "texts":
                assert text.endswith(f"two, {0.5 + 0.5 * row / (m - 1):.0%} of the weight" if at else "<br>one")
    if what == "numbers":
        assert [each.text for each in fig.layout.annotations] == ["RNA", "ADT: projected"]
