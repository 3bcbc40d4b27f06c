"""The pictures of the README and the guide, taken of the app as it is.

    python -m benchmarks.pictures              # all of them, into docs/images
    python -m benchmarks.pictures --only epsilon

The first demo, which comes computed with the app, is opened in a real, headless browser. For the moving picture the
slider of epsilon is dragged from sharp to smooth over one label and back, a screenshot each; the pages are one
screenshot each. Needs Chromium, Playwright and Pillow (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect, sync_playwright

from benchmarks.app import CHROMIUM
from benchmarks.app_server import ROOT, Bench
from pages.shell.shipped_demos import unpack_demo
from tests.e2e.steps import choose, settle, still, visit

IMAGES = ROOT / "docs" / "images"
PAGES = ("Data", "Propensity", "Match", "Monitor", "Translate", "Evaluate", "Export")
LABEL = "STAT1"
FRAME_MS = 350
FRAMES = 20  # positions of the slider, sharp to smooth
SHOWN, SHOWN_TALL = (1280, 1150), 1700  # of the window
ABOVE, MARGIN = 100, 16  # px of what is shown around the slider and its figures
WIDTH = 900  # of the pictures
LARGEST = 1_500_000  # bytes
TO_TOP = "() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("epsilon", "pages"))
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        workspace = Path(place) / "workspace"
        if not unpack_demo("screen", workspace / "runs", workspace / "demos"):
            raise SystemExit("The shipped demo is out of date: python -m pages.shell.shipped_demos")
        (run,) = (workspace / "runs").iterdir()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        bench = Bench(browser, workspace, 1)
        bench.start()
        try:
            page = browser.new_page(viewport={"width": SHOWN[0], "height": SHOWN[1]})
            page.set_default_timeout(180_000)
            expect.set_options(timeout=180_000)
            if options.only != "pages":
                write_moving(frames(page, f"{bench.url}/match?run={run.name}"), options.out / "epsilon.webp")
            if options.only != "epsilon":
                for title in PAGES:
                    name = "" if title == "Data" else title.lower()
                    visit(page, f"{bench.url}/{name}?run={run.name}", title)
                    quiet(page)
                    page.evaluate(TO_TOP)  # a hint that was put away may lie further down
                    write(screenshot(page), options.out / f"page-{title.lower()}.webp")
        finally:
            bench.stop()
            browser.close()


def frames(page: Page, url: str) -> list[Image.Image]:
    """The Match page while the slider moves over the plans of one label, which have all been solved."""
    page.set_viewport_size({"width": SHOWN[0], "height": SHOWN_TALL})
    visit(page, url, "Match")
    choose(page, "Label", LABEL)
    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible()
    quiet(page)
    slider.focus()
    page.keyboard.press("Home")
    quiet(page)
    area = around(page, slider)
    seen = []
    for _ in range(FRAMES):
        quiet(page)
        seen.append(screenshot(page, clip=area))
        slider.focus()
        page.keyboard.press("ArrowRight")
    page.set_viewport_size({"width": SHOWN[0], "height": SHOWN[1]})
    return seen


def quiet(page: Page) -> None:
    """Wait until nothing is computed, drawn or faded in any more; hints are put away."""
    settle(page)
    hint = page.get_by_role("button", name="Got it")
    if hint.count():
        hint.first.click()
        settle(page)
    expect(page.get_by_text("plans solved")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)  # the plans of a slider are being solved
    page.mouse.move(SHOWN[0] - 2, 2)  # no button bar of a figure shows, and no arrow of the sidebar
    still(page)
    page.wait_for_timeout(1_200)  # figures redraw to their size


def around(page: Page, slider: Locator) -> FloatRect:
    """The part of the window from a little above the slider to the end of the figures below it."""
    plots = page.locator(".js-plotly-plot, .heat-map").all()
    boxes = [box for box in (slider.bounding_box(), *(plot.bounding_box() for plot in plots)) if box]
    top, left = boxes[0]["y"] - ABOVE, min(box["x"] for box in boxes) - MARGIN
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes if box["y"] + box["height"] <= SHOWN_TALL)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def screenshot(page: Page, *, clip: FloatRect | None = None) -> Image.Image:
    """What the window shows, or a part of it, in the width of the pictures."""
    taken = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return taken.resize((WIDTH, round(taken.height * WIDTH / taken.width)), Image.Resampling.LANCZOS)


def write(picture: Image.Image, path: Path) -> None:
    """Write one picture."""
    picture.save(path, "WEBP", quality=82, method=6)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def write_moving(seen: list[Image.Image], path: Path) -> None:
    """Write the pictures as a moving one, there and back, that fits a README."""
    there = [*seen, *seen[-2:0:-1]]
    times = [FRAME_MS * (4 if index in (0, len(seen) - 1) else 1) for index in range(len(there))]
    there[0].save(path, "WEBP", save_all=True, append_images=there[1:], duration=times, loop=0, quality=60, method=6)
    size = path.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{path.name} has {size:,} bytes: take fewer frames")
    print(f"{path.name}: {len(seen)} positions, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
