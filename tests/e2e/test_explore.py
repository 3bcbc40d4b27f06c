"""Looking around on Match in a real browser: a dragged slider shows a fresh solve, a lasso the cells of the core."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from psmatch_core.classifiers import LinearClassifier
from psmatch_core.cli import demo_recipe
from psmatch_core.folder import RunFolder
from psmatch_core.knobs import at_value
from psmatch_core.matching import match
from psmatch_core.recipe import Recipe
from psmatch_core.results import load_map, load_matching, load_models
from psmatch_core.run_store import RunStore
from psmatch_core.selection import corners_of, on_map
from psmatch_core.selections import load_selections
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import LONG, no_exception, part, picture, press, settle, visit

pytestmark = pytest.mark.browser
LABEL = "JAK2"


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    """A finished run of the demo, whose ladder of one label is worked out."""
    store = RunStore(server.workspace)
    folder = store.start(demo_recipe(Recipe(classifier=LinearClassifier()), "screen"), name="explored")
    deadline = time.time() + 240
    while folder.status().is_active and time.time() < deadline:
        time.sleep(0.3)
    assert folder.status().state == "done", folder.status()
    return folder


def shown(page: Page, label: str) -> str:
    """The value of a metric."""
    metric = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return metric.get_by_test_id("stMetricValue").last.inner_text()


def test_what_is_dragged_is_a_fresh_solve(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    box = page.get_by_role("combobox", name="Label").first
    box.click()
    page.get_by_role("option", name=LABEL, exact=True).click()
    slider = page.get_by_role("slider")
    expect(slider).to_be_visible(timeout=LONG)
    settle(page)
    models = load_models(run)
    for move in ("ArrowLeft", "ArrowRight"):
        slider.focus()
        for _ in range(4 if move == "ArrowLeft" else 7):
            page.keyboard.press(move)
            settle(page)
        page.wait_for_timeout(500)
        settle(page)
        epsilon = float(shown(page, "ε"))
        assert epsilon != pytest.approx(run.recipe.matcher.epsilon)  # type: ignore[attr-defined]
        fresh = match(*models, at_value(run.recipe.matcher, epsilon))[LABEL]  # type: ignore[arg-type]
        assert float(shown(page, "Effective matches a cell")) == pytest.approx(np.median(fresh.n_effective), rel=0.02)
        expect(page.get_by_role("button", name=re.compile(f"Use ε = {epsilon:g} for all labels"))).to_be_enabled()
        expect(page.locator(".js-plotly-plot").filter(has_text=f"in use: epsilon {epsilon:g}")).to_have_count(1)
    picture(page, SCREENSHOTS / "match_ladder.png")
    press(page, re.compile("^Sharp"))  # type: ignore[arg-type]
    settle(page)
    page.wait_for_timeout(500)
    assert shown(page, "ε") == "0.02"
    no_exception(page)


def test_a_lasso_selects_the_cells_that_the_core_says(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    plot = part(page, "linked").locator(".js-plotly-plot").first
    expect(plot).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    plot.scroll_into_view_if_needed()
    area = part(page, "linked").locator(".nsewdrag").first.bounding_box()
    assert area is not None
    axes = plot.evaluate(
        "p => { const l = p._fullLayout; return [l.xaxis.range.map(Number), l.yaxis.range.map(Number)]; }"
    )
    inner = (0.3, 0.7)
    x = [area["x"] + area["width"] * share for share in inner]
    y = [area["y"] + area["height"] * share for share in inner]
    path = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1]), (x[0], y[0])]
    page.mouse.move(*path[0])
    page.mouse.down()
    for corner in path[1:]:
        page.mouse.move(*corner, steps=10)
    page.mouse.up()
    expect(page.get_by_text(re.compile(r"RNA cells selected"))).to_be_visible(timeout=30_000)
    settle(page)
    no_exception(page)
    picture(page, SCREENSHOTS / "match_linked.png")

    page.get_by_label("Name of this selection").fill("middle")
    page.get_by_label("Name of this selection").press("Enter")
    settle(page)
    press(page, "Save with the run")
    expect(page.get_by_text("Saved selections (1)")).to_be_visible(timeout=30_000)
    coupling, scores = load_matching(run, load_models(run)), load_map(run, "umap")
    assert scores is not None
    (saved,) = load_selections(run, coupling)
    low, high = ([a + (b - a) * share for a, b in axes] for share in inner)
    expected = on_map(scores, "source", corners_of([low[0], high[0]], [low[1], high[1]]))
    assert saved.side == "source"
    assert saved.name == "middle"
    apart = set(saved.names(coupling)) ^ set(expected.names(coupling))
    assert len(apart) <= 0.02 * len(expected), apart  # a pixel of the hand at the edge
    expect(page.get_by_text(f"{len(saved):,} RNA cells selected")).to_be_visible()
    press(page, "Clear", exact=True)
    expect(page.get_by_text("Nothing is selected")).to_be_visible(timeout=30_000)
    no_exception(page)
