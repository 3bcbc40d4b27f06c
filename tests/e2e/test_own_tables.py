"""Tables as a lab has them, put right on the Data page: roles, rules on cells, missing values, names of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server
from tests.e2e.steps import choose, drawn, metric, no_exception, part, press, settle, upload, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
N = 60


def rna(folder: Path) -> Path:
    """Counts with one label that the other file spells in another way, and a share by which cells are chosen."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"cell": [f"r{at}" for at in range(N)], "gene": ["JAK2 KO", "MYC", "STAT1"] * (N // 3)})
    frame["gene_id"] = frame["gene"].map({"JAK2 KO": "G1", "MYC": "G2", "STAT1": "G3"})
    genes = pd.DataFrame({f"GENE{at}": draw.poisson(3.0, N) for at in range(30)})
    frame = pd.concat([frame, genes, pd.Series([0.9, 0.4, 0.9, 0.9, 0.9, 0.4] * (N // 6), name="grna_frac")], axis=1)
    frame.to_csv(folder / "rna.csv", index=False)
    return folder / "rna.csv"


def protein(folder: Path) -> Path:
    """Values of which a few are missing, by a word."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"cell": [f"p{at}" for at in range(N)], "gene": ["JAK2", "MYC", "STAT1"] * (N // 3)})
    for at in range(8):
        frame[f"CD{at}"] = draw.normal(size=N).round(3).astype(str)
    frame.loc[[3, 7], "CD5"] = "-"
    frame.to_csv(folder / "protein.csv", index=False)
    return folder / "protein.csv"


def type_into(page: Page, editor: str, *, column: int, row: int, text: str) -> None:
    """Type into a cell of an editable table, which is drawn on a canvas: click into the table, then go by arrows."""
    drawn(page)
    part(page, editor).get_by_test_id("stDataFrame").first.click(position={"x": 150, "y": 52})  # in the first row
    page.keyboard.press("Control+Home")
    for _ in range(row):
        page.keyboard.press("ArrowDown")
    for _ in range(column):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    settle(page)


def test_what_a_lab_has_is_put_right_in_the_browser(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page(height=1400)
    visit(page, server.url, "Data")
    upload(page, "source", rna(tmp_path))
    upload(page, "target", protein(tmp_path))
    for nth in (0, 1):
        choose(page, "Label column", "gene (3 labels)", nth=nth)
    expect(page.get_by_text("Column gene_id repeats the label, value by value.")).to_be_visible()

    # missing values: a word is read as such and said, and filled by one button
    expect(page.get_by_text("among numbers read as missing values: CD5 (2)")).to_be_visible()
    press(page, "Fill them with the median of their feature")
    settle(page)
    expect(
        page.get_by_text("✓ Missing and infinite values: fill them with the median of their feature.")
    ).to_be_visible()

    # a column of numbers beyond those that are listed is no feature, and chooses cells
    page.get_by_text("What each column is").first.click()
    search = page.get_by_role("textbox", name="Find a column or feature").first
    search.fill("grna")
    search.press("Enter")
    settle(page)
    type_into(page, "roles.source", column=1, row=0, text="annotation")
    expect(page.get_by_text("What each column is: 1 column changed")).to_be_visible()
    expect(page.get_by_text("60 cells × 30 features")).to_be_visible()
    page.get_by_text("Cells to use: all").first.click()
    rules = page.get_by_role("textbox", name="Rules, one per line").first
    rules.fill("grna_frac > 0.5")
    rules.press("Control+Enter")
    settle(page)
    expect(page.get_by_text("20 cells of 60 left out by rule: 20 by grna_frac > 0.5.")).to_be_visible()
    expect(page.get_by_text("40 cells × 30 features")).to_be_visible()

    # one label renamed in the table of labels: both sides then share it
    assert (metric(page, "Shared labels"), metric(page, "Only in source")) == ("2", "1")
    page.get_by_text("Edit the labels in a table").click()
    type_into(page, "labels.table", column=1, row=1, text="JAK2")
    expect(page.get_by_text("shared labels 2 → 3")).to_be_visible()
    press(page, "Apply the edit")
    settle(page)
    until(lambda: metric(page, "Shared labels") == "3", "the renamed label is not shared")
    assert metric(page, "Only in source") == "0"
    no_exception(page)
