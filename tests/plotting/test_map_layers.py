"""Map layers: a browser that draws from the arrays shows what the figure of the same map shows."""

from __future__ import annotations

import base64
import html
from typing import Any

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.maps import ScoreMap, map_scores
from psmatch_core.exploration.projection import heaviest_match
from psmatch_core.exploration.selection import Selection, matched_weight
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.plotting import CellColumn, linked_map
from psmatch_core.plotting.linked_maps import map_ranges
from psmatch_core.plotting.map_layers import (
    NO_CELL,
    UNKNOWN,
    map_look,
    map_marks,
    map_panels,
    map_places,
    map_texts,
)
from tests.report.synthetic import unframed

SIDES = ("source", "target")


@pytest.fixture(scope="module")
def coupling(models: Any) -> Coupling:
    return match(*models)


@pytest.fixture(scope="module")
def scores(models: Any) -> ScoreMap:
    return map_scores(*models)


def array(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), np.dtype(kind).newbyteorder("<"))


def colors_of(look: dict[str, Any]) -> list[tuple[Any, float]]:
    """Colour and opacity of each cell; a number where it is on the scale."""
    group = array(look["group"], "uint16" if look.get("is_wide") else "uint8")
    values = array(look["values"], "uint16") if "values" in look else None
    low, high = look.get("span", (0, 1))
    found = []
    for cell, at in enumerate(group):
        color, opacity, _ = look["styles"][at]
        if color is None:
            assert values is not None
            color = low + values[cell] / (UNKNOWN - 1) * (high - low)
        found.append((color, opacity))
    return found


@pytest.mark.parametrize("side", SIDES)
def test_places_are_those_of_the_map_within_a_step_of_sixteen_bits(scores: ScoreMap, side: str) -> None:
    head, arrays = unframed(map_places(scores, side))
    (left, right), (bottom, top) = map_ranges(scores, side)
    assert head["range"] == pytest.approx([left, right, bottom, top])
    assert arrays["rows"].tolist() == getattr(scores, f"{side}_cells").tolist()
    places = arrays["places"].reshape(-1, 2) / (UNKNOWN - 1) * [right - left, top - bottom] + [left, bottom]
    assert np.abs(places - getattr(scores, f"{side}_xy")).max() <= max(right - left, top - bottom) / UNKNOWN


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("what", ["modality", "label", "family", "loss", "numbers", "texts", "highlight"])
@pytest.mark.parametrize("selected", [False, True])
def test_each_cell_has_the_colour_that_it_has_in_the_figure(
    coupling: Coupling, scores: ScoreMap, side: str, what: str, selected: bool
) -> None:
    n, m = (model.modality.n_cells for model in (coupling.source, coupling.target))
    column = {
        "numbers": CellColumn("depth", np.r_[np.nan, np.arange(1.0, n)], 100 + np.arange(m, dtype=float)),
        "texts": CellColumn("batch", np.array(["a", "b"] * n)[:n], np.array(["b", "c<d"] * m)[:m]),
    }.get(what)
    how: dict[str, Any] = {"color": what if what in ("modality", "label", "family", "loss") else "label"}
    how |= {"column": column, "highlight": coupling.source.label_names[1] if what == "highlight" else None}
    cells = getattr(scores, f"{side}_cells")
    look = map_look((coupling.source, coupling.target), cells, side, is_selected=selected, **how)
    chosen = Selection("source", [1, 5]) if selected else None
    weight = matched_weight(coupling, chosen) if chosen is not None else None
    fig = linked_map(scores, coupling, side, chosen, weight=weight, **how)
    xy = getattr(scores, f"{side}_xy").astype(np.float32)
    of_place = {tuple(place): at for at, place in enumerate(xy.tolist())}
    assert len(of_place) == len(xy)
    mine, seen = colors_of(look), set()
    for trace in fig.data[: len(fig.data) - selected]:
        colors = (
            trace.marker.color if isinstance(trace.marker.color, np.ndarray) else [trace.marker.color] * len(trace.x)
        )
        for x, y, color in zip(trace.x.tolist(), trace.y.tolist(), colors, strict=True):
            at = of_place[x, y]
            seen.add(at)
            assert mine[at][0] == (color if isinstance(color, str) else pytest.approx(color, abs=2e-3))
            assert mine[at][1] == pytest.approx(trace.opacity)
    assert len(seen) == len(xy)
    if "scale" in look:
        assert (look["scale"]["low"], look["scale"]["high"]) == (fig.layout.coloraxis.cmin, fig.layout.coloraxis.cmax)
    elif what != "modality":
        shown = {(html.unescape(each.name), each.marker.color) for each in fig.data if each.showlegend}
        assert {tuple(each) for each in look["legend"]} == shown


