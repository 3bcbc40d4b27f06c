"""What a person does in the app, as steps for tests."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, TimeoutError as PlaywrightTimeout, expect

from tests.waiting import HANG, until

LIST_MS = 5_000  # after which a list of options that a redraw has closed is opened again
PICTURES = bool(os.environ.get("PSMATCH_PICTURES"))
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
# What a page of Streamlit itself brings along, and no app can change; each with the reason.
STREAMLITS_OWN = {
    "scrollable-region-focusable",  # its main column scrolls, and is reached by the page's own controls
}
# What a slow script has not drawn again yet is faded, which nobody chose either.
UNFADED = "[data-stale=true], [data-stale=true] * { opacity: 1 !important; transition: none !important }"
LOST = "DISCONNECTED_FOREVER"
SETTLED_OR_LOST = f"""() => {{
    const app = document.querySelector("[data-testid=stApp]");
    return app && (app.dataset.testScriptState === "notRunning" || app.dataset.testConnectionState === "{LOST}");
}}"""
_MAIN = "document.querySelector('[data-testid=stMain]')"
FITS = f"() => {_MAIN}.scrollWidth <= {_MAIN}.clientWidth + 1"


def settle(page: Page) -> None:
    """Wait until the script has finished; a browser that gave up on a busy server is reloaded, as a person would."""
    page.wait_for_function(SETTLED_OR_LOST, timeout=1000 * HANG / 2)
    app = page.get_by_test_id("stApp")
    if app.get_attribute("data-test-connection-state") == LOST:
        page.reload()
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def visit(page: Page, url: str, title: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    settle(page)


def go(page: Page, title: str) -> None:
    """Follow the sidebar."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    settle(page)


def step(page: Page, title: str) -> None:
    """Go to a step of the Data page by the list of steps."""
    page.get_by_role("button", name=re.compile(rf"\b\d {re.escape(title)}")).click()
    expect(page.get_by_role("heading", name=re.compile(rf"^Step \d of 4: {re.escape(title)}"))).to_be_visible()
    settle(page)


def part(page: Page, key: str) -> Locator:
    """The element whose key begins with ``key``."""
    return page.locator(f"[class*='st-key-{re.sub('[^A-Za-z0-9_-]', '-', key)}']")


def upload(page: Page, side: str, path: Path) -> None:
    """Hand a file to the uploader of a side, and wait until its column names it (the list of runs may before)."""
    settle(page)  # a page that is still drawing may show the uploader of before beside the one of now
    uploader = part(page, f"upload.{side}")
    uploader.locator("input[type=file]").set_input_files(str(path))
    column = page.get_by_test_id("stColumn").filter(has=uploader)
    expect(column.get_by_test_id("stMarkdown").get_by_text(path.name).first).to_be_visible()
    settle(page)


def choose(page: Page, label: str, option: str, *, nth: int = 0) -> None:
    """Pick an option, by the text it begins with, of the selectbox whose label begins with ``label``.

    A page that redraws itself closes an open list; a person then opens it again, and so does this.
    """
    box = page.get_by_role("combobox", name=re.compile(rf"{re.escape(label)}")).nth(nth)
    wanted = page.get_by_role("option", name=re.compile(rf"^{re.escape(option)}")).first

    def is_chosen() -> bool:
        settle(page)
        box.click()
        try:
            wanted.click(timeout=LIST_MS)
        except PlaywrightTimeout:
            page.keyboard.press("Escape")
            return False
        return True

    until(is_chosen, f"no option {option!r} in {label!r}")
    settle(page)


def press(page: Page, name: str, **settings: Any) -> None:
    page.get_by_role("button", name=name, **settings).click()


def no_exception(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)


def drawn(page: Page) -> None:
    """Wait until what the browser loads late (metrics, figures, tables) has taken its place."""
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def still(page: Page) -> None:
    """Wait until nothing fades in or out any more: half-faded text has a colour nobody chose."""
    drawn(page)
    page.wait_for_function(
        "() => document.getAnimations().every(a => a.playState !== 'running' "
        "|| a.effect.getComputedTiming().endTime === Infinity)"
    )


def picture(page: Page, path: Path, *, width: int = 1280) -> None:
    """A screenshot of the whole page for people to look at, where PSMATCH_PICTURES asks for them."""
    drawn(page)
    if not PICTURES:
        return
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(700, min(int(height), 5000))})
    page.wait_for_timeout(800)  # figures redraw to the new size
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path))
    page.set_viewport_size({"width": width, "height": 900})


def fits(page: Page, what: str) -> None:
    """See that the page is no wider than its screen, once its figures have taken the screen's width."""
    try:
        page.wait_for_function(FITS)
    except PlaywrightTimeout:
        raise AssertionError(f"{what} scrolls sideways") from None


def metric(page: Page, label: str) -> str:
    """The value of the first metric with this label."""
    found = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True)).first
    expect(found).to_be_visible()
    settle(page)  # else it may be the value of before
    return found.get_by_test_id("stMetricValue").inner_text()


def verdict_line(page: Page) -> str:
    """The verdict on the run as the page says it, without its icon."""
    line = page.get_by_test_id("stMarkdown").filter(has_text="Labels: ").filter(has=page.locator(".stMarkdownBadge"))
    expect(line).to_be_visible()
    return line.inner_text().partition(" ")[2]


def run_of(page: Page) -> str:
    """The id of the run that the address carries, once it carries one."""
    expect(page).to_have_url(re.compile(r"run=[0-9a-f-]+"))
    found = re.search(r"run=([0-9a-f-]+)", page.url)
    assert found is not None
    return found.group(1)


def axe(page: Page) -> list[str]:
    """Serious and critical violations of WCAG 2.1 A and AA, one line each."""
    still(page)
    page.add_style_tag(content=UNFADED)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']})"
    )
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]} ({'; '.join(c['message'] for c in node['any'])[:200]})"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical") and each["id"] not in STREAMLITS_OWN
        for node in each["nodes"][:3]
    ]


def reach(page: Page, role: str, name: str, *, most: int = 200) -> None:
    """Press Tab (arrows among tabs) until the element has the focus, and see that it shows."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    for _ in range(most):
        if wanted.evaluate("e => e === document.activeElement"):
            break
        on_tab = page.evaluate("document.activeElement.getAttribute('role')") == "tab"
        page.keyboard.press("ArrowRight" if role == "tab" and on_tab else "Tab")
    else:
        raise AssertionError(f"{role} {name!r} is not reached by keyboard")
    shows = "e => { const s = getComputedStyle(e); return s.outlineStyle !== 'none' || s.boxShadow !== 'none' }"
    # a page that is still drawing puts its style sheet on last
    until(lambda: wanted.evaluate(shows), f"{role} {name!r} does not show that it has the focus")
