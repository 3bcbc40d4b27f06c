"""Every page looked at: wide and narrow, light and dark, by axe-core, by keyboard; pictures for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from pages.shell.navigation import PAGES
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.workspace.run_folder import DONE
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import PICTURES, axe, drawn, fits, no_exception, picture, settle, still, visit
from tests.waiting import ended

pytestmark = pytest.mark.browser
WIDTHS = (1280, 390)
INKS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 23, 28)"}  # behind everything, as in .streamlit/config.toml
BEHIND = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"


@pytest.fixture(scope="module")
def run(server: Server) -> str:
    """The id of a finished run of the demo."""
    folder = RunStore(server.workspace).start(
        demo_recipe(Recipe(classifier=LinearClassifier()), "screen"), name="Demo: perturbation screen"
    )
    ended(folder, state=DONE)
    return folder.id


@pytest.mark.parametrize("scheme", INKS)
def test_every_page_fits_its_screen_and_reads_for_everyone(
    server: Server, new_page: Any, run: str, scheme: str
) -> None:
    """Opened on a desk and then made as narrow as a phone: what is loaded narrow, test_demo_story.py walks."""
    page = new_page(scheme=scheme)
    problems = []
    for name, (title, _) in PAGES.items():
        visit(page, f"{server.url}/{name if name != 'data' else ''}?run={run}", title)
        no_exception(page)
        assert page.evaluate(BEHIND) == INKS[scheme], f"{title} is not {scheme}"
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            drawn(page)
            fits(page, f"{title} at {width} px")
            problems += [f"{title}, {width} px: {each}" for each in axe(page)]
            picture(page, SCREENSHOTS / f"{name}_{width}_{scheme}.png", width=width)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    assert not problems, "\n".join(problems)


def test_empty_pages_read_for_everyone(server: Server, new_page: Any) -> None:
    page = new_page()
    problems = []
    for name, (title, _) in PAGES.items():
        visit(page, f"{server.url}/{name if name != 'data' else ''}", title)
        expect(page).to_have_title(f"{title} · psmatch")
        problems += [f"{title}: {each}" for each in axe(page)]
        picture(page, SCREENSHOTS / f"{name}_empty.png")
    assert not problems, "\n".join(problems)


def test_fonts_and_icon_come_from_the_app(server: Server, new_page: Any) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("response", lambda response: asked.append(response.url) if response.ok else None)
    visit(page, server.url, "Data")
    assert any(url.endswith("/app/static/inter.woff2") for url in asked)
    assert page.evaluate("document.fonts.check('16px Inter')")
    icon = page.locator("link[rel~=icon]").first.get_attribute("href") or ""
    assert "//" not in icon or icon.startswith(server.url)


def test_a_downloaded_figure_has_its_title(server: Server, new_page: Any, run: str, tmp_path: Path) -> None:
    page = new_page()
    visit(page, f"{server.url}/?run={run}&step=labels", "Data")
    drawn(page)
    plot = page.locator(".js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    expect(plot.locator(".g-gtitle")).to_be_hidden()
    plot.hover()
    with page.expect_download() as download:
        plot.locator(".modebar-btn[data-title^='Download']").click()
    download.value.save_as(tmp_path / "figure.svg")
    assert "RNA and Image share 13 labels" in (tmp_path / "figure.svg").read_text(encoding="utf-8")


def test_a_hint_that_was_read_stays_away(server: Server, new_page: Any) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    read = page.get_by_role("button", name="Got it")
    expect(read).to_be_visible()
    read.click()
    expect(read).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Demo: perturbation screen")).to_be_visible()
    settle(page)
    still(page)
    expect(read).to_be_hidden()


def test_the_report_opens_without_any_server(server: Server, chromium: Any, run: str, tmp_path: Path) -> None:
    path = write_report(RunStore(server.workspace).open(run), tmp_path / "report.html")
    for width, scheme in ((1280, "light"), (390, "dark")):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error, into=errors: into.append(str(error)))
        page.goto(path.as_uri())
        page.locator(".plot").first.scroll_into_view_if_needed()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        plots = page.locator(".plot")
        expect(page.locator(".plot.js-plotly-plot")).to_have_count(plots.count())
        if PICTURES:
            page.screenshot(path=str(SCREENSHOTS / f"report_{width}_{scheme}.png"))
        assert not errors
        assert not axe(page)
        if scheme == "light":
            with page.expect_download() as download:
                plots.first.hover()
                page.locator(".modebar-btn[data-title='Download as SVG']").first.click()
            download.value.save_as(tmp_path / "figure.svg")
            assert "RNA and Image share 13 labels" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
        context.close()
