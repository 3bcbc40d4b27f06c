"""Step 3 of the Data page: missing values, rules for cells, and preprocessing."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, in_batches, loaded, metrics, press


def test_missing_values_are_asked_about_and_filled(empty: Open) -> None:
    app = empty()
    broken = pd.read_csv(BytesIO(csv(["A", "B"] * 20)))
    feature = broken.columns[-1]
    broken.loc[[3, 7], feature] = np.nan
    hand_over(app, "source", "rna.csv", broken.to_csv(index=False).encode())
    hand_over(app, "target", "protein.csv", csv(["A", "B"] * 20, prefix="b", seed=1))
    assert "Decide what to do with the missing values of the source modality" in plain_text(app)
    press(app, "Go to step 3")
    largest = next(each for each in app.number_input if each.label.startswith("Largest share"))
    largest.set_value(0.1).run()
    press(app, "Fill them with the median")
    assert "Missing and infinite values: fill them with the median of their feature" in plain_text(app)
    assert "To continue:" not in plain_text(app)
    press(app, "Undo")
    assert "Decide what to do with the missing values" in plain_text(app)


def test_cells_are_chosen_by_rule(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C"] * 10, ["A", "B", "C"] * 10, step=DataStep.VALUES)
    rules = next(each for each in app.text_area if each.label == "Rules, one per line")
    rules.set_value("label in A, B").run()
    assert "20 cells" in plain_text(at(app, DataStep.FILES))
    assert "10 cells of 30 left out by rule" in plain_text(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "2"
    at(app, DataStep.VALUES)
    rules = next(each for each in app.text_area if each.label == "Rules, one per line")
    rules.set_value("size > 3").run()
    assert "no column size" in plain_text(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "2"  # the choice before is still in use


def antibodies(n: int = 40) -> bytes:
    """Counts of four antibodies as a csv."""
    values = np.random.default_rng(0).poisson(30, size=(n, 4))
    table = pd.DataFrame(values, columns=["CD3", "CD4", "CD8a", "CD19"])
    table.insert(0, "label", [*"AB"] * (n // 2))
    table.insert(0, "cell", [f"b{i}" for i in range(n)])
    return table.to_csv(index=False).encode()


def test_a_proposed_preprocessing_is_set_by_its_button_alone(empty: Open) -> None:
    app = at(hand_over(empty(), "source", "adt.csv", antibodies()), DataStep.VALUES)
    side = app.session_state["workspace"].source
    assert side.preprocessing.normalize == "auto"  # nothing is applied unasked
    assert "the centred log-ratio" in plain_text(app)
    press(app, "Use normalize clr")
    app.run()
    assert app.session_state["workspace"].source.preprocessing.normalize == "clr"
    assert [each.value for each in app.selectbox if each.label.startswith("Normalize")] == ["clr"]
    assert not [each for each in app.button if each.label.startswith("Use normalize")]


def test_batches_that_differ_are_offered_to_be_standardised_within(empty: Open) -> None:
    app = hand_over(empty(), "source", "rna.csv", in_batches("a", ["P1", "P2"]))
    assert "the other modality has not the same" not in plain_text(at(app, DataStep.VALUES))  # there is none yet
    at(app, DataStep.FILES)
    hand_over(app, "target", "adt.csv", in_batches("b", ["P1", "P3"]))
    at(app, DataStep.VALUES)
    (button, _) = [each for each in app.button if each.label.startswith("Use batch scaling z")]
    button.click().run()
    app.run()
    assert app.session_state["workspace"].source.preprocessing.batch_key == "batch"
    assert app.session_state["workspace"].target.preprocessing.batch_key == ""
    assert len([each for each in app.button if each.label.startswith("Use batch scaling z")]) == 1
