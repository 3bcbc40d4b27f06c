"""What else a visit may bring: a deep link, a bad file, hostile labels; a run that outlives its tab and its server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from pages.shell.navigation import PAGES
from pages.shell.text import number
from psmatch_core.pipeline.demo_data import demo
from psmatch_core.workspace.results import load_models
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import HEAVY, Server
from tests.e2e.steps import go, metric, no_exception, part, press, run_of, settle, step, upload, visit

pytestmark = pytest.mark.browser
HOSTILE = "![x](http://evil.example/a.png) <img src=x> http://evil.example :red[a] $b$ :smile:"


def table(path: Path, labels: list[str], prefix: str) -> Path:
    values = np.random.default_rng(len(prefix)).normal(size=(len(labels), 4)).round(3)
    frame = pd.DataFrame(values, columns=[f"{prefix}gene{i}" for i in range(4)])
    frame.insert(0, "label", labels)
    frame.insert(0, "cell", [f"{prefix}{i}" for i in range(len(labels))])
    frame.to_csv(path, index=False)
    return path


def test_a_deep_link_on_a_fresh_server_has_its_sidebar(new_server: Callable[[], Server], new_page: Any) -> None:
    page = new_page()
    visit(page, new_server().url + "/match", "Match")
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link")).to_have_count(len(PAGES))
    expect(page.get_by_text("Nothing is loaded yet.")).to_be_visible()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process has loaded is read from /proc")
def test_the_first_page_waits_for_no_heavy_library(new_server: Callable[[], Server], new_page: Any) -> None:
    """How soon it paints is measured by ``benchmarks.app``; here, that nothing slow is in its way on any machine."""
    server, page = new_server(), new_page()
    visit(page, server.url, "Data")
    expect(page.get_by_role("button", name="Demo: perturbation screen")).to_be_visible()
    assert server.loads(HEAVY) == []


def test_a_bad_file_is_reported_and_a_good_one_follows(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    (tmp_path / "counts.h5ad").write_text("<!DOCTYPE html><html>not found</html>")
    part(page, "upload.source").locator("input[type=file]").set_input_files(str(tmp_path / "counts.h5ad"))
    expect(page.get_by_role("alert").filter(has_text="counts.h5ad")).to_be_visible()
    no_exception(page)
    upload(page, "source", table(tmp_path / "rna.csv", ["A", "B"] * 10, "a"))
    expect(page.get_by_text("20 cells × 4 features")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="counts.h5ad")).to_have_count(0)


def test_labels_and_names_are_shown_as_text(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    name = "<b>a :red[x] $y$ ~z~ *w*.csv"
    upload_as(page, "source", table(tmp_path / name, [HOSTILE, "B"] * 10, "a"))
    upload_as(page, "target", table(tmp_path / "protein.csv", [HOSTILE, "C"] * 10, "b"))
    step(page, "Labels")
    expect(page.get_by_role("heading", name="Labels of both modalities")).to_be_visible()
    main = page.get_by_test_id("stMain")
    for selector in ("img[src*=evil]", "img[src=x]", "a[href*=evil]", ".katex", "[class*=red]"):
        expect(main.locator(selector)).to_have_count(0)
    assert "![x]" in main.inner_text()
    assert "😄" not in main.inner_text()


@pytest.mark.parametrize("after_ms", [350, 500])
def test_a_second_file_dropped_while_the_first_is_copied(
    server: Server, new_page: Any, tmp_path: Path, after_ms: int
) -> None:
    """The second interrupts the script that copies the first: both are taken."""
    page = new_page()
    visit(page, server.url, "Data")
    large = AnnData(np.random.default_rng(0).random((4_000, 4_000), np.float32))
    large.obs["label"] = ["A", "B"] * 2_000
    large.write_h5ad(tmp_path / "large.h5ad")
    part(page, "upload.source").locator("input[type=file]").set_input_files(str(tmp_path / "large.h5ad"))
    page.wait_for_timeout(after_ms)
    small = table(tmp_path / "small.csv", ["A", "B"] * 10, "b")
    part(page, "upload.target").locator("input[type=file]").set_input_files(str(small))
    for size in ("4,000 cells × 4,000 features", "20 cells × 4 features"):
        expect(page.get_by_text(size)).to_be_visible()


def upload_as(page: Any, side: str, path: Path) -> None:
    """Upload a file whose name is not to be looked for in the page."""
    settle(page)
    part(page, f"upload.{side}").locator("input[type=file]").set_input_files(str(path))
    expect(page.get_by_label("Name in figures and messages").nth(0 if side == "source" else 1)).to_be_visible()
    settle(page)


def bring_screen(page: Any, folder: Path) -> None:
    """The cells of the demo as a visitor's own files: they are trained, while the demo opens finished."""
    for side, adata in zip(("source", "target"), demo("screen"), strict=True):
        path = folder / f"{side}_screen.h5ad"
        adata.write_h5ad(path)
        upload(page, side, path)
    expect(page.get_by_role("button", name="2 Labels · 13 shared")).to_be_visible()
    settle(page)


def test_a_run_outlives_its_tab_its_cancelling_and_its_server(
    new_server: Callable[[], Server], new_page: Any, tmp_path: Path
) -> None:
    """Train, close the tab, come back by the address, cancel, restart the server, go on, restart it again, and read."""
    first = new_server()
    page = new_page()
    visit(page, first.url, "Data")
    bring_screen(page, tmp_path)
    go(page, "Propensity")
    press(page, "Train", exact=True)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    run = run_of(page)
    folder = RunStore(first.workspace).open(run)
    page.close()

    page = new_page()
    visit(page, f"{first.url}/propensity?run={run}", "Propensity")
    expect(page.get_by_text("training the propensity models")).to_be_visible()
    assert folder.is_worked_on()
    press(page, "Cancel")
    expect(page.get_by_text("This run was cancelled")).to_be_visible()
    assert not folder.is_worked_on()
    assert not list(folder.path.rglob(".*.partial"))
    first.stop()

    second = new_server()
    page = new_page()
    visit(page, f"{second.url}/propensity?run={run}", "Propensity")
    expect(page.get_by_text("This run was cancelled while training the propensity models.")).to_be_visible()
    press(page, "Continue")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    second.stop()
    assert folder.status().is_active  # the run continues without any server

    third = new_server()
    page = new_page()
    visit(page, f"{third.url}/propensity?run={run}", "Propensity")
    expect(page.get_by_text("First two principal components of held-out propensity scores").first).to_be_visible()
    assert metric(page, "Loss [nats]") == number(load_models(folder)[0].validation_loss)
    no_exception(page)
