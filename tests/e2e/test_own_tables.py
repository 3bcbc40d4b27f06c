"""Tables as a lab has them, put right on the Data page in the browser: missing values and rules on cells.

Roles and names of labels are typed into tables that are drawn on a canvas; tests/pages/views/data has them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from tests.e2e.conftest import Server
from tests.e2e.steps import choose, metric, no_exception, press, settle, step, upload, visit

pytestmark = pytest.mark.browser
N = 60


def rna(folder: Path) -> Path:
    """Counts with one label that the other file spells in another way, and a number by which cells are chosen."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"cell": [f"r{at}" for at in range(N)], "gene": ["JAK2 KO", "MYC", "STAT1"] * (N // 3)})
    frame["gene_id"] = frame["gene"].map({"JAK2 KO": "G1", "MYC": "G2", "STAT1": "G3"})
    genes = pd.DataFrame({f"GENE{at}": draw.poisson(3.0, N) for at in range(30)})
    frame = pd.concat([frame, genes, pd.Series([900, 400, 900, 900, 900, 400] * (N // 6), name="nCount_RNA")], axis=1)
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


def test_what_a_lab_has_is_put_right_in_the_browser(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page(height=1400)
    visit(page, server.url, "Data")
    upload(page, "source", rna(tmp_path))
    upload(page, "target", protein(tmp_path))
    step(page, "Labels")
    for nth in (0, 1):
        choose(page, "Label column", "gene (3 labels)", nth=nth)
    expect(page.get_by_text("Column gene_id repeats the label, value by value.")).to_be_visible()

    # missing values: a word is read as such and said, and filled by one button
    step(page, "Files")
    expect(page.get_by_text("among numbers read as missing values: CD5 (2)")).to_be_visible()
    expect(page.get_by_text("60 cells × 30 features")).to_be_visible()
    step(page, "Values")
    press(page, "Fill them with the median of their feature")
    settle(page)
    expect(
        page.get_by_text("✓ Missing and infinite values: fill them with the median of their feature.")
    ).to_be_visible()

    # a column of numbers that describes cells is no feature, and chooses cells
    page.get_by_text("Cells to use: all").first.click()
    rules = page.get_by_role("textbox", name="Rules, one per line").first
    rules.fill("nCount_RNA > 500")
    rules.press("Control+Enter")
    settle(page)
    step(page, "Files")
    expect(page.get_by_text("20 cells of 60 left out by rule: 20 by nCount_RNA > 500.")).to_be_visible()
    expect(page.get_by_text("40 cells × 30 features")).to_be_visible()
    step(page, "Labels")
    assert (metric(page, "Shared labels"), metric(page, "Only in source")) == ("2", "1")
    no_exception(page)
