"""How large is a report, how soon does it show its maps, and how long does a lasso take?

    python -m benchmarks.report_maps              # 2,000, 20,000 and 50,000 cells a side

The matching is synthetic (random sparse plans of 30 labels), the page is the chapter of the cells with plotly.js, and
the browser is a headless Chromium without a graphics card that opens it as a file. Times are medians of five: from
the start of the navigation to the first maps; of colouring both maps anew; and of a lasso around a tenth of the cells,
from its end until maps, figures and table are painted.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.app import CHROMIUM
from psmatch_core.report.linked_cells import link_cells
from psmatch_core.report.page import Page, render
from tests.report.synthetic import matching

RUNS = 5
SHOWN = """new MutationObserver(() => {
  const cells = document.getElementById("cells");
  if (cells && !cells.hidden && !window.began) {
    window.began = true;
    requestAnimationFrame(() => setTimeout(() => { window.shown = performance.now(); }));
  }
}).observe(document, {subtree: true, attributes: true, childList: true});"""
ONCE = """async (what) => {
  const canvas = document.querySelector("canvas[data-side='0']"), box = canvas.getBoundingClientRect();
  canvas.setPointerCapture = () => {};
  const send = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {button: 0, bubbles: true,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height}));
  const draw = document.getElementById("cells-draw");
  draw.value = "lasso";
  if (what === "lasso") {
    send("pointerdown", 0.65, 0.5);
    for (let at = 0; at < 60; at++) send("pointermove", 0.5 + 0.1 * Math.cos(at / 9.5), 0.5 + 0.1 * Math.sin(at / 9.5));
  }
  const start = performance.now();
  if (what === "lasso") send("pointerup", 0.6, 0.5);
  else document.getElementById("cells-color").dispatchEvent(new Event("change"));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", type=int, default=[2_000, 20_000, 50_000])
    options = parser.parse_args()
    print("| cells a side | file | of it cells | maps shown | maps coloured | lasso |\n|---|---|---|---|---|---|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for n in options.cells:
            page = Page()
            page.heading("Cells and their matches")
            page.cells(link_cells(*matching(n, n, tuple(f"label {i}" for i in range(30)))))
            path = Path(place) / f"{n}.html"
            path.write_text(render(page, "synthetic"), encoding="utf-8")
            times = {kind: f"{value:,.0f} ms" for kind, value in measured(browser, path).items()}
            sizes = f"{path.stat().st_size / 1e6:.1f} MB | {len(page.packed_cells) / 1e6:.1f} MB"
            print(f"| {n:,} | {sizes} | {times['shown']} | {times['color']} | {times['lasso']} |", flush=True)
        browser.close()


def measured(browser: Browser, path: Path) -> dict[str, float]:
    """Median times of one file [ms]."""
    found: dict[str, list[float]] = {"shown": [], "color": [], "lasso": []}
    for _ in range(RUNS):
        context: Any = browser.new_context(viewport={"width": 1440, "height": 1000}, offline=True)
        page = context.new_page()
        page.add_init_script(SHOWN)
        page.goto(path.as_uri())
        page.wait_for_function("window.shown")
        found["shown"].append(page.evaluate("window.shown"))
        page.locator("canvas[data-side='0']").scroll_into_view_if_needed()
        for kind in ("color", "lasso"):
            found[kind].append(page.evaluate(ONCE, kind))
        context.close()
    return {kind: statistics.median(values) for kind, values in found.items()}


if __name__ == "__main__":
    main()
