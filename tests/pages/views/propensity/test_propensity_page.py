"""The Propensity page with a finished run."""

from __future__ import annotations

import pytest

from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts


def test_propensity_shows_both_modalities(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    assert [each.value for each in app.subheader] == ["RNA", "Image"]
    labels = [metric.label for metric in app.metric]
    assert labels == ["Loss [nats]", "Accuracy", "Calibration"] * 2
    assert [tab.label for tab in app.tabs] == [
        "Map of scores",
        "Loss by epoch",
        "Loss by label",
        "Calibration",
        "Confusion",
    ]
    assert "Ridge regression has no epochs" not in texts(app)  # a tab that nobody looks at is not drawn
    app.session_state[f"tabs.{finished.id}"] = "Loss by epoch"
    assert "Ridge regression has no epochs" in texts(app.run())
    app.session_state[f"tabs.{finished.id}"] = "Confusion"
    assert [each.label for each in app.run().segmented_control] == ["Modality"]


@pytest.mark.parametrize("color", ["modality", "loss"])
def test_the_map_takes_every_colour(full: Open, finished: RunFolder, color: str) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select(color).run()
    assert not app.exception


def test_the_map_highlights_one_label(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"highlight.{finished.id}").select("STAT1").run()
    assert not app.exception


def test_the_map_is_coloured_by_a_column_and_a_feature(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("column").run()
    assert not app.exception
    assert app.selectbox(key=f"map.column.{finished.id}").value == "cell"
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("image_07").run()
    assert not app.exception
    assert app.selectbox(key=f"map.feature.{finished.id}").value == "image_07"
    assert "this modality has no such value" in texts(app)
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("nothing like it").run()
    assert not app.exception
    assert "None of the 260 features contains" in texts(app)