@pytest.mark.parametrize("side", SIDES)
def test_marks_are_the_selected_cells_here_and_the_heaviest_matches_there(
    coupling: Coupling, scores: ScoreMap, side: str
) -> None:
    chosen = Selection(side, [1, 5, 9])
    weight = matched_weight(coupling, chosen)
    here = map_marks(getattr(scores, f"{side}_cells"), side, chosen, weight)
    there = map_marks(getattr(scores, f"{chosen.other}_cells"), chosen.other, chosen, weight)
    assert array(here["cells"], "uint32").tolist() == [1, 5, 9]
    of_figure = linked_map(scores, coupling, chosen.other, chosen, weight=weight).data[-1].customdata
    assert array(there["weights"], "float32") == pytest.approx(np.asarray(of_figure))
    assert weight[array(there["cells"], "uint32")] == pytest.approx(np.asarray(of_figure))
    assert map_marks(scores.source_cells, "source", None, None) == {}
    none = map_marks(
        scores.target_cells, "target", Selection("source", [1]), np.zeros(coupling.target.modality.n_cells)
    )
    assert not array(none["cells"], "uint32").size


def test_a_panel_says_how_many_cells_of_its_label_the_map_has(coupling: Coupling, scores: ScoreMap) -> None:
    models = (coupling.source, coupling.target)
    thinned = ScoreMap(scores.source_cells[::3], scores.target_cells[::2], scores.source_xy[::3], scores.target_xy[::2])
    labels = list(models[0].label_names)[::-1][:2]
    panels = map_panels(models, thinned, labels)
    assert [models[0].label_names[at] for at in panels["labels"]] == panels["titles"] == labels
    for label, says in zip(labels, panels["says"], strict=True):
        n, m = (
            int((model.modality.labels[cells] == label).sum())
            for model, cells in zip(models, (thinned.source_cells, thinned.target_cells), strict=True)
        )
        assert says == f"{n:,} {models[0].modality.name} and {m:,} {models[1].modality.name} cells"
    with pytest.raises(PsmatchError, match="There is no label nowhere to draw a panel of"):
        map_panels(models, scores, ["nowhere"])


def test_a_hover_knows_the_best_match_of_every_cell(coupling: Coupling) -> None:
    models = (coupling.source, coupling.target)
    every = [np.arange(model.modality.n_cells) for model in models]
    matches = [heaviest_match(coupling, side, cells) for side, cells in zip(SIDES, every, strict=True)]
    matches[0][0][3] = -1
    label = models[0].label_names[0]
    head, arrays = unframed(map_texts(models, matches, {label: 0.25}))
    assert head["labels"][0] == f"{label}, confidence 0.25"
    assert head["labels"][1:] == list(models[0].label_names[1:])
    for side, model, (best, share) in zip(SIDES, models, matches, strict=True):
        assert head["names"][SIDES.index(side)] == model.modality.obs_names.tolist()
        assert arrays[f"{side}.label"].tolist() == model.y.tolist()
        assert arrays[f"{side}.best"].tolist() == np.where(best < 0, NO_CELL, best).tolist()
        assert arrays[f"{side}.share"] / (UNKNOWN - 1) == pytest.approx(share, abs=1e-5)
    unmatched, without = unframed(map_texts(models))
    assert unmatched["labels"] == list(models[0].label_names)
    assert set(without) == {"source.label", "target.label"}
