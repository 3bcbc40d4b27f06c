"""A report from a file URL, without any server: what is drawn on one map shows on the other the matches of the core."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Locator, Page, expect

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.coupling import Coupling
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.report.linked_cells import BEST, NOWHERE
from psmatch_core.workspace import files, worker
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.results import load_matching, load_models
from psmatch_core.workspace.run_folder import DONE, RunFolder
from tests.conftest import make_adata
from tests.e2e.conftest import PATIENCE_MS
from tests.report.synthetic import unpacked

pytestmark = pytest.mark.browser
PAD = 12  # px around the cells of a map, as in cells/data.js
STEP = 16  # px of an arrow key


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    place = tmp_path_factory.mktemp("maps")
    specs = []
    for seed, (name, n) in enumerate({"RNA": 240, "ADT": 180}.items()):
        make_adata(n=n, seed=seed).write_h5ad(place / f"{name}.h5ad")
        specs.append(DataSpec(path=str(place / f"{name}.h5ad"), label_key="label", name=name))
    folder = RunFolder.create(place / "runs", Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAPS", ())
        assert worker.execute(RunJob(folder)).state == DONE
    return folder


@pytest.fixture(scope="module")
def coupling(run: RunFolder) -> Coupling:
    return load_matching(run, load_models(run))


@pytest.fixture
def report(run: RunFolder, chromium: Any, tmp_path: Path) -> Iterator[Page]:
    """The report, opened as a file in a browser without a network; whatever goes wrong in it fails the test."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url.startswith(("http", "ws")) else None)
    page.goto(write_report(run, tmp_path / "report.html").as_uri())
    expect(page.locator("#cells")).to_be_visible()
    yield page
    context.close()
    assert not wrong


def places(page: Page, side: str, canvas: Locator) -> np.ndarray:
    """Where the cells of a side are on its map [px]."""
    _, arrays = unpacked(page.locator("#packed-cells").text_content() or "")
    size = np.array(canvas.evaluate("c => [c.clientWidth, c.clientHeight]"), dtype=float) - 2 * PAD
    share = arrays[f"{side}.map0"].reshape(-1, 2) / (NOWHERE - 1)
    share[:, 1] = 1 - share[:, 1]
    return PAD + share * size


