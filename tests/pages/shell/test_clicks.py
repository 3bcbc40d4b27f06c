"""A click is answered, whatever happens between it and the script that draws its button."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[3]
ASKS = """
import streamlit as st
from pages.shell.clicks import clicked, tell_lost_clicks

st.session_state.setdefault("answers", 0)
if st.session_state.pop("overtaken", False):
    st.stop()  # as if another click had ended the script here
if st.session_state.get("is_drawn", True) and BUTTON:
    st.session_state["answers"] += 1
tell_lost_clicks()
"""
PLAIN, OURS = 'st.button("Merge", key="merge")', 'clicked("Merge", key="merge")'
IN_FORM = """
import streamlit as st
from pages.shell.clicks import clicked

st.session_state.setdefault("answers", [])
if st.session_state.pop("overtaken", False):
    st.stop()
with st.form("form"):
    name = st.text_input("Name", key="name")
    pressed = clicked("Select", key="select", in_form=True)
if pressed:
    st.session_state["answers"].append(name)
"""
ACTS = """
import streamlit as st
from pages.shell.clicks import act_on_click, tell_lost_clicks, typed
from psmatch_core.base.errors import PsmatchError

def act():
    if st.session_state.pop("lose the text", False):
        del st.session_state["name"]
    st.session_state["done"] = [*st.session_state.get("done", []), typed("name")]
    if st.session_state.get("fails"):
        raise PsmatchError("The disk is full.", hint="Free space.")

if st.session_state.get("page") != "another":
    st.text_input("Name", key="name")
    if act_on_click("Save", act, key="save"):
        st.write("drawn after it was saved")
tell_lost_clicks()
"""


def app(script: str) -> AppTest:
    return AppTest.from_string(script, default_timeout=60).run()


@pytest.mark.parametrize(("button", "answers"), [(PLAIN, 0), (OURS, 1)])
def test_a_click_that_another_overtakes_is_answered_later(button: str, answers: int) -> None:
    page = app(ASKS.replace("BUTTON", button))
    page.session_state["overtaken"] = True
    page.button(key="merge").click().run()
    page.run()
    assert page.session_state["answers"] == answers


def test_a_click_is_answered_once() -> None:
    page = app(ASKS.replace("BUTTON", OURS))
    page.button(key="merge").click().run()
    page.run()
    page.run()
    assert page.session_state["answers"] == 1
    assert not page.toast


def test_a_click_whose_button_is_gone_is_told_and_not_answered_later() -> None:
    page = app(ASKS.replace("BUTTON", OURS))
    page.session_state["is_drawn"] = False
    page.button(key="merge").click().run()
    assert [each.value for each in page.toast] == [
        "“Merge” was not done: the page changed first. Click it again if you still want it."
    ]
    page.session_state["is_drawn"] = True
    page.run()
    assert page.session_state["answers"] == 0
    assert not page.toast


def test_a_form_that_another_click_overtakes_is_submitted_with_its_values() -> None:
    page = app(IN_FORM)
    page.session_state["overtaken"] = True
    page.text_input(key="name").set_value("responders")
    page.button(key="select").click().run()
    assert page.session_state["answers"] == []
    page.run()
    assert page.session_state["answers"] == ["responders"]


def test_an_action_is_done_also_if_its_page_is_left_at_once() -> None:
    page = app(ACTS)
    page.session_state["page"] = "another"
    page.button(key="save").click().run()
    assert len(page.session_state["done"]) == 1
    assert not page.toast


def test_an_action_reads_what_was_typed_with_the_click() -> None:
    page = app(ACTS)
    page.text_input(key="name").set_value("mine")
    page.button(key="save").click().run()
    assert page.session_state["done"] == ["mine"]
    assert [each.value for each in page.markdown] == ["drawn after it was saved"]
    page.run()
    assert page.session_state["done"] == ["mine"]
    assert not page.markdown


def test_a_text_that_never_arrived_is_not_saved() -> None:
    page = app(ACTS)
    page.session_state["lose the text"] = page.session_state["page"] = "another"
    page.button(key="save").click().run()
    assert "done" not in page.session_state
    assert [each.value.replace("\\", "") for each in page.toast] == [
        "Nothing was saved: the page was left before its text arrived. → Type it again."
    ]


def test_what_failed_stands_under_the_button_once() -> None:
    page = app(ACTS)
    page.session_state["fails"] = True
    page.button(key="save").click().run()
    assert [each.value.replace("\\", "") for each in page.error] == ["**The disk is full.** → Free space."]
    assert not page.markdown
    assert not page.toast
    page.run()
    assert not page.error


def test_what_failed_is_told_on_another_page() -> None:
    page = app(ACTS)
    page.session_state["fails"] = True
    page.session_state["page"] = "another"
    page.button(key="save").click().run()
    assert [each.value.replace("\\", "") for each in page.toast] == ["The disk is full. → Free space."]
    page.run()
    assert not page.toast


def test_no_page_asks_streamlits_own_button() -> None:
    """A button without ``on_click`` tells the script only, and a click on it may get lost."""
    found = []
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("button", "form_submit_button"):
                is_streamlits = ast.unparse(call.func).split(".")[0] in ("st", "left", "right", "place", "column")
                if is_streamlits and "on_click" not in {each.arg for each in call.keywords}:
                    found.append(f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(call)}")
    assert not found


def test_one_script_of_a_visitor_runs_at_a_time() -> None:
    """With fast reruns a second click ends the script of the first before its ``on_click`` was called."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["fastReruns"] is False
