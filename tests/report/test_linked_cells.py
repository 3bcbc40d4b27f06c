"""What the maps of a report hold: the coupling's own best matches, true places, all names as text, and little of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

import psmatch_core.report
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.monitor import Verdict, judge
from psmatch_core.report.linked_cells import (
    BEST,
    MOST_CELLS,
    NOWHERE,
    UNMEASURED,
    CellMap,
    LinkedCells,
    link_cells,
    quantised,
)
from psmatch_core.report.packed import packed
from psmatch_core.report.page import SCRIPT_PARTS, Page, render
from tests.report.synthetic import matching, unpacked
from tests.report.test_page import HOSTILE, Read

LABELS = ("A", "B", "C")
SEPARATORS = "line\u2028paragraph\u2029right\u202eleft"


@pytest.fixture(scope="module")
def coupling(models) -> Coupling:
    return match(*models)


def linked(coupling: Coupling, maps: list[CellMap] | None = None, **settings: int) -> LinkedCells:
    return link_cells(coupling, maps or [], judge(coupling), **settings)


def test_the_file_holds_the_best_matches_of_the_coupling_both_ways(coupling: Coupling) -> None:
    head, arrays = unpacked(linked(coupling).text())
    names = [side["names"] for side in head["sides"]]
    for at, which in enumerate(("source", "target")):
        k = head["sides"][at]["k"]
        matches = arrays[f"{which}.matches"].reshape(-1, k)
        shares = arrays[f"{which}.shares"].reshape(-1, k) / NOWHERE
        for label, block in coupling.blocks.items():
            own, other = (coupling.source_cells[label], coupling.target_cells[label])[:: 1 - 2 * at]
            index, weight = (block, block.T)[at].top(BEST)
            expected = (coupling.source, coupling.target)[1 - at].modality.obs_names[other[index]]
            assert (np.array(names[1 - at])[matches[own]] == expected).all()
            assert np.abs(shares[own] - weight).max() < 1 / NOWHERE
            assert arrays[f"{which}.effective"][own] == pytest.approx((block, block.T)[at].n_effective, rel=1e-6)
        model = (coupling.source, coupling.target)[at]
        assert [head["labels"][label]["name"] for label in arrays[f"{which}.label"]] == model.modality.labels.tolist()


def test_a_label_with_fewer_cells_than_matches_has_no_match_beyond_them() -> None:
    made, maps, verdicts = matching(30, 12, LABELS)
    head, arrays = unpacked(link_cells(made, maps, verdicts).text())
    matches = arrays["source.matches"].reshape(30, head["sides"][0]["k"])
    held = (matches != 65_535).sum(axis=1)
    for label in made.blocks:
        rows = made.source_cells[label]
        stored = np.diff(made[label].to_csr().indptr)
        assert (held[rows] == np.minimum(stored, BEST)).all()


def test_of_a_sample_the_matches_are_the_heaviest_held_and_their_weights_those_of_the_whole_row(
    coupling: Coupling,
) -> None:
    found = linked(coupling, most=30)
    assert found.source.cells.size == found.target.cells.size == 30
    whole = coupling.to_sparse().toarray()
    whole = whole / whole.sum(axis=1, keepdims=True)
    part = whole[np.ix_(found.source.cells, found.target.cells)]
    best = np.sort(part, axis=1)[:, ::-1][:, :BEST]
    assert found.source.shares[:, : best.shape[1]] == pytest.approx(best, abs=1e-9)
    for row in range(30):
        has = found.source.matches[row] >= 0
        assert part[row, found.source.matches[row][has]] == pytest.approx(found.source.shares[row][has], abs=1e-9)


def test_a_sample_is_told_and_keeps_every_label(coupling: Coupling) -> None:
    whole, part = linked(coupling), linked(coupling, most=30)
    assert len(whole.about()) == 1
    assert "30 of 66 RNA cells and 30 of 48 ADT cells" in part.about()[1]
    assert f"more than {MOST_CELLS:,}" in part.about()[1]
    for side in (part.source, part.target):
        counts = np.bincount(side.model.y[side.cells])
        assert counts.min() >= 9  # 10 of each in proportion


def test_places_keep_their_order_and_the_unknown_stay_unknown() -> None:
    rng = np.random.default_rng(4)
    xy = rng.normal(size=(200, 2)) * (1, 30)
    xy[7] = np.nan
    places = quantised(xy, xy, keep_shape=False)
    known = np.delete(np.arange(200), 7)
    assert (places[7] == NOWHERE).all()
    assert places[known].min(axis=0).tolist() == [0, 0]
    assert places[known].max(axis=0).tolist() == [NOWHERE - 1, NOWHERE - 1]
    spans = np.nanmax(xy, axis=0) - np.nanmin(xy, axis=0)
    back = places[known] / (NOWHERE - 1) * spans + np.nanmin(xy, axis=0)
    assert (np.abs(back - xy[known]) <= spans / NOWHERE).all()
    shaped = quantised(xy, xy, keep_shape=True)[known]
    ratio = np.ptp(shaped.astype(float), axis=0)
    assert ratio[1] / ratio[0] == pytest.approx(spans[1] / spans[0], rel=1e-2)
    assert (quantised(np.full((3, 2), np.nan), xy[:0], keep_shape=True) == NOWHERE).all()


def test_a_shared_map_has_one_range_and_own_maps_their_own(coupling: Coupling) -> None:
    source, target = np.zeros((66, 2)), np.ones((48, 2))
    source[0], target[0] = 1.0, 3.0
    maps = [CellMap("shared", source, target), CellMap("own", source, None, is_shared=False)]
    head, arrays = unpacked(linked(coupling, maps).text())
    assert [[each["title"] for each in side["maps"]] for side in head["sides"]] == [["shared", "own"], ["shared"]]
    assert arrays["source.map0"].max() == round((NOWHERE - 1) / 3)
    assert arrays["target.map0"].max() == NOWHERE - 1
    assert arrays["source.map1"].max() == NOWHERE - 1


def test_a_map_counts_the_cells_that_have_a_place_on_it(coupling: Coupling) -> None:
    source, target = np.zeros((66, 2)), np.ones((48, 2))
    source[[3, 40]], target[5, 1] = np.nan, np.nan
    head, _ = unpacked(linked(coupling, [CellMap("shared", source, target)]).text())
    assert [side["maps"][0]["placed"] for side in head["sides"]] == [64, 47]


@pytest.mark.parametrize("text", [*HOSTILE, SEPARATORS, "=1+1", "日本"])
def test_names_and_labels_cannot_become_markup(text: str) -> None:
    made, maps, verdicts = matching(12, 12, (text, "B"))
    made.source.modality.name = text
    made.source.modality.obs_names[3] = text
    page = Page()
    page.cells(link_cells(made, maps, verdicts))
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", page.packed_cells)
    read = Read(render(page, "hostile"))
    assert not {tag for tag in read.tags if "evil" in tag}
    assert "onclick" not in read.attributes
    head, _ = unpacked(page.packed_cells)
    shown = text if text.isprintable() else "line·paragraph·right·left"
    assert head["labels"][0]["name"] == head["sides"][0]["names"][3] == head["sides"][0]["name"] == shown


def test_the_files_of_the_maps_name_no_other_place_and_write_no_markup() -> None:
    room = Path(psmatch_core.report.__file__).parent
    parts = [room / "page.html", *(room / "cells").iterdir()]
    assert len(parts) > len(SCRIPT_PARTS)
    for path in parts:
        name, text = path.name, path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|//[a-z]+\.|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\b|url\(", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name


def test_twenty_thousand_cells_a_side_fit_into_half_of_fifteen_megabytes() -> None:
    """The other half is for the figures; plotly.js is counted here."""
    made, maps, verdicts = matching(20_000, 20_000, tuple(f"label {i}" for i in range(30)), per_row=12)
    page = Page()
    page.cells(link_cells(made, maps, verdicts))
    assert len(page.packed_cells) + len(get_plotlyjs().encode()) < 8_500_000


def test_arrays_come_back_as_they_were_whatever_their_length() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        kind: rng.integers(0, 200, size).astype(kind)
        for kind, size in (("uint8", 3), ("uint16", 7), ("uint32", 1), ("float32", 5))
    }
    head, back = unpacked(packed({"name": "é</script>"}, arrays))
    assert head["name"] == "é</script>"
    assert {name: values.tolist() for name, values in back.items()} == {
        name: values.tolist() for name, values in arrays.items()
    }


def test_the_cards_count_every_label_and_cell_once(coupling: Coupling) -> None:
    cards = linked(coupling).cards()
    assert sum(card["n_labels"] for card in cards) == 3
    assert [sum(card[which] for card in cards) for which in ("n_source", "n_target")] == [66, 48]


def test_a_card_claims_no_more_than_was_measured(coupling: Coupling) -> None:
    assert {card["meaning"] for card in linked(coupling).cards()} == {UNMEASURED}
    made, maps, verdicts = matching(12, 12, ("A", "B"))
    assert [card["meaning"] for card in link_cells(made, maps, verdicts).cards()] == [Verdict.USE.meaning]
