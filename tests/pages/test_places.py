"""What a person works in keeps its place when a note, a job or a selection comes or goes above it.

A browser knows a block by its number among its neighbours, and makes all that is in a block anew whose number changes.
So each thing with a name of its own (a canvas, a figure, a box, an expander) must stand inside the same blocks before
and after. tests/e2e/test_kept_in_place.py sees the same in a browser.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from pages.shell.data_steps import DataStep
from psmatch_core.exploration.selection import Selection
from psmatch_core.workspace.run_folder import RUNNING, RunFolder, RunStatus
from tests.pages.conftest import Open, opened, opener, texts
from tests.pages.views.data.visitor import hand_over, in_batches, loaded

MATCH_TABS = (
    pytest.param("One label", marks=pytest.mark.slow),
    "Linked maps",
    "One cell",
    "Markers",
    "Effective matches",
)
COMES_AND_GOES = """
import streamlit as st
from pages.shell.places import in_own_place, own_place

@in_own_place
def note():
    if st.session_state.get("comes"):
        st.info("here")

note()
with own_place():
    if st.session_state.get("comes"):
        st.columns(2)[0].text_input("above", key="above")
with st.expander("below"):
    st.text_input("text", key="text")
"""
Places = dict[str, tuple[str, ...]]


@pytest.fixture
def mine(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the finished run, whose state a test may write."""
    runs = tmp_path / "workspace" / "runs"
    runs.mkdir(parents=True)
    return RunFolder(Path(shutil.copytree(finished.path, runs / finished.id)))


@pytest.fixture
def open_mine(mine: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Open:
    return opener(mine.path.parents[1], monkeypatch, run=mine.id)


def places(app: AppTest) -> Places:
    """The blocks around each thing with a name and each expander (by its first words), as a browser knows them."""
    return dict(_places(app.main, ()))


def _places(block: Block, around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, child in block.children.items():
        if isinstance(child, Block):
            inside = (*around, f"{number} {child.type}")
            if child.type == "expander":
                yield f"expander {child.label.partition('(')[0].partition(':')[0]}", inside
            yield from _places(child, inside)
        elif identity := getattr(getattr(child, "proto", None), "id", ""):
            yield identity, around


def stayed(before: Places, app: AppTest, what: str) -> None:
    """See that what is still there stands where it stood."""
    assert not app.exception
    after = places(app)
    both = before.keys() & after.keys()
    assert len(both) > 3, what
    moved = {each: (before[each], after[each]) for each in both if before[each] != after[each]}
    assert not moved, f"{what}: {moved}"


def test_what_comes_and_goes_takes_no_number_from_what_stands_below() -> None:
    app = AppTest.from_string(COMES_AND_GOES).run()
    before = places(app)
    app.session_state["comes"] = True
    app.run()
    assert "here" in texts(app)
    assert {each: place for each, place in places(app).items() if "above" not in each} == before


@pytest.mark.parametrize("tab", MATCH_TABS)
def test_a_selection_moves_nothing(full: Open, finished: RunFolder, tab: str) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", tab)
    before = places(app)
    app.session_state[f"selected.{finished.id}"] = Selection("source", [4, 9, 30], "drawn")
    app.run()
    stayed(before, app, f"{tab}: selected")
    before = places(app)
    app.session_state[f"selected.{finished.id}"] = Selection("target", [7], "clicked on the map")
    app.run()
    stayed(before, app, f"{tab}: another")
    before = places(app)
    app.session_state[f"selected.{finished.id}"] = None
    app.run()
    stayed(before, app, f"{tab}: cleared")


@pytest.mark.parametrize("page", ["propensity", "match", "monitor", "translate", "evaluate", "export"])
def test_a_run_at_work_moves_nothing(open_mine: Open, mine: RunFolder, page: str) -> None:
    done = mine.status()
    app = open_mine(page)
    before = places(app)
    with mine.locked():
        mine.write_status(RunStatus(state=RUNNING, stage="halves", pid=os.getpid(), started=time.time()))
        app.run()
        assert "Cancel" in [each.label for each in app.button]
        stayed(before, app, f"{page}: at work")
        before = places(app)
    mine.write_status(done)
    app.run()
    assert "Cancel" not in [each.label for each in app.button]
    stayed(before, app, f"{page}: done")


@pytest.mark.parametrize("page", ["propensity", "match", "translate"])
def test_settings_that_are_changed_move_nothing(full: Open, page: str) -> None:
    app = full(page)
    before = places(app)
    seed = app.session_state["workspace"].seed + 1
    boxes = [each for each in app.number_input if each.label == "Seed"]
    if boxes:
        boxes[0].set_value(seed).run()
    else:  # another page has its box
        app.session_state["workspace"] = replace(app.session_state["workspace"], seed=seed)
        app.run()
    assert "These results were computed with" in texts(app)
    stayed(before, app, page)


def test_the_picture_of_a_run_moves_no_settings(open_mine: Open, mine: RunFolder) -> None:
    """Whoever types in the settings while a run is at work keeps what is typed."""
    aside = mine.path.with_name("aside")
    names = [each.name for each in mine.path.iterdir() if each.name.startswith("coupling")]
    assert names
    app = open_mine("match")
    after = places(app)
    aside.mkdir()
    for name in names:
        (mine.path / name).rename(aside / name)
    before = places(open_mine("match"))
    settings = [each for each in before.keys() & after.keys() if "matcher" in each]
    assert settings
    assert all(before[each] == after[each] for each in settings)


def test_decisions_on_labels_move_nothing(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "a"] * 10, ["A", "B", "C"] * 10, step=DataStep.LABELS)
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    before = places(app)
    minimum.set_value(20).run()
    stayed(before, app, "minimum")
    before = places(app)
    (undo,) = [each for each in app.button if each.label == "Undo the last change"]
    undo.click().run()
    stayed({each: place for each, place in before.items() if "labels." not in each}, app, "undo")


def test_another_label_column_moves_nothing(empty: Open) -> None:
    app = empty()
    hand_over(app, "source", "rna.csv", in_batches("a", ["1", "2"]))
    hand_over(app, "target", "protein.csv", in_batches("b", ["1", "2"]))
    app.button(key=f"data.step.{DataStep.LABELS}").click().run()
    before = places(app)
    for place in (0, 1):
        box = [each for each in app.selectbox if each.label.startswith("Label column")][place]
        box.select("batch").run()
        stayed(before, app, f"label column {place}")
        before = places(app)
