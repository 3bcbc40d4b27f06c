"""What the pages have in common: workspace, text, files, forms, progress."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import run_stages, uploads
from pages.shell.text import duration, number, plain, size
from pages.shell.workspace import START_RULES, Side, Workspace, changed_settings, from_recipe, renamed
from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import LabelRules, Recipe
from tests.pages.conftest import PATIENCE, ROOT

SIDE = Side("/data/a.h5ad", "a.h5ad", None, label_key="label", name="RNA")
OTHER = Side("/data/b.h5ad", "b.h5ad", None, label_key="label", name="ADT")
FULL = Workspace(source=SIDE, target=OTHER, run_id="20200101-000000-0123456789ab")


def test_another_file_or_label_column_drops_the_run() -> None:
    for changed in (
        replace(SIDE, path="/data/c.h5ad"),
        replace(SIDE, label_key="cell_type"),
        replace(SIDE, matrix="raw"),
        replace(SIDE, missing_labels="drop"),
    ):
        assert FULL.with_side("source", changed).run_id == ""


def test_another_name_or_preprocessing_keeps_the_run_to_be_compared() -> None:
    for changed in (replace(SIDE, name="RNA 2"), replace(SIDE, preprocessing=Preprocessing(n_components=9))):
        assert FULL.with_side("source", changed).run_id == FULL.run_id


def test_rules_for_labels_go_with_the_labels() -> None:
    decided = FULL.with_labels(LabelRules(unshared="leave out"))
    assert decided.run_id == ""
    assert decided.with_side("source", replace(SIDE, matrix="raw")).labels == decided.labels
    assert decided.with_side("source", replace(SIDE, label_key="other")).labels == START_RULES


@pytest.mark.parametrize("name", ["recommended", "sharp", "smooth", "paper"])
def test_a_workspace_is_its_recipe_and_back(name: str) -> None:
    recipe = demo_recipe(Recipe.preset(name), "screen")
    workspace = from_recipe(recipe, "x")
    assert workspace.recipe == recipe
    assert workspace.preset == name


def test_changes_are_named_by_their_dotted_name() -> None:
    one = demo_recipe(Recipe(), "screen")
    other = one.with_setting("matcher.epsilon", 0.2).with_setting("seed", 3)
    assert changed_settings(one, other) == [("matcher.epsilon", 0.05, 0.2), ("seed", 0, 3)]
    assert changed_settings(one, other, only=("matcher",)) == [("matcher.epsilon", 0.05, 0.2)]
    assert changed_settings(one, one) == []


def test_renaming_adds_cells_up() -> None:
    assert renamed({"a": 2, "A": 3, "b": 1}, {"A": "a"}) == {"a": 5, "b": 1}


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "![a](http://x/y.png)", "[a](b)", "$x^2$", ":red[x]", "`c`", "*a* _b_", "# h", "~~s~~"]
)
def test_plain_text_has_no_live_mark(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\\", "").replace("\u2060", "") == text
    bare = ""
    previous = ""
    for character in shown:
        bare += " " if previous == "\\" else character
        previous = "" if previous == "\\" else character
    assert not set(bare) & set("<>[]()!$`*_#~")


@pytest.mark.parametrize("text", ["http://evil.example", "www.evil.example", "a@b.example", ":smile:"])
def test_links_and_emoji_are_broken_without_being_seen(text: str) -> None:
    assert text not in plain(text).replace("\\", "")


def test_control_characters_do_not_get_through() -> None:
    assert plain("a\x1b[31m\nb\u202ec").isprintable()


def test_numbers_have_the_digits_they_carry() -> None:
    assert [number(each) for each in (0.0, 0.12345, 1.5, 123.4, 12345.6, 1e-7, float("nan"))] == [
        "0",
        "0.123",
        "1.50",
        "123",
        "12,346",
        "1.00e-07",
        "–",
    ]
    assert [duration(each) for each in (0.2, 30, 600, 7200)] == ["1 s", "30 s", "10 min", "2.0 h"]
    assert [size(each) for each in (12, 2048, 5 * 2**20)] == ["12 bytes", "2.0 kB", "5.0 MB"]


def test_an_upload_lies_under_its_content_and_keeps_its_name(tmp_path: Path) -> None:
    kept = uploads.keep_upload(io.BytesIO(b"abc"), "../../my data.csv", tmp_path)
    again = uploads.keep_upload(io.BytesIO(b"abc"), "../../my data.csv", tmp_path)
    other = uploads.keep_upload(io.BytesIO(b"abd"), "my data.csv", tmp_path)
    assert kept == again
    assert kept.name == other.name == "my data.csv"
    assert kept.parent.parent == tmp_path
    assert kept != other
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.os, "fsync", full)
    with pytest.raises(PsmatchError, match=r"The disk is full: a\.csv could not be written"):
        uploads.keep_upload(io.BytesIO(b"abc"), "a.csv", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_how_much_is_done_never_falls_and_ends_at_one() -> None:
    stages = ["read", "preprocess: A", "preprocess: B", "propensity: A", "propensity: B", "match", "evaluate", "export"]
    events: list[Event] = []
    seen = [0.0]
    for stage in stages:
        for part in (0.2, 1.0):
            events.append(Event(stage, part))
            seen.append(run_stages.fraction(events))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    assert run_stages.fraction(events[:10], stop_after="propensity") == pytest.approx(1.0)


def _form() -> None:
    import json
    from typing import Any

    import streamlit as st

    import psmatch_core.pipeline.recipe  # noqa: F401 - makes every config known
    from pages.shell.forms import config_form
    from psmatch_core.base.config import Config

    data: dict[str, Any] = st.session_state["config"]
    config = Config.from_dict(data)
    result = config_form(config, type(config)(), name="form")
    st.code(json.dumps(result.to_dict()))


@pytest.mark.parametrize(
    "kind",
    [
        "MLPClassifier",
        "LinearClassifier",
        "RecommendedClassifier",
        "SinkhornMatcher",
        "NeighborMatcher",
        "ExactMatcher",
        "UniformMatcher",
        "KnownPairsMatcher",
        "Scoring",
        "Judging",
        "Preprocessing",
        "ExportRules",
    ],
)
def test_a_form_gives_back_the_config_it_shows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    config = Config.from_dict({"kind": kind})
    app = AppTest.from_function(_form, default_timeout=PATIENCE)
    app.session_state["config"] = config.to_dict()
    app.run()
    assert not app.exception
    assert json.loads(app.code[0].value) == config.to_dict()
    options = type(config).options()
    shown = len(app.number_input) + len(app.selectbox) + len(app.toggle) + len(app.text_input)
    assert shown >= len(options) or kind == "RecommendedClassifier"


def test_a_value_out_of_range_is_told_and_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    app = AppTest.from_function(_form, default_timeout=PATIENCE)
    app.session_state["config"] = {"kind": "MLPClassifier"}
    app.run()
    app.text_input[0].set_value("96, many").run()
    assert not app.exception
    assert "Hidden must be whole numbers" in app.error[0].value
    app.text_input[0].set_value("128, 64").run()
    assert json.loads(app.code[0].value)["hidden"] == [128, 64]
