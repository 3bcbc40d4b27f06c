"""From the demo's button to a file of pairs: by mouse, by keyboard alone, on a phone; and two visitors at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from pages.shell.navigation import PAGES
from pages.shell.text import number
from psmatch_core.workspace import files
from psmatch_core.workspace.results import load_matching, load_models
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests import moments
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import (
    choose,
    drawn,
    fits,
    go,
    metric,
    no_exception,
    picture,
    press,
    reach,
    run_of,
    settle,
    step,
    upload,
    verdict_line,
    visit,
)

pytestmark = pytest.mark.browser
DEMO = "Demo: perturbation screen"
CHECKED = 40  # pairs that are compared with the coupling


def wait_for_demo(page: Page) -> None:
    expect(page.get_by_text("This demo is finished.")).to_be_visible()
    settle(page)


def check_pairs(pairs: pd.DataFrame, folder: RunFolder) -> None:
    """Pairs as they were downloaded are those of the run's coupling, loaded again from its folder."""
    coupling = load_matching(folder, load_models(folder))
    names = [model.modality.obs_names for model in (coupling.source, coupling.target)]
    assert set(pairs["label"]) == set(coupling.labels)
    for row in pairs.sample(CHECKED, random_state=0).itertuples():
        source, target = coupling.source_cells[row.label], coupling.target_cells[row.label]
        at = int(np.flatnonzero(names[0][source] == row.source_cell)[0])
        weights = np.asarray(coupling[row.label].rows(at, at + 1)[0])
        weights = weights / weights.sum()
        of = int(np.flatnonzero(names[1][target] == row.target_cell)[0])
        assert row.weight == pytest.approx(weights[of], rel=1e-3)
        assert (weights > weights[of] * (1 + 1e-9)).sum() == row.rank - 1


def downloaded(page: Page, into: Path) -> pd.DataFrame:
    with page.expect_download() as download:
        press(page, "pairs.csv")
    download.value.save_as(into)
    return pd.read_csv(into)


def test_the_demo_becomes_a_file_of_pairs(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    press(page, DEMO)
    wait_for_demo(page)
    step(page, "Labels")
    expect(page.get_by_role("strong").filter(has_text="RNA and Image share 13 labels")).to_be_visible()
    step(page, "Files")
    folder = RunStore(server.workspace).open(run_of(page))
    models, report = load_models(folder), files.MONITOR_REPORT.read(folder)
    assert report is not None
    assert verdict_line(page) == f"{report.verdict.title} Labels: {report.counted()}"

    go(page, "Propensity")
    assert metric(page, "Loss [nats]") == number(models[0].validation_loss)
    go(page, "Match")
    assert metric(page, "Labels matched") == "13 of 13"
    go(page, "Monitor")
    assert metric(page, "RNA loss [nats]") == number(models[0].validation_loss)
    box = page.get_by_test_id("stAlert").filter(has_text=f"{report.verdict.title}. Labels: {report.counted()}.")
    expect(box).to_contain_text(report.reasons[0])
    assert metric(page, "Agreement of the matches") == number(report.agreement, 2)
    go(page, "Translate")
    expect(
        page.get_by_role("strong").filter(has_text=re.compile(r": The matching .*: R² within labels .*, uniform plan "))
    ).to_be_visible()
    go(page, "Evaluate")
    judged = json.loads((folder.path / "held_out_evaluation.json").read_text())
    assert metric(page, "FOSCTTM") == f"{judged['micro']['foscttm']:.2f}"  # its interval is about 0.03 wide
    go(page, "Export")
    pairs = downloaded(page, tmp_path / "pairs.csv")
    assert metric(page, "Pairs") == f"{len(pairs):,}"
    check_pairs(pairs, folder)
    no_exception(page)


def test_the_keyboard_alone_leads_from_the_demo_to_the_pairs(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    reach(page, "button", DEMO)
    page.keyboard.press("Enter")
    wait_for_demo(page)
    titles = [title for title, _ in PAGES.values()]
    for title in titles[1:]:
        reach(page, "link", f"Next: {title}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
        settle(page)
        drawn(page)
        if title == "Match":
            reach(page, "tab", "One cell")  # tabs of one group are walked by arrows
            page.keyboard.press("Enter")
            expect(page.get_by_role("combobox", name="Source cell")).to_be_visible()
            settle(page)
    reach(page, "button", "pairs.csv")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "pairs.csv")
    check_pairs(pd.read_csv(tmp_path / "pairs.csv"), RunStore(server.workspace).open(run_of(page)))
    no_exception(page)


def test_a_phone_goes_the_whole_way(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page(width=390, height=844)
    visit(page, server.url, "Data")
    press(page, DEMO)
    wait_for_demo(page)
    seen = {"Match": "Labels matched", "Evaluate": "FOSCTTM", "Export": "Pairs"}
    for title in [title for title, _ in PAGES.values()][1:]:
        page.get_by_role("link", name=f"Next: {title}").click()
        expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
        settle(page)
        drawn(page)
        fits(page, title)
        no_exception(page)
        if title in seen:
            assert metric(page, seen[title]) != "–"
            box = page.get_by_test_id("stMetric").filter(has_text=seen[title]).first.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
    picture(page, SCREENSHOTS / "phone_export.png", width=390)
    check_pairs(downloaded(page, tmp_path / "pairs.csv"), RunStore(server.workspace).open(run_of(page)))


def test_two_visitors_see_only_their_own(server: Server, new_page: Any, tmp_path: Path) -> None:
    one, other = new_page(), new_page()
    visit(one, server.url, "Data")
    press(one, DEMO)
    wait_for_demo(one)
    visit(other, server.url, "Data")
    labels = ("mock", "IFNG") * 30
    for side, name in (("source", "chromatin"), ("target", "surface")):
        upload(other, side, moments.table(tmp_path / f"{name}.csv", labels, prefix=name))
    step(other, "Labels")
    step(one, "Labels")
    expect(other.get_by_role("strong").filter(has_text="chromatin and surface share 2 labels")).to_be_visible()
    expect(one.get_by_text("chromatin.csv")).to_have_count(0)
    expect(other.get_by_role("strong").filter(has_text="RNA and Image share")).to_have_count(0)

    go(other, "Propensity")
    press(other, "Train", exact=True)
    go(one, "Match")  # at the same time
    choose(one, "Label", "JAK2")
    expect(one.get_by_role("combobox", name="Label").first).to_have_value("JAK2")
    expect(other.get_by_role("button", name="Train again")).to_be_visible()
    settle(other)
    expect(other.get_by_role("heading", name="chromatin", exact=True)).to_be_visible()
    assert run_of(one) != run_of(other)
    assert metric(one, "Labels matched") == "13 of 13"
    go(other, "Match")
    expect(other.get_by_text("Not matched yet: press Match.")).to_be_visible()

    visit(other, f"{server.url}/match?run={run_of(one)}", "Match")  # the same run, opened by another visitor
    assert metric(other, "Labels matched") == "13 of 13"
    expect(other.get_by_role("combobox", name="Label").first).to_have_value("control")
    expect(one.get_by_role("combobox", name="Label").first).to_have_value("JAK2")
    no_exception(one)
    no_exception(other)
