"""A page without anything to show says what to do, and never stands blank."""

from __future__ import annotations

import pytest

from pages.shell.navigation import PAGES
from pages.shell.workspace import Side, Workspace
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, links, texts

LATER = tuple(page for page in PAGES if page != "data")


def test_the_first_page_offers_a_demo_and_two_files(empty: Open) -> None:
    app = empty()
    assert app.title[0].value == "Data"
    assert "What data do I have" in texts(app)
    assert [button.label for button in app.button if button.label.startswith("Demo")] == [
        "Demo: perturbation screen",
        "Demo: blood cells",
        "Demo: images",
        "Demo: three modalities",
    ]
    assert [each.key.split(".")[1] for each in app.get("file_uploader")] == ["result", "source", "target"]


@pytest.mark.parametrize("page", LATER)
def test_later_pages_lead_to_the_data(empty: Open, page: str) -> None:
    app = empty(page)
    assert app.title[0].value == PAGES[page][0]
    assert "?" in app.markdown[0].value  # the question that the page answers
    assert "Nothing is loaded yet" in texts(app)
    assert "This page will show" in texts(app)
    assert [button.label for button in app.button] == ["Open the demo"]
    assert not app.error


@pytest.mark.parametrize("page", LATER)
@pytest.mark.parametrize(("side", "missing"), [("source", "target"), ("target", "source")])
def test_one_modality_is_reported_as_the_only_one(empty: Open, page: str, side: str, missing: str) -> None:
    app = empty()
    app.session_state["workspace"] = Workspace().with_side(side, demo_like(side))
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    shown = texts(app).replace("\\", "")
    assert f"rna.csv is loaded as the {side}; there is no file for the {missing} yet" in shown
    assert f"Load the {missing} on Data" in links(app)


def demo_like(side: str) -> Side:
    return Side("rna.csv", "rna.csv", None, label_key="label", name="RNA")


def test_what_is_undecided_is_named(empty: Open) -> None:
    app = empty()
    sides = {side: Side("a.csv", "a.csv", None, label_key="label", name="RNA") for side in SIDES}
    app.session_state["workspace"] = Workspace(**sides)
    app.switch_page("pages/match.py").run()
    assert "Give the two modalities different names" in texts(app)
    assert "Decide on Data" in links(app)


def test_an_empty_page_opens_the_last_run(full: Open, finished: RunFolder) -> None:
    app = full("match", link="")
    (button,) = [each for each in app.button if each.label.startswith("Open the last run")]
    assert "the demo" in button.label
    button.click().run()
    assert not app.exception
    assert "Labels matched" in {metric.label for metric in app.metric}
    assert app.query_params["run"] in (finished.id, [finished.id])


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_no_run_is_reported(empty: Open, page: str) -> None:
    app = empty(page, link="20200101-000000-0123456789ab")
    assert "No run has this link" in texts(app)


def test_a_run_id_is_never_a_path(empty: Open) -> None:
    app = empty(link="../../etc")
    assert "No run has this link" in texts(app)
