"""From two files to matched pairs, as a person does it, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from psmatch_core.exports.pairs import PAIR_COLUMNS, VERDICT_COLUMNS
from psmatch_core.workspace.results import load_models
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import HEAVY, SCREENSHOTS, Server
from tests.e2e.steps import choose, go, no_exception, picture, press, settle, step, upload, visit

pytestmark = pytest.mark.browser
TITLES = ("Data", "Propensity", "Match", "Monitor", "Translate", "Evaluate", "Export")


@pytest.fixture(scope="module")
def story(server: Server) -> dict[str, str]:
    """What the tests of this file tell each other: the id of the run that the first of them made."""
    return {}


@pytest.mark.data
def test_two_uploads_become_pairs(
    server: Server, new_page: Any, shared: Path, story: dict[str, str], tmp_path: Path
) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    upload(page, "source", shared / "data" / "bmmc_cite" / "mod1.h5ad")
    upload(page, "target", shared / "data" / "bmmc_cite" / "mod2.h5ad")
    for nth, name in enumerate(("RNA", "Protein")):
        field = page.get_by_label("Name in figures and messages").nth(nth)
        field.fill(name)
        field.press("Enter")
        settle(page)
    step(page, "Labels")
    for nth in (0, 1):
        choose(page, "Label column", "label_coarse", nth=nth)
    found = page.get_by_role("strong").filter(has_text="RNA and Protein share 5 labels")
    expect(found).to_be_visible()
    no_exception(page)

    go(page, "Propensity")
    press(page, "Train", exact=True)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    picture(page, SCREENSHOTS / "propensity_at_work.png")
    expect(page.get_by_role("button", name="Train again")).to_be_visible()
    expect(page.get_by_text("temperature").first).to_be_visible()
    no_exception(page)

    go(page, "Match")
    press(page, "Match", exact=True)
    expect(page.get_by_role("button", name="Match again")).to_be_visible()
    expect(page.get_by_text("Labels matched")).to_be_visible()
    no_exception(page)
    found = re.search(r"run=([0-9a-f-]+)", page.url)
    assert found, page.url
    story["run"] = found.group(1)

    go(page, "Evaluate")
    expect(page.get_by_text("600 held-out pairs").first).to_be_visible()
    no_exception(page)

    go(page, "Export")
    expect(page.get_by_role("button", name="pairs.csv")).to_be_visible()
    with page.expect_download() as download:
        press(page, "pairs.csv")
    kept = tmp_path / "pairs.csv"
    download.value.save_as(kept)
    exported = server.workspace / "runs" / story["run"] / "exports" / "pairs.csv"
    assert kept.read_bytes() == exported.read_bytes()
    pairs = pd.read_csv(kept)
    assert list(pairs.columns) == PAIR_COLUMNS + VERDICT_COLUMNS
    assert pairs["source_cell"].nunique() == 600
    assert pairs["weight"].between(0, 1).all()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download all")).click()
    assert download.value.suggested_filename == f"psmatch-{story['run']}.zip"
    no_exception(page)
    assert server.loads(HEAVY) == []  # the server draws and never trains, so that it stays small and quick
    with page.expect_download() as download:
        press(page, "Report (html)")
    download.value.save_as(tmp_path / "report.html")
    check_report(new_page(), tmp_path / "report.html", RunStore(server.workspace).open(story["run"]))


def check_report(page: Any, path: Path, folder: RunFolder) -> None:
    """The report as it was downloaded: its numbers are those of the run, and every figure is drawn."""
    page.goto(path.as_uri())
    judged = json.loads((folder.path / "held_out_evaluation.json").read_text())
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="foscttm", exact=True))
    shown = [float(text) for text in row.get_by_role("cell").all_inner_texts()[1:]]
    expected = [judged["micro"]["foscttm"], judged["uniform_micro"]["foscttm"], judged["macro"]["foscttm"]]
    assert shown[:3] == pytest.approx(expected, rel=1e-3)
    table = page.get_by_role("table").filter(has_text="label entropy [nats]").filter(has_text="balanced accuracy")
    for model in load_models(folder):
        row = table.get_by_role("row").filter(has=page.get_by_role("cell", name=model.modality.name, exact=True))
        losses = [float(text) for text in row.get_by_role("cell").all_inner_texts()[1:3]]
        assert losses == pytest.approx([model.validation_loss, model.label_entropy], rel=5e-3)
    page.set_viewport_size({"width": 1280, "height": page.evaluate("document.documentElement.scrollHeight")})
    plots = page.locator(".plot")
    expect(page.locator(".plot.js-plotly-plot")).to_have_count(plots.count())
    assert plots.count() >= 6
    bars = page.locator(".plot").first.evaluate("p => p.calcdata.map(t => t.reduce((a, b) => a + Math.abs(b.s), 0))")
    cells = [model.modality.n_cells for model in load_models(folder)]
    assert bars == pytest.approx(cells)  # the mirrored bars hold every cell of both sides


@pytest.mark.data
def test_a_reload_and_another_browser_find_the_run(server: Server, new_page: Any, story: dict[str, str]) -> None:
    if "run" not in story:
        pytest.skip("the run that the first test makes is not there")
    page = new_page()
    visit(page, f"{server.url}/match?run={story['run']}", "Match")
    expect(page.get_by_text("Labels matched")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Labels matched")).to_be_visible()
    for title in TITLES:  # the address keeps the run from page to page
        go(page, title)
        expect(page).to_have_url(re.compile(f"run={story['run']}"))
        no_exception(page)
    go(page, "Data")
    expect(page.get_by_test_id("stMarkdown").get_by_text("mod1.h5ad").first).to_be_visible()
