"""How a file is read, on the Data page: a table of an archive, roles of all features."""

from __future__ import annotations

import io
import zipfile

from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.test_data_page import csv, hand_over


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
