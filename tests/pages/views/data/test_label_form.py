"""Step 2 of the Data page for one modality: labels in a second table, and cells without a label."""

from __future__ import annotations

from io import BytesIO

import pandas as pd

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, loaded, press


def test_cells_without_label_wait_for_a_decision(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10 + [""] * 3, ["A", "B"] * 10, step=DataStep.LABELS)
    assert "3 cells without a label" in plain_text(app)
    press(app, "Drop cells without label")
    assert "Cells without a label: 3 of 23. They are left out" in plain_text(app)
    assert "To continue:" not in plain_text(app)


def test_labels_may_come_in_a_second_table(empty: Open) -> None:
    app = empty()
    table = pd.read_csv(BytesIO(csv(["A", "B"] * 10)))
    hand_over(app, "source", "rna.csv", table.drop(columns="label").to_csv(index=False).encode())
    at(app, DataStep.LABELS)
    assert "No column can serve as the label" in plain_text(app)
    (widget,) = [each for each in app.get("file_uploader") if each.key.startswith("upload.labels.source")]
    widget.set_value(("labels.csv", table[["cell", "label"]].to_csv(index=False).encode(), "text/csv")).run()
    assert not app.exception
    assert not app.error
    assert "A 10, B 10" in plain_text(app)
