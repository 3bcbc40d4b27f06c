"""Labels side by side: a hand, a click and keys in a panel select the cells that the core has there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Locator, Page, expect

from pages.shell.shipped_demos import unpack_demo
from psmatch_core.exploration.maps import ScoreMap, map_scores
from psmatch_core.exploration.matched_cell import matched_cell
from psmatch_core.exploration.projection import project_column
from psmatch_core.exploration.selection import in_panel, matched_weight
from psmatch_core.workspace.results import in_readable_units, load_models, load_readable
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.exploring import bars, cell_map, chip, clear, matched, saved
from tests.e2e.steps import choose, no_exception, part, picture, settle, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
PANEL = 1  # of the label with the second most cells
# The cell of the target in a panel that is farthest from all others there: its row, and its place [px].
LONELY = """(m, panel) => { const {px, py, n, panel: of, sides} = m.map.ready, from = sides[1].from;
  const all = [...Array(n).keys()].filter((cell) => of[cell] === panel);
  const apart = (a, b) => a === b ? 1e9 : (px[a] - px[b]) ** 2 + (py[a] - py[b]) ** 2;
  const room = (cell) => Math.min(...all.map((each) => apart(each, cell)));
  const best = all.filter((cell) => cell >= from).map((cell) => [room(cell), cell]).sort((a, b) => b[0] - a[0])[0][1];
  return [sides[1].places.rows[best - from], px[best], py[best]]; }"""
# Rows of the marked cells of a side, and whether each is in a panel.
MARKED = """(m, at) => { const {marks, places, from} = m.map.ready.sides[at], {panel} = m.map.ready;
  return [Array.from(marks.cells, (cell) => places.rows[cell - from]), Array.from(marks.cells, (cell) => panel[cell]),
    Array.from(marks.weights || [])]; }"""


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    store = RunStore(server.workspace)
    assert unpack_demo("screen", store.runs, server.workspace / "demos")
    (folder,) = [store.open(entry.id) for entry in store.entries()]
    return folder


def side_by_side(page: Page, server: Server, run: RunFolder) -> Locator:
    """The panels of the linked maps, on the linear map of scores."""
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    choose(page, "Map", "scores by PCA")
    choose(page, "Labels", "side by side")
    return cell_map(page, "panels")


def the_map(run: RunFolder) -> ScoreMap:
    return map_scores(*load_models(run), method="pca", by_label=run.recipe.matcher.aligns)


def label_of(shown: Locator, run: RunFolder, panel: int) -> str:
    at = shown.evaluate("(m, panel) => m.map.data.panels.labels[panel]", panel)
    return load_models(run)[0].label_names[at]


def lasso(page: Page, shown: Locator, panel: int) -> list[list[float]]:
    """Draw a lasso that begins in a panel and leaves it to the left; returns its corners in the map's units."""
    area = shown.locator("canvas").bounding_box()
    box = shown.evaluate("(m, panel) => m.map.ready.boxes[panel]", panel)
    assert area is not None
    left, right = box["left"] - 60, round(box["left"] + 0.7 * box["width"])
    top, bottom = (round(box["top"] + share * box["height"]) for share in (0.3, 0.8))
    path = [(right, top), (right, bottom), (left, bottom), (left, top), (right, top)]
    page.mouse.move(area["x"] + right, area["y"] + top)
    page.mouse.down()
    for x, y in path[1:]:
        page.mouse.move(area["x"] + x, area["y"] + y, steps=8)
    page.mouse.up()
    ends = [(max(x, box["left"]), y) for x, y in path]
    read = "(m, [panel, ends]) => ends.map((end) => m.map.units(end, m.map.ready.boxes[panel]))"
    return shown.evaluate(read, [panel, ends])


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_lasso_in_a_panel_selects_its_cells_and_shows_their_matches_in_all_panels(
    server: Server, run: RunFolder, new_page: Callable[..., Any], side: str
) -> None:
    page: Page = new_page()
    shown = side_by_side(page, server, run)
    names = [model.modality.name for model in load_models(run)]
    mine = ("source", "target").index(side)
    if mine:
        part(page, "panels.side").get_by_text(f"{names[1]} cells", exact=True).click()
        expect(page.get_by_role("strong").filter(has_text=f"Draw around {names[1]} cells")).to_be_visible()
        settle(page)
        shown = cell_map(page, "panels")
    label = label_of(shown, run, PANEL)
    corners = lasso(page, shown, PANEL)
    expect(chip(page, f"{names[mine]} cells selected")).to_be_visible()
    settle(page)
    expect(page.get_by_text(f"drawn in the panel of {label}").first).to_be_visible()
    coupling = matched(run)
    kept = saved(page, run, f"panel {side}")
    expected = in_panel(the_map(run), (coupling.source, coupling.target), side, corners, label=label)
    assert kept.side == side
    apart = set(kept.names(coupling)) ^ set(expected.names(coupling))
    assert len(expected) > 5
    assert len(apart) <= 0.04 * len(expected) + 1, apart  # a pixel of the hand at the edge
    shown = cell_map(page, "panels")
    rows, panels, _ = shown.evaluate(MARKED, mine)
    assert (sorted(rows), set(panels)) == (kept.cells.tolist(), {PANEL})
    rows, panels, weights = shown.evaluate(MARKED, 1 - mine)
    weight = matched_weight(coupling, kept)
    assert set(panels) == {PANEL}  # a cell is matched within its label
    assert weights == pytest.approx(weight[rows].tolist(), rel=1e-4)
    assert set(rows) == set(np.flatnonzero(weight > 0).tolist())
    picture(page, SCREENSHOTS / f"match_panels_{side}.png")
    clear(page)
    no_exception(page)


