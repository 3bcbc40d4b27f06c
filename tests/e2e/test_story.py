"""From two files to matched pairs, as a person does it, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import LONG, choose, go, no_exception, picture, press, upload, visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def linked(server: Server) -> dict[str, str]:
    """What the tests of this file tell each other: the address of the run that the first of them made."""
    return {}


@pytest.mark.data
def test_two_uploads_become_pairs(
    server: Server, new_page: Any, shared: Path, linked: dict[str, str], tmp_path: Path
) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    upload(page, "source", shared / "data" / "bmmc_cite" / "mod1.h5ad")
    upload(page, "target", shared / "data" / "bmmc_cite" / "mod2.h5ad")
    for nth in (0, 1):
        choose(page, "Label column", "label_coarse", nth=nth)
    expect(page.get_by_role("heading", name="Labels of both sides")).to_be_visible()
    no_exception(page)
    picture(page, SCREENSHOTS / "data.png")

    go(page, "Propensity")
    press(page, "Train", exact=True)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=LONG)
    picture(page, SCREENSHOTS / "propensity_working.png")
    expect(page.get_by_role("button", name="Train again")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Calibration error").first).to_be_visible(timeout=LONG)
    no_exception(page)

    go(page, "Match")
    press(page, "Match", exact=True)
    expect(page.get_by_role("button", name="Match again")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Labels matched")).to_be_visible(timeout=LONG)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=LONG)
    no_exception(page)
    found = re.search(r"run=([0-9a-f-]+)", page.url)
    assert found, page.url
    linked["run"] = found.group(1)

    go(page, "Export")
    expect(page.get_by_role("button", name="pairs.csv")).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        press(page, "pairs.csv")
    kept = tmp_path / "pairs.csv"
    download.value.save_as(kept)
    exported = server.workspace / "runs" / linked["run"] / "exports" / "pairs.csv"
    assert kept.read_bytes() == exported.read_bytes()
    pairs = pd.read_csv(kept)
    assert list(pairs.columns) == ["source_cell", "target_cell", "label", "weight", "rank", "n_effective"]
    assert pairs["source_cell"].nunique() == 600
    assert pairs["weight"].between(0, 1).all()
    no_exception(page)
