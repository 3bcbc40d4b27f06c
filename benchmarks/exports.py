"""How many clicks and seconds from three exports of labs to matched pairs, in the app alone?

    python -m benchmarks.exports                        # all three
    python -m benchmarks.exports seurat --pictures DIR  # one, with a screenshot after each step

Cell Ranger with its protospacer calls, Seurat with the calls of HTODemux, CellProfiler profiles with missing values:
files made by benchmarks/export_files.py are loaded into the app in a real, headless browser, and every decision that
the pages ask for is made by their buttons, until pairs.csv is downloaded. A file dropped on the page counts as one
click, a choice from a list as two. The exact click sequence is in this file. Seconds are those of this machine, from
the opened page to the download; training and matching are included.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks import export_files
from benchmarks.app import CHROMIUM
from benchmarks.app_server import Bench
from benchmarks.quality import machine
from tests.e2e.steps import choose, go, part, press, settle, visit

PATIENCE_MS = 600_000


class Walk:
    """One person at the app: what was clicked, and how often."""

    def __init__(self, page: Page, place: Path, pictures: Path | None) -> None:
        self.page, self.place, self.pictures, self.clicks, self.step = page, place, pictures, 0, 0

    def drop(self, place: str, path: Path) -> None:
        """Drop a file on the uploader at ``place``."""
        settle(self.page)
        part(self.page, f"upload.{place}").locator("input[type=file]").set_input_files(str(path))
        expect(self.page.get_by_test_id("stMain").get_by_text(path.name).first).to_be_visible()
        self._done(1, f"drop {path.name}")

    def pick(self, label: str, option: str, *, nth: int = 0) -> None:
        """Choose from a list."""
        choose(self.page, label, option, nth=nth)
        self._done(2, f"{label}: {option}")

    def press(self, name: str, *, nth: int = 0) -> None:
        """Press a button by the beginning of its text."""
        self.page.get_by_role("button", name=name).nth(nth).click()
        self._done(1, f"press {name}")

    def to_pairs(self) -> int:
        """Train, match and download ``pairs.csv``; returns its rows."""
        page = self.page
        go(page, "Propensity")
        self._done(1, "Propensity")
        press(page, "Train", exact=True)
        expect(page.get_by_role("button", name="Train again")).to_be_visible()
        self._done(1, "press Train")
        go(page, "Match")
        self._done(1, "Match")
        press(page, "Match", exact=True)
        expect(page.get_by_role("button", name="Match again")).to_be_visible()
        self._done(1, "press Match")
        go(page, "Export")
        self._done(1, "Export")
        with page.expect_download() as download:
            press(page, "pairs.csv")
        self.clicks += 1
        kept = self.place / "pairs.csv"
        download.value.save_as(kept)
        return len(pd.read_csv(kept))

    def _done(self, clicks: int, what: str) -> None:
        settle(self.page)
        self.clicks += clicks
        self.step += 1
        if self.pictures is not None:
            height = self.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
            self.page.set_viewport_size({"width": 1440, "height": min(int(height) + 50, 5000)})
            self.page.screenshot(path=str(self.pictures / f"{self.step:02d} {what[:40].replace('/', '-')}.png"))
            self.page.set_viewport_size({"width": 1440, "height": 900})


def cell_ranger(walk: Walk) -> int:
    matrix, calls, proteins = export_files.cell_ranger(walk.place)
    walk.drop("source", matrix)
    walk.pick("Modality in the file", "Gene Expression")
    walk.drop("labels.source", calls)
    walk.drop("target", proteins)
    walk.press("Drop cells without label")
    for name in ("Leave out", "Collapse", "Join"):
        walk.press(name)
    return walk.to_pairs()


def seurat(walk: Walk) -> int:
    rna, proteins, calls = export_files.seurat(walk.place)
    walk.drop("source", rna)
    walk.drop("target", proteins)
    walk.drop("labels.target", calls)
    walk.pick("Label column", "HTO_classification (")
    walk.pick("Label column", "HTO_classification (", nth=1)
    for name in ("Leave out 1 call", "Leave out"):
        walk.press(name)
    return walk.to_pairs()


def cell_profiler(walk: Walk) -> int:
    profiles, rna = export_files.cell_profiler(walk.place)
    walk.drop("source", profiles)
    walk.press("Fill them with the median of their feature")
    walk.drop("target", rna)
    walk.pick("Label column", "Metadata_gene")
    walk.press("Join")
    return walk.to_pairs()


EXPORTS: dict[str, Callable[[Walk], int]] = {
    "Cell Ranger outs + protospacer calls": cell_ranger,
    "Seurat h5ad + HTODemux calls": seurat,
    "CellProfiler parquet + RNA": cell_profiler,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exports", nargs="*", metavar="NAME", help="exports whose name contains this; all by default")
    parser.add_argument("--pictures", type=Path, help="folder for a screenshot after each step")
    options = parser.parse_args()
    expect.set_options(timeout=PATIENCE_MS)
    print("| export | files | clicks | seconds | pairs |\n|---|---|---|---|---|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        bench = Bench(browser, Path(place) / "workspace", 1)
        bench.start()
        try:
            for number, (name, walked) in enumerate(EXPORTS.items()):
                if options.exports and not any(each.lower() in name.lower() for each in options.exports):
                    continue
                own = Path(place) / str(number)
                own.mkdir()
                pictures = options.pictures / str(number) if options.pictures else None
                if pictures is not None:
                    pictures.mkdir(parents=True, exist_ok=True)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(PATIENCE_MS)
                visit(page, bench.url, "Data")
                walk, began = Walk(page, own, pictures), time.perf_counter()
                n_pairs = walked(walk)
                seconds, n_files = time.perf_counter() - began, len(list(own.iterdir())) - 1
                print(f"| {name} | {n_files} | {walk.clicks} | {seconds:.0f} | {n_pairs:,} |", flush=True)
                page.close()
        finally:
            bench.stop()
            browser.close()
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
