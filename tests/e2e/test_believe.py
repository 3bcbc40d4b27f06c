"""Whether to believe it, in a real browser: a sweep from its budget to the undo of its deletion, tabs, the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.translation.translators import RidgeTranslator
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.results import load_figures
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.exploring import cell_map
from tests.e2e.steps import choose, drawn, fits, no_exception, part, picture, press, settle, visit
from tests.waiting import ended

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    """A finished run of the demo with a translator that is trained."""
    recipe = Recipe(classifier=LinearClassifier(), translator=RidgeTranslator())
    folder = RunStore(server.workspace).start(demo_recipe(recipe, "screen"), name="believed")
    ended(folder, state=DONE)
    return folder


def test_a_sweep_from_its_budget_to_the_undo(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/monitor?run={run.id}", "Monitor")
    page.get_by_text("Start a sweep over settings").click()
    values = page.get_by_label(re.compile("^Values of matcher"))
    values.fill("0.03, 0.05, 0.3")
    values.press("Enter")
    expect(page.get_by_text("3 runs, one after another")).to_be_visible()
    page.get_by_text("Measure the agreement of halves").click()
    settle(page)
    press(page, "Start the sweep (3 runs)")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.reload()  # the sweep continues without its page
    finding = page.get_by_role("strong").filter(has_text="over 3 runs, too few to rely on")
    expect(finding).to_be_visible()
    (sweep,) = jobs_at(SweepJob, server.workspace / "sweeps")
    assert sweep.base_id == run.id
    own = load_figures(run).foscttm  # its second point has the run's own settings
    assert load_figures(sweep.runs[1]).foscttm == pytest.approx(own)

    settle(page)
    part(page, "compared.tabs").get_by_role("tab", name="Against the truth").click()
    expect(page.get_by_role("combobox", name="Measure of the truth")).to_be_visible()
    drawn(page)
    no_exception(page)

    press(page, "More", exact=True)
    settle(page)
    name = page.get_by_label("Name", exact=True)
    name.fill("how sharp is good")
    name.press("Enter")
    press(page, "Rename", exact=True)
    expect(page.get_by_role("combobox", name="Runs to compare")).to_have_value(re.compile("how sharp is good"))
    settle(page)
    gone = page.get_by_role("button", name="Delete this sweep")
    if not gone.is_visible():  # the menu stays open, or a page that redraws itself has closed it
        press(page, "More", exact=True)
    gone.click()
    expect(page.get_by_text("The sweep was deleted.")).to_be_visible()
    assert jobs_at(SweepJob, server.workspace / "sweeps") == []
    settle(page)
    press(page, "Undo")
    expect(page.get_by_text("The sweep was deleted.")).to_have_count(0)
    assert [each.name for each in jobs_at(SweepJob, server.workspace / "sweeps")] == ["how sharp is good"]
    no_exception(page)


def test_translate_finds_a_feature_and_says_where_there_is_none(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/translate?run={run.id}", "Translate")
    search = page.get_by_label("Find a feature")
    search.fill("image_07")
    search.press("Enter")
    expect(
        page.get_by_role("strong").filter(
            has_text=re.compile("^image_07: The matching .* within labels .*, uniform plan ")
        )
    ).to_be_visible()
    search.fill("no such thing")
    search.press("Enter")
    expect(page.get_by_text("contains no such thing")).to_be_visible()
    page.get_by_role("tab", name="All features").click()
    expect(page.get_by_text("What the matching adds").first).to_be_visible()
    picture(page, SCREENSHOTS / "translate_all_features.png")
    no_exception(page)


def test_many_labels_have_families_and_panels(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page(width=390, height=800)
    visit(page, f"{server.url}/propensity?run={run.id}", "Propensity")
    expect(page.get_by_text("A family is a group of labels")).to_be_visible()  # 13 labels, 8 hues
    choose(page, "Labels", "side by side")
    expect(page.get_by_role("strong").filter(has_text="13 labels side by side")).to_be_visible()
    settle(page)
    shown = cell_map(page, "panels", "cells.map")
    assert len(set(shown.evaluate("m => m.map.ready.boxes.map(({left}) => Math.round(left))"))) == 2  # in a row
    fits(page, "a page of panels")
    picture(page, SCREENSHOTS / "label_panels_390.png", width=390)
    no_exception(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_draws_itself_without_a_server(
    run: RunFolder, new_page: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(write_report(run, tmp_path / "report.html").as_uri())
    figures = page.locator(".plot").count()
    assert figures >= 12
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")  # whoever prints sees every figure
    expect(page.locator(".plot .main-svg:first-child")).to_have_count(figures)
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert not wrong
