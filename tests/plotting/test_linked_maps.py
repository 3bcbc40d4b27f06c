"""Linked maps: what lies on each, with which weight, over the same piece of the plane; and what their titles say."""

import numpy as np
import pytest

from psmatch_core.exploration.maps import map_scores
from psmatch_core.exploration.selection import Selection, matched_weight
from psmatch_core.matching.match import match
from psmatch_core.plotting import CellColumn, linked_map, linked_maps


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


@pytest.fixture(scope="module")
def scores(models):
    return map_scores(*models, method="pca")


def title(fig):
    return fig.layout.title.text


def test_without_a_selection_all_cells_are_drawn_alike(coupling, scores):
    maps = [linked_map(scores, coupling, side) for side in ("source", "target")]
    assert [len(fig.data) for fig in maps] == [1, 1]
    assert [len(fig.data[0].x) for fig in maps] == [66, 48]
    assert title(maps[0]) == "RNA: draw around cells"
    assert maps[0].layout.xaxis.range == maps[1].layout.xaxis.range
    assert maps[0].layout.yaxis.range == maps[1].layout.yaxis.range
    low, high = maps[0].layout.xaxis.range
    assert all((np.asarray(fig.data[0].x) > low).all() and (np.asarray(fig.data[0].x) < high).all() for fig in maps)


@pytest.mark.parametrize("side", ["source", "target"])
def test_matches_lie_on_the_other_map_with_their_weight(coupling, scores, side):
    chosen = Selection(side, [1, 5, 9], "by hand")
    weight = matched_weight(coupling, chosen)
    here = linked_map(scores, coupling, side, chosen, weight=weight, note="matches at ε = 0.05")
    there = linked_map(scores, coupling, chosen.other, chosen, weight=weight, note="matches at ε = 0.05")
    own = getattr(scores, f"{side}_xy")[chosen.cells]
    assert np.c_[here.data[1].x, here.data[1].y] == pytest.approx(own, abs=1e-5)
    assert "3 " in title(here)
    assert "selected" in title(here)
    assert "by hand" in title(here)
    assert "matches at ε = 0.05" in title(there)
    assert title(there).startswith("Their matches: about ")
    drawn = np.asarray(there.data[1].customdata)
    assert sorted(drawn) == pytest.approx(sorted(weight[weight > 0]), rel=1e-5)
    sizes = np.asarray(there.data[1].marker.size)
    assert (np.diff(drawn) >= 0).all()  # the heaviest lies on top
    assert (np.diff(sizes) >= 0).all()
    places = getattr(scores, f"{chosen.other}_xy")[np.argsort(weight, kind="stable")[-1]]
    assert (there.data[1].x[-1], there.data[1].y[-1]) == pytest.approx(places, abs=1e-5)


def test_of_many_cells_an_even_sample_is_drawn_and_every_selected_one(coupling, scores, monkeypatch):
    monkeypatch.setattr(linked_maps, "MOST_DRAWN", 10)
    chosen = Selection("source", np.arange(30))
    fig = linked_map(scores, coupling, "source", chosen, weight=matched_weight(coupling, chosen))
    assert [len(trace.x) for trace in fig.data] == [10, 30]
    assert linked_maps.evenly_spaced(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert linked_maps.evenly_spaced(101, 3).tolist() == [0, 50, 100]


def test_cells_without_a_match_say_so(coupling, scores):
    no_weight = np.zeros(coupling.target.modality.n_cells)
    fig = linked_map(scores, coupling, "target", Selection("source", [0]), weight=no_weight)
    assert title(fig) == "ADT: the selected cells have no match"
    assert len(fig.data[1].x) == 0


@pytest.mark.parametrize("what", ["label", "loss", "column"])
def test_colour_of_all_cells_is_seen_through_what_is_selected(coupling, scores, what):
    values = np.arange(66, dtype=float), 100 + np.arange(48, dtype=float)
    column = CellColumn("depth", *values) if what == "column" else None
    chosen = Selection("source", [1, 5, 9])
    weight = matched_weight(coupling, chosen)
    color = "loss" if what == "loss" else "label"
    maps = [
        linked_map(scores, coupling, side, chosen, weight=weight, color=color, column=column)
        for side in ("source", "target")
    ]
    for fig, n in zip(maps, (66, 48), strict=True):
        assert sum(len(trace.x) for trace in fig.data[:-1]) == n
        assert fig.data[-1].marker.symbol == "circle-open"
    if what == "column":  # one scale for both
        assert maps[0].layout.coloraxis == maps[1].layout.coloraxis
        assert sorted(maps[1].data[0].marker.color) == values[1].tolist()
    assert maps[0].layout.height == maps[1].layout.height
