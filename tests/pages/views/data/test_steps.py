"""The steps of the Data page: the list with what is done, the way through them, and what is kept on it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell.data_steps import DataStep
from pages.views.data.steps import MOVES
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, links, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, loaded, metrics, press

AB = ["A", "B"] * 10


def listed(app: AppTest) -> list[str]:
    return [each.label for each in app.button if each.key and each.key in {f"data.step.{step}" for step in DataStep}]


def test_the_list_says_what_is_done(empty: Open) -> None:
    app = empty()
    assert listed(app) == ["1 Files · 0 of 2", "2 Labels", "3 Values", "4 Match and judge"]
    hand_over(app, "source", "rna.csv", csv(AB))
    assert listed(app)[0] == "1 Files · 1 of 2"
    hand_over(app, "target", "protein.csv", csv([*"ABC"] * 10, prefix="b", seed=1))
    assert listed(app)[:2] == ["1 Files · 2 of 2", "2 Labels · to decide"]
    press(app, "Next: Labels")
    press(app, "Leave out labels of one modality")
    told = "2 Labels · 2 shared, 2 notes"  # in neither file do the values tell the labels apart
    assert listed(app) == ["1 Files · 2 of 2", told, "3 Values", "4 Match and judge"]


def test_whoever_takes_the_short_way_sees_that_there_are_notes(empty: Open) -> None:
    app = empty()
    for side in ("source", "target"):
        hand_over(app, side, "rna.csv", csv(AB))
    assert listed(app)[1] == "2 Labels · 2 shared, 3 notes"
    assert "the same file was loaded twice" in plain_text(at(app, DataStep.LABELS))


def test_what_is_remarkable_of_the_labels_of_one_file_is_told_beside_its_label_column(empty: Open) -> None:
    app = empty()
    for side, seed in (("source", 0), ("target", 1)):
        hand_over(app, side, f"{side}.csv", csv([*"AB"] * 10 + ["rare"] * 3, prefix=side, seed=seed))
    assert "notes" in listed(app)[1]
    told = plain_text(at(app, DataStep.LABELS))
    assert told.count("1 label has too few cells (under 5): rare (3 cells)") == 2


def test_two_uploads_and_one_button_start_a_run(empty: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three clicks: the first step offers the button as soon as nothing is left to decide."""
    monkeypatch.setattr(RunStore, "_spawn", lambda *_: None)
    app = press(loaded(empty, AB, AB), "Match and judge")
    assert app.title[0].value == "Match"
    assert "run" in app.query_params


def test_one_can_walk_on_and_back(empty: Open) -> None:
    app, seen = loaded(empty, AB, AB), []
    for word in ("Next", "Next", "Next", "Back", "Back", "Back"):
        press(app, f"{word}: ")
        seen.append(app.header[0].value.partition(": ")[2])
    assert seen == ["Labels", "Values", "Match and judge", "Values", "Labels", "Files"]
    assert not [each for each in app.button if each.label.startswith("Back: ")]


def test_what_is_typed_in_a_step_is_kept_by_the_click_that_leaves_it(empty: Open) -> None:
    """A browser sends the end of the typing with the click: both reach the same script."""
    app = loaded(empty, AB, AB)
    names = [each for each in app.text_input if each.label.startswith("Name in figures")]
    names[0].set_value("my RNA")
    press(app, "Next: Labels")
    assert app.session_state["workspace"].source.name == "my RNA"
    assert app.header[0].value == "Step 2 of 4: Labels"
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    minimum.set_value(3)
    press(app, "Next: Values")
    assert app.session_state["workspace"].labels.minimum_cells == 3
    assert app.header[0].value == "Step 3 of 4: Values"


def test_the_step_and_all_choices_outlive_other_steps_and_pages(empty: Open) -> None:
    app = loaded(empty, [*"ABC"] * 10, AB, step=DataStep.LABELS)
    press(app, "Leave out labels of one modality")
    at(app, DataStep.VALUES)
    rules = next(each for each in app.text_area if each.label == "Rules, one per line")
    rules.set_value("label in A, B").run()
    (first, _) = [each for each in app.selectbox if each.label.startswith("Normalize")]
    first.set_value("none").run()
    before = app.session_state["workspace"]
    app.switch_page("pages/match.py").run()
    app.switch_page("pages/data.py").run()
    assert app.header[0].value == "Step 3 of 4: Values"
    for step in (*DataStep, *reversed(DataStep)):
        at(app, step)
    assert app.session_state["workspace"] == before
    assert before.source.cells == ("label in A, B",)
    assert before.source.preprocessing.normalize == "none"


def test_another_page_leads_to_the_step_that_asks(empty: Open) -> None:
    app = loaded(empty, [*"ABC"] * 10, AB)
    app.switch_page("pages/match.py").run()
    assert "Decide on Data" in links(app)
    (asked,) = [each.proto.query_string for each in app.get("page_link") if each.proto.label == "Decide on Data"]
    assert asked == "step=labels"
    app.query_params["step"] = "labels"
    app.switch_page("pages/data.py").run()
    assert app.header[0].value == "Step 2 of 4: Labels"
    assert "step" not in app.query_params


@pytest.mark.parametrize("asked", ["", "nowhere", "<b>"])
def test_a_step_that_does_not_exist_is_the_first(empty: Open, asked: str) -> None:
    app = empty()
    app.query_params["step"] = asked
    app.run()
    assert app.header[0].value == "Step 1 of 4: Files"


def test_every_step_says_what_to_do_without_files(empty: Open) -> None:
    app = empty()
    for step in (DataStep.LABELS, DataStep.VALUES, DataStep.JUDGE):
        assert "To continue: Load a file for the source modality" in plain_text(at(app, step))
        (main,) = [each.label for each in app.button if each.proto.type == "primary"]
        assert main == ("Back: Files" if step is DataStep.LABELS else "Go to step 1: Files")
    assert app.session_state[MOVES] == 3


def test_the_last_step_shows_what_a_run_would_use(empty: Open) -> None:
    app = loaded(empty, AB, AB, step=DataStep.JUDGE)
    table = app.table[0].value
    shown = dict(zip(table.iloc[:, 0], table.iloc[:, 1], strict=True))
    assert shown["**Cells**"] == "20"
    assert shown["**File**"].replace("\\", "") == "rna.csv"
    assert shown["**Label**"].replace("\\", "") == "label (2 in the file)"
    assert "recommended" in plain_text(app)


def test_no_step_has_two_things_to_do_first(empty: Open) -> None:
    for app in (loaded(empty, AB, AB), loaded(empty, [*"ABC"] * 10, AB), empty()):
        for step in DataStep:
            at(app, step)
            assert len([each for each in app.button if each.proto.type == "primary"]) <= 1, step


def test_labels_are_counted_once(full: Open) -> None:
    app = at(full(), DataStep.LABELS)
    assert f"2 Labels · {metrics(app)['Shared labels']} shared" in listed(app)
