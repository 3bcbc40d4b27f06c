"""A page without anything to show says what to do, and never stands blank."""

from __future__ import annotations

import pytest

from pages._shared.navigation import PAGES
from tests.pages.conftest import Open, texts

LATER = tuple(page for page in PAGES if page != "data")


def test_the_first_page_offers_a_demo_and_two_files(empty: Open) -> None:
    app = empty()
    assert app.title[0].value == "Data"
    assert "What do I have" in texts(app)
    assert [button.label for button in app.button if button.label.startswith("Demo")] == [
        "Demo: perturbation screen",
        "Demo: blood cells",
        "Demo: images",
    ]
    assert len(app.get("file_uploader")) == 2


@pytest.mark.parametrize("page", LATER)
def test_later_pages_lead_to_the_data(empty: Open, page: str) -> None:
    app = empty(page)
    assert app.title[0].value == PAGES[page][0]
    assert "?" in app.markdown[0].value  # the question that the page answers
    assert "Load a file" in texts(app)
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_no_run_is_said(empty: Open, page: str) -> None:
    app = empty(page, link="20200101-000000-0123456789ab")
    assert "There is no run with this link" in texts(app)


def test_a_run_id_is_never_a_path(empty: Open) -> None:
    app = empty(link="../../etc")
    assert "There is no run with this link" in texts(app)
