"""The steps of the Data page in the browser: three clicks, the keyboard alone, a phone in the dark, a wide screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from tests import moments
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import (
    axe,
    drawn,
    fits,
    no_exception,
    part,
    picture,
    press,
    reach,
    run_of,
    settle,
    step,
    upload,
    visit,
)  # fmt: skip
from tests.waiting import until

pytestmark = pytest.mark.browser
TITLES = ("Files", "Labels", "Values", "Match and judge")
LABELS = ("control", "JAK2") * 30
IN_SIGHT = """() => {
    const box = document.querySelector('.st-key-data-steps').getBoundingClientRect();
    return box.bottom > 0 && box.top < window.innerHeight / 2;
}"""


def two_files(place: Path, target: tuple[str, ...] = LABELS) -> dict[str, Path]:
    return {
        "source": moments.table(place / "rna.csv", LABELS, prefix="RNA"),
        "target": moments.table(place / "adt.csv", target, prefix="ADT"),
    }


def at_top_of(page: Page, title: str) -> None:
    """A step is opened at its top: the list is in sight, and the title has the focus."""
    heading = page.get_by_role("heading", name=re.compile(rf"^Step \d of 4: {title}$"))
    expect(heading).to_be_visible()
    settle(page)
    expect(heading).to_be_focused()
    page.wait_for_function(IN_SIGHT)


def test_two_files_are_three_clicks_from_a_judged_run(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    for side, path in two_files(tmp_path).items():
        upload(page, side, path)
    press(page, "Match and judge", exact=True)
    expect(page.get_by_role("heading", name="Match", exact=True, level=1)).to_be_visible()
    assert run_of(page)
    expect(page.get_by_role("button", name="Match again")).to_be_visible()
    expect(page.get_by_text("Labels matched")).to_be_visible()
    no_exception(page)


def choose_by_keyboard(page: Page, side: str, path: Path) -> None:
    """Open the dialog of an uploader with Space; a page that still draws may take the focus away before."""
    button = part(page, f"upload.{side}").get_by_test_id("stBaseButton-secondary")
    opened: list[Any] = []
    page.once("filechooser", lambda chooser: opened.append(chooser))

    def is_open() -> bool:
        button.focus()
        page.keyboard.press("Space")
        page.wait_for_timeout(500)
        return bool(opened)

    until(is_open, "Space opens no dialog")
    opened[0].set_files(str(path))


def test_the_steps_are_walked_by_keyboard_alone(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    for nth, (side, path) in enumerate(two_files(tmp_path, ("control", "STAT1", "JAK2") * 20).items()):
        choose_by_keyboard(page, side, path)
        expect(page.get_by_role("button", name=f"1 Files · {nth + 1} of 2")).to_be_visible()
        settle(page)
    reach(page, "button", "Next: Labels")
    page.keyboard.press("Enter")
    at_top_of(page, "Labels")
    reach(page, "button", "Leave out labels of one modality")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="2 Labels · 2 shared")).to_be_visible()
    settle(page)
    for title in TITLES[2:]:
        reach(page, "button", f"Next: {title}")
        page.keyboard.press("Enter")
        at_top_of(page, title)
    reach(page, "button", "Back: Values")
    page.keyboard.press("Enter")
    at_top_of(page, "Values")
    reach(page, "button", "4 Match and judge")
    page.keyboard.press("Enter")
    at_top_of(page, "Match and judge")
    reach(page, "button", "Match and judge")
    no_exception(page)


def test_what_is_typed_last_is_kept_by_next(server: Server, new_page: Any, tmp_path: Path) -> None:
    page = new_page()
    visit(page, server.url, "Data")
    for side, path in two_files(tmp_path).items():
        upload(page, side, path)
    page.get_by_label("Name in figures and messages").first.fill("my RNA")
    press(page, "Next: Labels")  # the click ends the typing
    at_top_of(page, "Labels")
    expect(page.get_by_test_id("stMain")).to_contain_text("my RNA")
    step(page, "Files")
    expect(page.get_by_label("Name in figures and messages").first).to_have_value("my RNA")
    no_exception(page)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark"), (2560, "light")])
def test_every_step_fits_and_reads_for_everyone(
    server: Server, new_page: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    page = new_page(width=width, height=900, scheme=scheme)
    problems = []
    visit(page, server.url, "Data")
    for side, path in two_files(tmp_path, ("control", "STAT1", "JAK2") * 20).items():
        upload(page, side, path)
    for title in (*TITLES, "Labels"):
        step(page, title)
        drawn(page)
        fits(page, f"{title} at {width} px")
        problems += [f"{title}: {each}" for each in axe(page)]
        picture(page, SCREENSHOTS / f"data_{title.split()[0].lower()}_{width}_{scheme}.png", width=width)
        no_exception(page)
    assert not problems, "\n".join(problems)
