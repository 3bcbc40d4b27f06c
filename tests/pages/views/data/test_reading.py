"""How a file is read, on the Data page: a table of an archive, roles of all features."""

from __future__ import annotations

import io
import zipfile

from streamlit.testing.v1 import AppTest

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, metrics, press


def test_two_tables_of_one_archive_make_both_sides(empty: Open) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("export/protein.csv", csv(["A", "B"] * 10, prefix="b", n_features=4))
        archive.writestr("export/rna.csv", csv(["A", "B"] * 10))
        archive.writestr("__MACOSX/export/._rna.csv", b"\x00\x05")
    app = empty()
    for side in ("source", "target"):
        hand_over(app, side, "export.zip", content.getvalue())
    parts = [box.value for box in app.selectbox if box.label == "Modality in the file"]
    assert parts == ["export/protein.csv", "export/rna.csv"]
    text = plain_text(app)
    assert "20 cells × 4 features" in text
    assert "20 cells × 3 features" in text
    assert "(0 cells" not in text


def wide(n_features: int = 60) -> bytes:
    return csv(["A", "B"] * 10, n_features=n_features)


def listed(app: AppTest) -> list[str]:
    """The columns that the table of roles lists."""
    tables = [each.value for each in app.dataframe if "use as" in each.value.columns]
    return tables[0]["column"].tolist() if tables else []


def test_every_feature_is_found_in_the_table_of_roles(empty: Open) -> None:
    app = at(hand_over(empty(), "source", "rna.csv", wide()), DataStep.VALUES)
    assert "a_gene59" not in listed(app)
    assert "20 of 60 columns and features are listed" in plain_text(app)
    (search,) = [each for each in app.text_input if each.label == "Find a column or feature"]
    search.set_value("GENE59").run()
    assert not app.exception
    assert listed(app) == ["a_gene59"]
    (search,) = [each for each in app.text_input if each.label == "Find a column or feature"]
    search.set_value("no such").run()
    assert "0 of 60 columns and features are listed" in plain_text(app)


def test_labels_to_keep_are_chosen_and_taken_back(empty: Open) -> None:
    app = empty()
    for side, prefix in (("source", "a"), ("target", "b")):
        hand_over(app, side, f"{prefix}.csv", csv(["A", "B", "C"] * 10, prefix=prefix))
    at(app, DataStep.LABELS)
    assert metrics(app)["Shared labels"] == "3"
    (keep,) = [each for each in app.multiselect if each.label == "Keep only these labels"]
    assert keep.options == ["A", "B", "C"]
    keep.set_value(["A", "C"]).run()
    assert not app.exception
    assert metrics(app)["Shared labels"] == "2"
    press(app, "Undo the last change")
    assert metrics(app)["Shared labels"] == "3"
    (keep,) = [each for each in app.multiselect if each.label == "Keep only these labels"]
    assert keep.value == []


def test_the_table_of_labels_is_asked_for_where_no_column_can_be_the_label(empty: Open) -> None:
    def is_open(content: bytes) -> bool:
        app = at(hand_over(empty(), "source", "rna.csv", content), DataStep.LABELS)
        (box,) = [each for each in app.expander if each.label.startswith("Labels in a separate table")]
        return bool(box.proto.expanded)

    assert not is_open(csv(["A", "B"] * 10))
    lines = csv(["A", "B"] * 10).decode().splitlines()
    without = [",".join(field for at, field in enumerate(line.split(",")) if at != 1) for line in lines]
    assert is_open(("\n".join(without) + "\n").encode())