def test_a_click_in_a_panel_shows_the_pair_of_either_modality(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page()
    shown = side_by_side(page, server, run)
    row, px, py = shown.evaluate(LONELY, PANEL)
    area = shown.locator("canvas").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + px, area["y"] + py)
    coupling = matched(run)
    name = str(coupling.target.modality.obs_names[row])
    until(lambda: name in shown.locator(".hover").inner_text(), f"the hover does not say {name}")
    page.mouse.click(area["x"] + px, area["y"] + py)
    expect(chip(page, f"1 {coupling.target.modality.name} cell selected")).to_be_visible()
    settle(page)
    found = matched_cell(coupling, load_readable(run), row, "target")
    weights = bars(page, "matches")
    assert sorted(weights, reverse=True) == pytest.approx(found.weights[: len(weights)], rel=1e-4)
    no_exception(page)


def test_keys_go_from_panel_to_panel_and_draw_a_rectangle(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page(width=390, height=800)
    shown = side_by_side(page, server, run)
    canvas = shown.locator("canvas")
    label = canvas.get_attribute("aria-label") or ""
    assert "side by side" in label
    assert "Page down" in label
    canvas.focus()
    for panel in range(2):
        page.keyboard.press("PageDown")
        said = shown.evaluate(
            "(m, at) => { const {titles, says} = m.map.data.panels; return `${titles[at]}: ${says[at]}`; }", panel
        )
        expect(shown.locator(".says")).to_have_text(said)
    for _ in range(6):
        page.keyboard.press("PageDown")
    inside = """m => { const box = m.querySelector(".spot").getBoundingClientRect();
      return box.top >= 0 && box.bottom <= window.innerHeight; }"""
    until(lambda: shown.evaluate(inside), "the panel of the cross is not on the screen")
    panel = 7
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    first = shown.evaluate("m => m.map.cross")
    page.keyboard.press("Enter")
    expect(shown.locator(".says")).to_contain_text("First corner set")
    for key in ["ArrowRight"] * 40 + ["ArrowDown"] * 40:  # farther than the panel reaches
        page.keyboard.press(key)
    last = shown.evaluate("m => m.map.cross")
    box = shown.evaluate("(m, panel) => m.map.ready.boxes[panel]", panel)
    assert last == pytest.approx([box["left"] + box["width"], box["top"] + box["height"]])
    ends = shown.evaluate(
        "(m, [ends, panel]) => ends.map((end) => m.map.units(end, m.map.ready.boxes[panel]))", [[first, last], panel]
    )
    page.keyboard.press("Enter")
    expect(chip(page, "cells selected")).to_be_visible()
    settle(page)
    coupling = matched(run)
    (left, top), (right, bottom) = ends
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    expected = in_panel(
        the_map(run), (coupling.source, coupling.target), "source", corners, label=label_of(shown, run, panel)
    )
    assert len(expected) > 2
    assert saved(page, run, "by keys").cells.tolist() == expected.cells.tolist()
    no_exception(page)


def test_panels_are_coloured_by_a_feature_of_one_side_and_its_projection_on_the_other(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page(scheme="dark")
    visit(page, f"{server.url}/propensity?run={run.id}", "Propensity")
    choose(page, "Map", "scores by PCA")
    choose(page, "Labels", "side by side")
    choose(page, "Colour by", "a feature")
    side, name = "target", load_models(run)[1].modality.name
    image = in_readable_units(run, side)
    feature = str(image.var_names[7])
    page.get_by_label("Find a feature").fill(feature)
    page.get_by_label("Find a feature").press("Enter")
    expect(page.get_by_role("strong").filter(has_text=re.compile(f"{re.escape(feature)}: projected"))).to_be_visible()
    settle(page)
    shown = cell_map(page, "panels", "cells.map")
    values = np.asarray(image.X[:, 7], dtype=float).ravel()
    expected = [project_column(matched(run), side, values).values, values]
    read = """m => m.map.ready.sides.map(({values, places, n, look: {span: [low, high]}}) =>
      [Array.from(places.rows), Array.from(values, (each) => low + each / 65534 * (high - low))])"""
    for of_core, (rows, seen) in zip(expected, shown.evaluate(read), strict=True):
        assert seen == pytest.approx(of_core[rows].tolist(), rel=1e-3, abs=1e-3 * np.ptp(of_core) + 1e-6)
    items = shown.locator(".legend li").all_inner_texts()
    assert items[1] == name
    assert any(feature in each for each in items)  # one scale for both
    picture(page, SCREENSHOTS / "panels_feature_dark.png")
    no_exception(page)
