"""Step 1 of the Data page: files of every kind, good and bad."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, loaded, metrics


def test_two_uploads_are_looked_into_and_kept_on_disk(empty: Open, tmp_path: Path) -> None:
    app = loaded(empty, ["KO_A", "KO_B"] * 10, ["KO_A", "KO_B"] * 12)
    kept = sorted(path.name for path in (tmp_path / "workspace" / "uploads").rglob("*") if path.is_file())
    assert kept == ["protein.csv", "rna.csv"]
    assert "Labels: column label, 2 labels" in plain_text(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "2"


def test_a_refused_file_says_why_and_leaves_the_other_choice(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["A", "B"] * 10)
    hand_over(app, "source", "counts.h5ad", b"<!DOCTYPE html><html>not found</html>")
    assert "counts.h5ad" in app.error[0].value.replace("\\", "")
    assert "is still in use" in plain_text(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "2"
    at(app, DataStep.FILES)
    hand_over(app, "source", "rna2.csv", csv(["A", "B"] * 9))
    assert not app.error


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(50), b"\x00" * 200])
def test_a_damaged_file_leaves_the_page_usable(empty: Open, content: bytes) -> None:
    app = hand_over(empty(), "source", "data.h5ad", content)
    assert "data.h5ad" in app.error[0].value.replace("\\", "")
    assert [each.key.split(".")[1] for each in app.get("file_uploader")] == ["result", "source", "target"]


def test_two_names_must_differ(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["A", "B"] * 10)
    names = [each for each in app.text_input if each.label.startswith("Name in figures")]
    names[1].set_value("rna").run()
    assert "different names" in plain_text(app)


def test_a_path_outside_the_open_folders_is_refused(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "rna.csv").write_bytes(csv(["A", "B"] * 10))
    (tmp_path / "secret.csv").write_bytes(csv(["A", "B"] * 10))
    (tmp_path / "open" / "link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "open" / "workspace" / "uploads").mkdir(parents=True)
    (tmp_path / "open" / "workspace" / "uploads" / "other.csv").write_bytes(csv(["A", "B"] * 10))
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(tmp_path / "open" / "workspace"))
    monkeypatch.setenv("PSMATCH_DATA_ROOTS", str(tmp_path / "open"))
    app = empty()
    for asked in (
        str(tmp_path / "secret.csv"),
        "../secret.csv",
        "link.csv",
        "workspace/uploads/other.csv",
        "nothing.csv",
        "",
    ):
        (path,) = [each for each in app.text_input if each.key.startswith("path.source")]
        path.set_value(asked)
        app.button(key="open.source").click().run()
        assert "Choose a file below" in plain_text(app), asked
    (path,) = [each for each in app.text_input if each.key.startswith("path.source")]
    path.set_value("rna.csv")
    app.button(key="open.source").click().run()
    assert not app.error
    assert "20 cells × 3 features" in plain_text(app)


def test_of_a_file_with_two_modalities_each_side_takes_one(empty: Open, tmp_path: Path) -> None:
    path = two_modalities(tmp_path / "cells.h5mu")
    app = hand_over(empty(), "source", "cells.h5mu", path.read_bytes())
    hand_over(app, "target", "cells.h5mu", path.read_bytes())
    boxes = {each.key.split(".")[1]: each for each in app.selectbox if each.label == "Modality in the file"}
    assert boxes["source"].value == "rna"
    assert boxes["target"].value == "prot"
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "2"
    assert "the same file was loaded twice" not in plain_text(app)
    at(app, DataStep.FILES)
    boxes = {each.key.split(".")[1]: each for each in app.selectbox if each.label == "Modality in the file"}
    boxes["target"].set_value("rna").run()
    at(app, DataStep.LABELS)
    assert "the same file was loaded twice" in plain_text(app)


def two_modalities(path: Path) -> Path:
    """An h5mu file by its specification: mudata itself takes seconds to import."""
    random, text = np.random.default_rng(0), h5py.string_dtype()
    with h5py.File(path, "w") as file:
        for name, n_features in (("rna", 5), ("prot", 4)):
            file[f"mod/{name}/X"] = random.normal(size=(24, n_features))
            for place, names in (
                ("obs", [f"c{i}" for i in range(24)]),
                ("var", [f"{name}{i}" for i in range(n_features)]),
            ):
                group = file.create_group(f"mod/{name}/{place}")
                group.attrs.update({"_index": "_index", "encoding-type": "dataframe"})
                group.create_dataset("_index", data=names, dtype=text)
            file[f"mod/{name}/obs"].create_dataset("label", data=["A", "B"] * 12, dtype=text)
        file["mod"].attrs["mod-order"] = ["rna", "prot"]
    return path
