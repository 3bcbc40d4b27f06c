"""Every number that a page puts before a person: read from all pages of a run, and compared with the core's."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from pages.shell.navigation import PAGES
from pages.shell.text import number
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.translators import RidgeTranslator
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import Server
from tests.e2e.numbers_of_pages import (
    LABEL,
    Metric,
    Tab,
    data_numbers,
    evaluate_numbers,
    export_numbers,
    match_numbers,
    monitor_numbers,
    propensity_numbers,
    translate_numbers,
)
from tests.e2e.steps import drawn, no_exception, press, settle, step, verdict_line, visit
from tests.waiting import ended

pytestmark = pytest.mark.browser
READ = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    const seen = (css, of) => [...of.querySelectorAll(css)].filter(each => each.checkVisibility());
    const text = (of, id) => (of.querySelector(`[data-testid=${id}]`)?.innerText ?? '').trim();
    return {
        metrics: seen('[data-testid=stMetric]', main).map(
            each => [text(each, 'stMetricLabel'), text(each, 'stMetricValue'), text(each, 'stMetricDelta')]
        ),
        titles: seen('strong', main).map(each => each.innerText.replaceAll('\\u2060', '')),
        boxes: seen('[data-testid=stAlert]', main).map(each => each.innerText.replace(/\\s+/g, ' ')),
    };
}"""
CELLS = "part => [...part.querySelector('table').rows].map(row => [...row.cells].map(cell => cell.textContent))"


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    """A finished run of the demo with a translator that is trained."""
    recipe = Recipe(classifier=LinearClassifier(), translator=RidgeTranslator())
    folder = RunStore(server.workspace).start(demo_recipe(recipe, "screen"), name="read")
    ended(folder, state=DONE)
    return folder


def test_every_number_on_every_page_is_that_of_the_core(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    opened = ""
    report = files.MONITOR_REPORT.read(run)
    assert report is not None
    for tab in (
        *data_numbers(run),
        *propensity_numbers(run),
        *monitor_numbers(run),
        *match_numbers(run),
        *translate_numbers(run),
        *evaluate_numbers(run),
    ):
        if tab.page != opened:
            visit(page, f"{server.url}/{tab.page if tab.page != 'data' else ''}?run={run.id}", PAGES[tab.page][0])
            opened = tab.page
            if tab.page != "monitor":  # which has it as a box
                assert verdict_line(page) == f"{report.verdict.title} Labels: {report.counted()}"
        check(page, tab)
    no_exception(page)


def check(page: Page, tab: Tab) -> None:
    """Open a tab, and compare all that it says in numbers."""
    if tab.page == "data":
        step(page, tab.name)
    elif tab.name:
        page.get_by_role("tab", name=tab.name, exact=True).click()
        expect(page.get_by_role("tabpanel").get_by_test_id("stElementContainer").first).to_be_visible()
    if tab.name == "Feature pairs":
        press(page, "Match features", exact=True)
    for title in tab.titles:
        expect(page.get_by_role("strong").filter(has_text=re.compile(f"^{re.escape(title)}")).first).to_be_visible()
    settle(page)
    drawn(page)
    shown = page.evaluate(READ)
    where = f"{tab.page}, {tab.name}"
    assert [tuple(each) for each in shown["metrics"]] == list(tab.metrics), where
    boxes = [each for each in shown["boxes"] if re.search(r"\d", each)]
    assert len(boxes) == bool(tab.box), (where, boxes)
    assert not boxes or tab.box in boxes[0], (where, boxes)
    if tab.text:
        expect(page.get_by_test_id("stMain")).to_contain_text(tab.text)
    numbered = [each for each in shown["titles"] if re.search(r"\d", each)]
    assert [each.rstrip(".") for each in numbered] == [each for each in tab.titles if re.search(r"\d", each)], where


def test_the_verdict_goes_with_labels_and_pairs(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    report = files.MONITOR_REPORT.read(run)
    assert report is not None
    row = report.by_label[LABEL]
    visit(page, f"{server.url}/monitor?run={run.id}", "Monitor")
    shown = verdicts_of(page)
    assert len(shown) > 5
    known = report.table().head(len(shown))
    assert shown["Label"].tolist() == known["label"].tolist()
    assert shown["Verdict"].tolist() == known["verdict"].tolist()
    assert shown["Agreement"].astype(float).to_numpy() == pytest.approx(known["agreement"].to_numpy(), abs=0.005)

    visit(page, f"{server.url}/match?run={run.id}", "Match")
    said = f"{row.verdict.value} agreement {number(row.agreement, 2)}: {row.reasons[0]}"
    expect(page.get_by_test_id("stMarkdown").filter(has_text=said)).to_be_visible()
    shown = verdicts_of(page)
    verdicts = {label: each.verdict.value for label, each in report.by_label.items()}
    assert shown["Verdict"].tolist() == [verdicts[label] for label in shown["Label"]]

    visit(page, f"{server.url}/export?run={run.id}", "Export")
    assert read_pairs(page) == list(export_numbers(run).metrics)
    shown, pairs = verdicts_of(page), pd.read_csv(run.exports / "pairs.csv").head(5)
    for name in ("source_cell", "target_cell", "label", "verdict"):
        assert shown[name.capitalize().replace("_", " ")].head(5).tolist() == pairs[name].tolist()
    assert shown["Verdict"].tolist() == [verdicts[label] for label in shown["Label"]]
    no_exception(page)


def read_pairs(page: Page) -> list[Metric]:
    drawn(page)
    return [tuple(each) for each in page.evaluate(READ)["metrics"]]


def verdicts_of(page: Page) -> pd.DataFrame:
    """The visible rows of the table with verdicts, as screen readers get them, by the headings of its columns."""
    found = page.get_by_test_id("stDataFrame").filter(has=page.locator("th").filter(has_text="Verdict"))
    expect(found).to_have_count(1)
    drawn(page)
    head, *rows = found.evaluate(CELLS)
    assert rows
    return pd.DataFrame(rows, columns=head)
