"""Labels, cells, features and names are text everywhere: on every page of a run, in its report and in its tables."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from pages.shell.navigation import PAGES
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import Server
from tests.e2e.steps import drawn, no_exception, settle, visit
from tests.waiting import ended

pytestmark = pytest.mark.browser
HOSTILE = (
    '<img src=x onerror="window.PWNED=1">', "<svg/onload=window.PWNED=1>", '<a href="http://evil.example/a">go</a>',
    "![p](http://evil.example/p.png)", "[q](http://evil.example/q)", "http://evil.example/auto www.evil.example",
    "$\\frac{1}{2}$ $$x$$", ":material/skull: :smiling_imp: :red[r]", '=HYPERLINK("http://evil.example";"k")',
    "@SUM(1+1)*cmd|'/C calc'!A0", "<marquee>m</marquee> <iframe src=//evil.example>", "-2+3 `c` **b** ~~s~~",
)  # fmt: skip
FOUND = """() => [
    ...[...document.querySelectorAll('*')].filter(each => [...each.attributes].some(
        one => ['src', 'href', 'xlink:href', 'action', 'data'].includes(one.name) && /^[^#].*evil/.test(one.value))),
    ...document.querySelectorAll('marquee, iframe, object, embed, .katex, img[src=x], [onerror], [onload]'),
    ...[...document.querySelectorAll('[data-testid=stIconMaterial]')].filter(each => each.textContent == 'skull'),
].map(each => each.outerHTML.slice(0, 300))"""


def modality(path: Path, seed: int) -> Path:
    """Cells, features and labels with such names."""
    random = np.random.default_rng(seed)
    label = np.repeat(HOSTILE, 16)
    values = random.normal(size=(len(label), len(HOSTILE))) + 2 * np.eye(len(HOSTILE))[np.arange(len(label)) // 16]
    names = [f"{each} {index}" for index, each in enumerate(label)]
    frame = pd.DataFrame(values.round(3), index=names, columns=[f"{each} " for each in HOSTILE])
    frame.insert(0, "label", label)
    frame.to_csv(path, index_label="cell")
    return path


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    sides = {
        side: DataSpec(path=str(modality(server.roots / f"{side}.csv", seed)), label_key="label", name=name)
        for seed, (side, name) in enumerate({"source": HOSTILE[2], "target": HOSTILE[6]}.items())
    }
    recipe = Recipe(classifier=LinearClassifier(), **sides)  # type: ignore[arg-type]
    folder = RunStore(server.workspace).start(recipe, name=HOSTILE[0])
    ended(folder, state=DONE)
    return folder


def check(page: Page, where: str) -> None:
    assert page.evaluate(FOUND) == [], where
    assert page.evaluate("window.PWNED") is None, where
    assert "😈" not in page.inner_text("body"), where
    assert "evil.example" in page.content() or "PWNED" in page.content(), f"{where} shows none of the names"


def test_no_page_of_a_run_makes_more_than_text_of_its_names(
    server: Server, run: RunFolder, new_page: Callable[..., Any]
) -> None:
    page = new_page()
    for name, (title, _) in PAGES.items():
        visit(page, f"{server.url}/{name if name != 'data' else ''}?run={run.id}", title)
        drawn(page)
        no_exception(page)
        check(page, title)
        for tab in page.get_by_role("tab").all():
            tab.click()
            settle(page)
            drawn(page)
            check(page, f"{title}, {tab.inner_text()}")


@pytest.fixture
def offline(chromium: Any) -> Iterator[Page]:
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


def test_nor_does_its_report(run: RunFolder, offline: Page, tmp_path: Path) -> None:
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    path = write_report(run, tmp_path / "report.html")
    offline.goto(path.as_uri())
    offline.locator(".plot").first.scroll_into_view_if_needed()
    expect(offline.locator(".js-plotly-plot").first).to_be_visible()
    check(offline, "report")
    assert not [each for each in asked if each.startswith("http")]


def test_no_table_holds_a_formula(run: RunFolder) -> None:
    tables, cells = list(run.exports.rglob("*.csv")), 0
    for path in tables:
        with open(path, newline="", encoding="utf-8") as stream:
            for row in csv.reader(stream):
                for cell in row:
                    cells += 1
                    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or is_number(cell), (path.name, cell)
    assert len(tables) > 1
    assert cells > 1000


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