def within(xy: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.flatnonzero(((xy > low) & (xy < high)).all(axis=1))


def best_matches(coupling: Coupling, cells: np.ndarray) -> dict[tuple[str, str], float]:
    """The best matches of source cells, and their weights, by the core."""
    names = [model.modality.obs_names for model in (coupling.source, coupling.target)]
    found = {}
    for label, block in coupling.blocks.items():
        index, weight = block.top(BEST)
        for row, cell in enumerate(coupling.source_cells[label]):
            if cell in cells:
                for column, share in zip(index[row], weight[row], strict=True):
                    found[names[0][cell], names[1][coupling.target_cells[label][column]]] = share
    return found


def test_a_rectangle_on_one_map_shows_the_matches_of_the_core(report: Page, coupling: Coupling, tmp_path: Path) -> None:
    canvas = report.locator("canvas[data-side='0']")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    corners = [np.round([box["x"] + share * box["width"], box["y"] + share * box["height"]]) for share in (0.2, 0.6)]
    report.mouse.move(*corners[0])
    report.mouse.down()
    report.mouse.move(*corners[1], steps=5)
    report.mouse.up()
    offset = np.array([box["x"], box["y"]]) + canvas.evaluate("c => [c.clientLeft, c.clientTop]")
    cells = within(places(report, "source", canvas), corners[0] - offset, corners[1] - offset)
    expected = best_matches(coupling, cells)
    assert 5 < cells.size < 200
    marked = len({match for _, match in expected})
    summary = report.locator("#cells-summary")
    expect(summary).to_contain_text(f"{cells.size} RNA cells selected (drawn on the map).")
    expect(summary).to_contain_text(f"The {BEST} best matches of each, {marked} ADT cells in all, hold ")
    with report.expect_download() as download:
        report.get_by_role("button", name="Download these pairs").click()
    download.value.save_as(tmp_path / "pairs.csv")
    with open(tmp_path / "pairs.csv", newline="", encoding="utf-8") as stream:
        shown = {(row["cell"], row["match"]): float(row["weight"]) for row in csv.DictReader(stream)}
    assert shown == pytest.approx(expected, abs=1 / NOWHERE)


def test_a_zoomed_map_selects_what_is_seen_and_moves_with_its_twin(report: Page) -> None:
    canvases = [report.locator(f"canvas[data-side='{at}']") for at in (0, 1)]
    canvases[0].scroll_into_view_if_needed()
    summary = report.locator("#cells-summary")
    report.get_by_role("button", name="Zoom in").first.click()
    whole = places(report, "source", canvases[0])
    size = np.array(canvases[0].evaluate("c => [c.clientWidth, c.clientHeight]"), dtype=float)
    middle = size / 2
    zoomed = middle + 1.6 * (whole - middle)
    for at, side in enumerate(("source", "target")):  # both have the places of one map
        canvases[at].focus()
        for key in ("Enter", *["ArrowRight"] * 8, *["ArrowDown"] * 6, "Enter"):
            report.keyboard.press(key)
        seen = middle + 1.6 * (places(report, side, canvases[at]) - middle)
        n = within(seen, middle, middle + np.array([8, 6]) * STEP).size
        expect(summary).to_contain_text(f"{n} {('RNA', 'ADT')[at]} cells selected (drawn on the map).")
        report.keyboard.press("Escape")
    assert (
        within(zoomed, middle, middle + np.array([8, 6]) * STEP).size
        != within(whole, middle, middle + np.array([8, 6]) * STEP).size
    )
    canvases[0].focus()
    report.keyboard.press("0")
    box = canvases[0].bounding_box()
    assert box is not None
    point = np.round([box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"]])
    report.mouse.move(*point)
    report.mouse.wheel(0, -300)  # by e, around the pointer; Chromium keeps the sign
    offset = point - [box["x"], box["y"]] - canvases[0].evaluate("c => [c.clientLeft, c.clientTop]")
    seen = offset + np.e * (whole - offset)
    ends = [np.round(point + 10), np.round(point + np.array([90, 70]))]
    report.mouse.move(*ends[0])
    report.mouse.down()
    report.mouse.move(*ends[1], steps=4)
    report.mouse.up()
    n = within(seen, ends[0] - point + offset, ends[1] - point + offset).size
    expect(summary).to_contain_text(f"{n} RNA cells selected (drawn on the map).")


def test_cells_are_chosen_by_keys_by_label_by_verdict_and_by_name(report: Page, coupling: Coupling) -> None:
    summary, counted = report.locator("#cells-summary"), report.locator("#pairs-count")
    canvas = report.locator("canvas[data-side='1']")
    canvas.focus()
    for key in ("Enter", *["ArrowRight"] * 8, *["ArrowDown"] * 6, "Enter"):
        report.keyboard.press(key)
    middle = np.array(canvas.evaluate("c => [c.clientWidth / 2, c.clientHeight / 2]"))
    cells = within(places(report, "target", canvas), middle, middle + np.array([8, 6]) * STEP)
    expect(summary).to_contain_text(f"{cells.size} ADT cells selected (drawn on the map).")

    report.locator("#cells-label").select_option(label="B (80 and 60 cells)")
    expect(summary).to_contain_text("80 RNA cells selected (label B).")
    report.locator("#cells-of").select_option("ADT")
    expect(summary).to_contain_text("60 ADT cells selected (label B).")
    expect(report.locator("#cells-selected tbody tr")).to_have_count(1)

    card = report.locator(".card").first
    card.click()
    expect(card).to_have_attribute("aria-pressed", "true")
    report.get_by_role("button", name="Clear").click()
    expect(summary).to_have_text("No cell is selected.")

    report.locator("#pairs-search").fill(str(coupling.source.modality.obs_names[217]).upper())
    report.locator("#pairs-of").select_option("RNA cells")
    expect(counted).to_have_text(f"{BEST} pairs found: the best matches of 1 RNA cell.")
    report.get_by_role("button", name="Select these cells").click()
    expect(summary).to_contain_text("1 RNA cell selected (found by search).")


def test_the_table_draws_only_what_is_seen(report: Page, coupling: Coupling) -> None:
    table = report.locator("#pairs table")
    expect(table).to_have_attribute("aria-rowcount", str(240 * BEST + 1))
    assert report.locator("#pairs tbody tr").count() < 80
    report.locator("#pairs").evaluate("p => p.scrollTop = p.scrollHeight")
    last = str(coupling.source.modality.obs_names[-1])
    expect(report.locator(f"#pairs tr[aria-rowindex='{240 * BEST + 1}'] td").first).to_have_text(last)
    # paper has the first ones, wherever the table was scrolled to; the browser says later that it has moved
    report.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    report.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(report.locator("#pairs tr[aria-rowindex='2']")).to_be_attached()
    expect(report.locator("#pairs-count")).to_contain_text("The first 40 are printed.")
