"""A form gives back the config that it shows, and rejects what the config rejects."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from psmatch_core.base.config import Config
from tests.pages.conftest import PATIENCE, ROOT


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


def test_an_invalid_value_is_reported_and_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    app = AppTest.from_function(_form, default_timeout=PATIENCE)
    app.session_state["config"] = {"kind": "MLPClassifier"}
    app.run()
    app.text_input[0].set_value("96, many").run()
    assert not app.exception
    assert "Hidden must be whole numbers" in app.error[0].value
    app.text_input[0].set_value("128, 64").run()
    assert json.loads(app.code[0].value)["hidden"] == [128, 64]


def test_names_are_typed_with_commas() -> None:
    app = AppTest.from_function(_form, default_timeout=PATIENCE)
    app.session_state["config"] = {"kind": "Preprocessing", "batch_controls": ["DMSO"]}
    app.run()
    (field,) = [each for each in app.text_input if each.label.startswith("Controls of a batch")]
    assert field.value == "DMSO"
    field.set_value("DMSO, non-targeting ,").run()
    assert json.loads(app.code[0].value)["batch_controls"] == ["DMSO", "non-targeting"]
