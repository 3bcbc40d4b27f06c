"""Step 2 of the Data page: every decision about labels."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
import pytest

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, in_batches, loaded, metrics, press

HOSTILE = "![x](http://evil.example/a.png) <b>KO</b> :red[hot] $x^2$"


def test_labels_of_one_side_wait_for_a_decision(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C"] * 8, ["A", "B", "D"] * 8, step=DataStep.LABELS)
    assert "Decide what to do with the labels that only one modality has" in plain_text(app)
    press(app, "Leave out labels of one modality")
    assert "To continue:" not in plain_text(app)
    assert "16 cells" in plain_text(app)
    press(app, "Reset label decisions")
    assert "Decide what to do with the labels" in plain_text(app)


def test_look_alikes_become_one(empty: Open) -> None:
    app = loaded(empty, ["KO_A", "KO_B", "ctrl"] * 8, ["ko a", "KO_B ", "ctrl"] * 8, step=DataStep.LABELS)
    before = int(metrics(app)["Shared labels"])
    press(app, "Merge")
    assert int(metrics(app)["Shared labels"]) == 3 > before
    assert "Merged:" in plain_text(app)


def test_suggestions_are_applied_by_their_buttons_and_undone(empty: Open) -> None:
    guides = [f"{gene}_g{i}" for gene in ("MYC", "JAK2") for i in (1, 2)]
    app = loaded(
        empty, [*guides, "non-targeting_1", "Doublet"] * 6, ["MYC", "JAK2", "NT", "Doublet"] * 6, step=DataStep.LABELS
    )
    assert "as guides of 2 names (JAK2_g1 → JAK2" in plain_text(app)
    assert metrics(app)["Shared labels"] == "1"
    press(app, "Collapse 4 guides to 2 genes")
    assert metrics(app)["Shared labels"] == "3"
    press(app, "Join 1 name as NT")
    press(app, "Leave out 1 call")
    assert (metrics(app)["Shared labels"], metrics(app)["Only in source"]) == ("3", "0")
    assert "To continue:" not in plain_text(app)
    press(app, "Reset label decisions")
    assert metrics(app)["Shared labels"] == "1"


def test_doses_in_different_units_become_one_label_by_two_buttons(empty: Open) -> None:
    app = empty()
    drugs = ["JQ1", "JQ1", "Taxol", "Taxol", "DMSO"] * 6
    for side, unit, doses in (("source", "uM", [0.5, 2, 1, 4, 0]), ("target", "nM", [500, 2000, 1000, 4000, 0])):
        table = pd.read_csv(BytesIO(csv(drugs, prefix=side, seed=len(side))))
        table.insert(2, f"dose_{unit}", doses * 6)
        hand_over(app, side, f"{side}.csv", table.to_csv(index=False).encode())
    at(app, DataStep.LABELS)
    assert "Columns dose_uM and dose_nM split the labels further: JQ1 has 0.5, 2" in plain_text(app)
    press(app, "Make the label of label and dose_uM")
    assert metrics(app)["Shared labels"] == "0"
    press(app, "Write 5 doses in one way")
    assert (metrics(app)["Shared labels"], metrics(app)["Only in source"]) == ("5", "0")


def test_every_change_of_the_labels_can_be_undone_step_by_step(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C", "Doublet"] * 8, ["A", "B", "D", "Doublet"] * 8, step=DataStep.LABELS)
    press(app, "Leave out labels of one modality")
    press(app, "Leave out 1 call")
    (maximum,) = [each for each in app.number_input if each.label.startswith("Maximum cells")]
    maximum.set_value(5).run()
    steps = [metrics(app)["Shared labels"]]
    press(app, "Undo the last change")
    (maximum,) = [each for each in app.number_input if each.label.startswith("Maximum cells")]
    assert maximum.value == 0
    press(app, "Undo the last change")
    steps.append(metrics(app)["Shared labels"])
    press(app, "Undo the last change")
    assert steps == ["2", "3"]
    assert "Decide what to do with the labels" in plain_text(app)
    assert "Undo the last change" not in [button.label for button in app.button]


def test_a_cap_below_the_minimum_is_refused_on_the_page(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["A", "B"] * 10, step=DataStep.LABELS)
    for name, value in (("Minimum", 5), ("Maximum", 3)):
        (box,) = [each for each in app.number_input if each.label.startswith(f"{name} cells")]
        box.set_value(value).run()
    assert "no label could be kept" in plain_text(app)


def test_small_labels_are_left_out_from_a_minimum(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10 + ["rare"] * 2, ["A", "B"] * 10 + ["rare"] * 9, step=DataStep.LABELS)
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    minimum.set_value(5).run()
    assert metrics(app)["Too small"] == "1"
    assert metrics(app)["Shared labels"] == "2"


def test_no_shared_label_is_refused_with_both_names(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["X", "Y"] * 10, step=DataStep.LABELS)
    assert "No label is shared" in plain_text(app)
    assert len(app.get("file_uploader")) >= 2  # a table of labels for each


def test_two_files_of_one_modality_are_a_warning_not_an_error(empty: Open) -> None:
    app = empty()
    hand_over(app, "source", "one.csv", csv(["A", "B"] * 10))
    hand_over(app, "target", "two.csv", csv(["A", "B"] * 11, seed=2))
    at(app, DataStep.LABELS)
    assert "look like the same modality" in plain_text(app)
    assert "To continue:" not in plain_text(app)


@pytest.mark.parametrize("step", DataStep)
def test_labels_are_shown_as_text_on_every_step(empty: Open, step: DataStep) -> None:
    app = loaded(empty, [HOSTILE, "B"] * 10, [HOSTILE, "B"] * 10, step=step)
    for element in (*app.markdown, *app.caption, *app.warning, *app.error, *app.info):
        text = element.value
        assert "<b>" not in text.replace("\\<", "")
        assert "![" not in text
        assert "http://" not in text.replace("\\:", ":").replace("\\/", "/")


def test_other_labels_make_the_run_another(full: Open) -> None:
    app = at(full(), DataStep.LABELS)
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    minimum.set_value(60).run()
    assert "run" not in app.query_params


def test_a_dose_becomes_part_of_the_label_of_both_files(empty: Open) -> None:
    app = empty()
    for side, prefix in (("source", "a"), ("target", "b")):
        table = pd.read_csv(BytesIO(csv(["SAHA", "DMSO"] * 20, prefix=prefix, seed=len(side))))
        table["dose"] = [10, 10, 100, 100] * 10
        hand_over(app, side, f"{side}.csv", table.to_csv(index=False).encode())
    at(app, DataStep.LABELS)
    assert metrics(app)["Shared labels"] == "2"
    press(app, "Make the label of label and dose")
    assert metrics(app)["Shared labels"] == "4"
    assert "DMSO | 10 10" in plain_text(app)
    boxes = [each for each in app.selectbox if each.label.startswith("Label column")]
    assert not any("×" in option for box in boxes for option in box.options)


def test_equal_batches_are_made_part_of_the_label_by_one_button(empty: Open) -> None:
    app = hand_over(empty(), "source", "rna.csv", in_batches("a", ["P1", "P2"]))
    hand_over(app, "target", "adt.csv", in_batches("b", ["P1", "P2"]))
    at(app, DataStep.LABELS)
    assert metrics(app)["Shared labels"] == "2"
    assert "cells of different batches then never match" in plain_text(app)
    press(app, "Match within batches")
    app.run()
    assert app.session_state["workspace"].target.label_with == ("batch",)
    assert metrics(app)["Shared labels"] == "4"
    assert not [each for each in app.button if each.label == "Match within batches"]
