"""What a person works in stays the same element when something comes or goes above it, with the keyboard in it.

tests/pages/test_places.py has the law for all pages; here a browser shows that what keeps its place is not built anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Locator, Page, expect

from pages.shell.navigation import PAGES
from pages.shell.places import EMPTY_PLACE
from pages.shell.shipped_demos import unpack_demo
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.score_map import UMAP
from psmatch_core.workspace.run_folder import RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import Server
from tests.e2e.exploring import cell_map, chip, clear, heat_map
from tests.e2e.steps import choose, drawn, no_exception, part, press, settle, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
MARK = "e => { e.isTheSame = true; }"
CANVASES = ".heat-map, .cell-map"
SAME = f"() => [...document.querySelectorAll('{CANVASES}')].map(each => Boolean(each.isTheSame))"
# Wrappers of blocks without any element, and how high the page is with them and without.
HEIGHTS = """() => {
    const page = document.querySelector("[data-testid=stMainBlockContainer]");
    const high = () => page.getBoundingClientRect().height, before = high();
    const empty = [...page.querySelectorAll("[data-testid=stLayoutWrapper] > [data-testid=stVerticalBlock]:empty")];
    for (const each of empty) each.parentElement.remove();
    return [empty.length, before, high()];
}"""
HAS_KEYS = "m => Boolean(m.isTheSame) && m.contains(document.activeElement)"


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    store = RunStore(server.workspace)
    assert unpack_demo("screen", store.runs, server.workspace / "demos")
    (entry,) = store.entries()
    return store.open(entry.id)


def marked(*shown: Locator) -> None:
    for each in shown:
        each.evaluate(MARK)


def are_the_same(page: Page, n: int) -> None:
    """See that the canvases of the page are those that were marked."""
    settle(page)
    drawn(page)
    assert page.evaluate(SAME) == [True] * n


def test_a_shape_half_drawn_by_keys_outlives_the_end_of_a_run(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page()
    done = run.status()
    with run.locked():
        run.write_status(RunStatus(state=RUNNING, stage="halves", pid=os.getpid(), started=time.time()))
        visit(page, f"{server.url}/match?run={run.id}", "Match")
        page.get_by_role("tab", name="Linked maps").click()
        settle(page)
        source, target = cell_map(page, "source"), cell_map(page, "target")
        marked(source, target)
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        source.locator("canvas").focus()
        page.keyboard.press("+")
        page.keyboard.press("Enter")
        expect(source.locator(".says")).to_contain_text("First corner set")
    run.write_status(done)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    are_the_same(page, 2)
    assert source.evaluate(HAS_KEYS)
    expect(source.locator(".says")).to_contain_text("First corner set")
    assert source.evaluate("m => m.map.view.zoom") > 1

    for key in ("ArrowRight", "ArrowDown") * 6:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(chip(page, "RNA cell")).to_be_visible()
    are_the_same(page, 2)
    assert source.evaluate(HAS_KEYS)
    clear(page)
    are_the_same(page, 2)
    assert source.evaluate("m => m.map.view.zoom") > 1
    no_exception(page)


def test_a_warning_leaves_the_keyboard_and_the_heatmap_where_they_are(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    marked(heat_map(page))
    page.locator("summary").filter(has_text="Settings").first.click()
    epsilon = page.get_by_role("spinbutton", name="Epsilon").first
    epsilon.fill("0.2")
    epsilon.evaluate("e => { window.typed = e; }")
    epsilon.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="These results were computed with")).to_be_visible()
    are_the_same(page, 1)
    assert page.evaluate("window.typed.isConnected && window.typed === document.activeElement")
    press(page, "Reset to the preset")
    expect(page.get_by_role("alert").filter(has_text="These results were computed with")).to_have_count(0)
    are_the_same(page, 1)


def test_a_better_map_arrives_on_the_canvas_that_is_there(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page()
    visit(page, f"{server.url}/propensity?run={run.id}", "Propensity")
    source, target = (cell_map(page, side, "cells.map") for side in ("source", "target"))
    marked(source, target)
    choose(page, "Map", "scores by PCA")
    choose(page, "Map", "scores by UMAP")
    until(lambda: files.SCORE_MAP.is_in(run, UMAP), "UMAP was not computed")
    expect(page.get_by_text("UMAP is being computed")).to_have_count(0)
    are_the_same(page, 2)
    no_exception(page)


def test_an_empty_place_takes_no_room(server: Server, run: RunFolder, new_page: Callable[..., Any]) -> None:
    page: Page = new_page()
    seen = 0
    for name, (title, _) in PAGES.items():
        visit(page, f"{server.url}/{name if name != 'data' else ''}?run={run.id}", title)
        drawn(page)
        for each in page.locator(EMPTY_PLACE).all():
            expect(each).to_be_hidden()
        n_empty, before, after = page.evaluate(HEIGHTS)
        assert after == before, title
        seen += n_empty
    assert seen >= len(PAGES)


def test_the_answer_of_a_page_stands_one_gap_below_its_question(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page: Page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    question = page.get_by_test_id("stElementContainer").filter(has_text="Which cells match").bounding_box()
    answer = page.get_by_test_id("stLayoutWrapper").filter(has=part(page, "answer-page")).last.bounding_box()
    assert question is not None
    assert answer is not None
    assert answer["y"] - question["y"] - question["height"] == pytest.approx(16, abs=1)
