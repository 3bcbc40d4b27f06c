"""A third modality on the Data page: loaded, labelled and checked as the others, and removed."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
import pytest

from pages.shell import several
from pages.shell.data_steps import DataStep
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.three_files import (
    LABELS,
    OTHER,
    has_button,
    tables,
    three,
)
from tests.pages.views.data.visitor import at, csv, hand_over, loaded, press


def test_a_third_is_offered_once_two_are_there(empty: Open) -> None:
    uploaders = [each.key for each in empty().get("file_uploader")]
    assert not any(key.startswith("upload.third") for key in uploaders)
    app = loaded(empty, LABELS, LABELS)
    assert any(each.key.startswith("upload.third") for each in app.get("file_uploader"))
    assert not has_button(app, "Match all three")


def test_a_third_file_is_read_labelled_and_chosen_from_as_the_others_are(empty: Open) -> None:
    app = three(empty, OTHER)
    assert "Modality 3" in [each.value for each in app.subheader]
    assert "24 cells × 4 features" in plain_text(app)
    assert app.button(key="data.step.files").label.startswith("1 Files · 3 of 3")
    at(app, DataStep.LABELS)
    boxes = [each for each in app.selectbox if each.label.startswith("Label column")]
    assert [each.value for each in boxes] == ["label"] * 3
    assert "2 labels of 4 are in all three." in plain_text(app)
    (table,) = [each for each in tables(app) if "n_image" in each]
    assert dict(zip(table["label"], table["reason"], strict=True)) == {
        "JAK2": "its label is not in rna, protein", "MYC": "its label is not in image", "STAT1": "", "control": ""
    }  # fmt: skip
    at(app, DataStep.VALUES)
    assert len([each for each in app.selectbox if each.label == "Matrix"]) == 3
    at(app, DataStep.JUDGE)
    assert [each for each in app.get("table")[0].value.columns if each] == ["rna", "protein", "image"]
    (command,) = [each.value for each in app.code if each.value.startswith("psmatch match-many")]
    assert command.startswith("psmatch match-many rna=rna.csv protein=protein.csv image=image.csv --label")
    assert "THIRD_FILE" not in command


def test_a_run_of_two_knows_nothing_of_the_third(empty: Open) -> None:
    app = loaded(empty, LABELS, LABELS)
    before = app.session_state["workspace"].recipe
    hand_over(app, "third", "image.csv", csv(OTHER, prefix="c", seed=2))
    workspace = app.session_state["workspace"]
    assert workspace.recipe == before
    assert not workspace.missing
    assert has_button(app, "Match and judge")


def test_the_third_is_removed_and_nothing_of_it_stays(empty: Open) -> None:
    app = press(three(empty, OTHER), "Remove the third modality")
    assert app.session_state["workspace"].third is None
    assert "image.csv" not in plain_text(app)
    assert app.button(key="data.step.files").label.startswith("1 Files · 2 of 2")
    assert not has_button(app, "Match all three")


@pytest.mark.parametrize(
    ("labels", "name", "said"),
    [
        (["x", "y"] * 12, "image.csv", "No label is shared"),
        (["control", "z"] * 12, "image.csv", "share only one label: control"),
        (["control"] * 24, "image.csv", "Choose the label column of the third modality"),
        (OTHER, "a (1).csv", "cannot be the name of a modality"),
    ],
)
def test_a_third_that_cannot_be_matched_is_told_before_a_start(
    empty: Open, labels: list[str], name: str, said: str
) -> None:
    app = three(empty, labels, name=name)
    assert "To match all three: " in plain_text(app)
    assert said in plain_text(app)
    assert not has_button(app, "Match all three")
    assert has_button(app, "Match and judge")  # the two are not held up
    at(app, DataStep.LABELS)
    at(app, DataStep.JUDGE)


def test_a_name_of_another_modality_is_told(empty: Open) -> None:
    app = three(empty, OTHER)
    (box,) = [each for each in app.text_input if each.value == "image"]
    box.set_value("RNA").run()
    assert not app.exception
    assert "Two modalities are called 'rna' and 'RNA'" in plain_text(app)
    assert not has_button(app, "Match all three")
    (box,) = [each for each in app.text_input if each.value == "RNA"]
    box.set_value("rna").run()
    at(app, DataStep.LABELS)  # the table of labels by modality waits for names that differ
    assert not app.exception


def test_the_same_file_again_is_told_and_has_another_name(empty: Open) -> None:
    app = three(empty, [], name="rna.csv", content=csv(LABELS))
    assert app.session_state["workspace"].third.name == "rna third"
    at(app, DataStep.LABELS)
    assert "the same file was loaded twice" in plain_text(app)


def test_a_third_file_that_is_no_data_is_refused_and_the_place_stays(empty: Open) -> None:
    app = loaded(empty, LABELS, LABELS)
    hand_over(app, "third", "image.csv", b"\x00\x01")
    assert app.error
    assert app.session_state["workspace"].third is None
    assert any(each.key.startswith("upload.third") for each in app.get("file_uploader"))


def test_a_third_file_beside_a_demo_of_two(empty: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(empty(), "Demo: images")
    third = pd.read_csv(BytesIO(csv([f"intervention {i % 3}" for i in range(24)], prefix="c")))
    hand_over(app, "third", "more.csv", third.to_csv(index=False).encode())
    workspace = app.session_state["workspace"]
    assert [side.name for side in several.sides_of(workspace)] == ["Circles", "Squares", "more"]
    assert not app.exception


def test_look_alikes_of_the_third_are_merged_by_a_button_and_the_two_are_left_as_they_are(empty: Open) -> None:
    app = three(empty, ["Control", "Stat1", "MYC"] * 8)
    assert "Merge those that look alike. (step 2)" in plain_text(app)
    before = app.session_state["workspace"].with_run("a run of the two")
    at(app, DataStep.LABELS)
    press(app, "Merge 2 similar labels of image")
    workspace = app.session_state["workspace"]
    assert dict(workspace.labels.rename_target) == {"Control": "control", "Stat1": "STAT1"}
    assert dict(several.several_recipe(workspace).labels.rename_target) == {"Control": "control", "Stat1": "STAT1"}
    assert workspace.recipe == before.recipe  # a run of the two knows nothing of it, and stays open
    assert before.with_labels(workspace.labels).run_id == before.run_id
    text = plain_text(app)
    assert "3 labels of 3 are in all three." in text
    assert "✓ Merged: Control as control, Stat1 as STAT1" in text
    assert "that protein does not have" not in text  # nothing is said of the third's labels to the two
    assert not has_button(app, "Apply the edit")
    assert has_button(app, "Match all three")
    press(app, "Undo the last change")
    assert app.session_state["workspace"].labels.rename_target == ()
    assert has_button(app, "Merge 2 similar labels of image")
