"""The Data page: files of every kind, good and bad, and every decision about labels."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.shell.glossary import TERMS
from pages.views.data.sample_files import FOLDER, SAMPLES
from psmatch_core.data.checks import Severity
from psmatch_core.data.readers import DataSpec, inspect_file
from psmatch_core.pipeline.demo_data import write_samples
from tests.pages.conftest import Open, plain_text

HOSTILE = "![x](http://evil.example/a.png) <b>KO</b> :red[hot] $x^2$"


def csv(labels: list[str], *, prefix: str = "a", n_features: int = 3, seed: int = 0) -> bytes:
    values = np.random.default_rng(seed).normal(size=(len(labels), n_features)).round(3)
    table = pd.DataFrame(values, columns=[f"{prefix}_gene{i}" for i in range(n_features)])
    table.insert(0, "label", labels)
    table.insert(0, "cell", [f"{prefix}{i}" for i in range(len(labels))])
    return table.to_csv(index=False).encode()


def hand_over(app: AppTest, side: str, name: str, content: bytes) -> AppTest:
    """Upload a file on one side."""
    (widget,) = [each for each in app.get("file_uploader") if each.key.startswith(f"upload.{side}")]
    widget.set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    (button,) = [each for each in app.button if each.label.startswith(label)]
    button.click().run()
    assert not app.exception
    return app


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def loaded(empty: Open, source: list[str], target: list[str]) -> AppTest:
    app = empty()
    hand_over(app, "source", "rna.csv", csv(source))
    return hand_over(app, "target", "protein.csv", csv(target, prefix="b", seed=1))


def test_a_demo_is_one_click(empty: Open) -> None:
    app = press(empty(), "Demo: perturbation screen")
    assert metrics(app)["Shared labels"] == "13"
    assert "850 cells × 60 features" in plain_text(app)
    assert "To continue:" not in plain_text(app)


def test_images_are_recognised_and_shown(empty: Open) -> None:
    app = press(empty(), "Demo: images")
    assert metrics(app)["Shared labels"] == "12"
    assert "960 cells, images, 3 × 32 × 32" in plain_text(app)
    assert len(app.get("image")) == 2
    assert "Images are used as they are" in plain_text(app)
    assert "images have no counts per cell" in plain_text(app)


def test_every_sample_can_be_downloaded_and_read(empty: Open) -> None:
    offered = {button.label: button for button in empty().get("download_button")}
    assert set(SAMPLES) <= set(offered)
    summaries = {name: inspect_file(DataSpec(path=str(FOLDER / name))) for name in SAMPLES}
    for summary in summaries.values():
        column = summary.column("label") or summary.column("labels")
        assert column is not None
        assert column.counts == {"control": 20, "KO_A": 20, "KO_B": 20}
        assert not [finding for finding in summary.findings if finding.severity is Severity.REJECT]
    assert {summary.format for summary in summaries.values()} >= {"h5ad", "npz"}


def test_samples_are_those_that_the_core_writes(tmp_path: Path) -> None:
    for path in write_samples(tmp_path):
        if path.suffix in (".csv", ".tsv"):
            assert path.read_bytes() == (FOLDER / path.name).read_bytes()
    with np.load(tmp_path / "sample_images.npz") as mine, np.load(FOLDER / "sample_images.npz") as theirs:
        assert all(np.array_equal(mine[key], theirs[key]) for key in ("images", "labels", "obs_names"))


def test_words_are_explained(empty: Open) -> None:
    table = empty().get("table")[0].value
    assert set(table["Term"]) == set(TERMS)
    assert all(len(text) < 200 for text in TERMS.values())


def test_two_uploads_are_looked_into_and_kept_on_disk(empty: Open, tmp_path: Path) -> None:
    app = loaded(empty, ["KO_A", "KO_B"] * 10, ["KO_A", "KO_B"] * 12)
    assert metrics(app)["Shared labels"] == "2"
    kept = sorted(path.name for path in (tmp_path / "workspace" / "uploads").rglob("*") if path.is_file())
    assert kept == ["protein.csv", "rna.csv"]


def test_a_refused_file_says_why_and_leaves_the_other_choice(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["A", "B"] * 10)
    hand_over(app, "source", "counts.h5ad", b"<!DOCTYPE html><html>not found</html>")
    assert "counts.h5ad" in app.error[0].value.replace("\\", "")
    assert "is still in use" in plain_text(app)
    assert metrics(app)["Shared labels"] == "2"
    hand_over(app, "source", "rna2.csv", csv(["A", "B"] * 9))
    assert not app.error


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(50), b"\x00" * 200])
def test_a_damaged_file_leaves_the_page_usable(empty: Open, content: bytes) -> None:
    app = hand_over(empty(), "source", "data.h5ad", content)
    assert "data.h5ad" in app.error[0].value.replace("\\", "")
    assert len(app.get("file_uploader")) == 2


def test_labels_of_one_side_wait_for_a_decision(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C"] * 8, ["A", "B", "D"] * 8)
    assert "Decide what to do with the labels that only one modality has" in plain_text(app)
    press(app, "Leave out labels of one modality")
    assert "To continue:" not in plain_text(app)
    assert "16 cells" in plain_text(app)
    press(app, "Reset label decisions")
    assert "Decide what to do with the labels" in plain_text(app)


def test_look_alikes_become_one(empty: Open) -> None:
    app = loaded(empty, ["KO_A", "KO_B", "ctrl"] * 8, ["ko a", "KO_B ", "ctrl"] * 8)
    before = int(metrics(app)["Shared labels"])
    press(app, "Merge")
    assert int(metrics(app)["Shared labels"]) == 3 > before
    assert "Merged:" in plain_text(app)


def test_suggestions_are_applied_by_their_buttons_and_undone(empty: Open) -> None:
    guides = [f"{gene}_g{i}" for gene in ("MYC", "JAK2") for i in (1, 2)]
    app = loaded(empty, [*guides, "non-targeting_1", "Doublet"] * 6, ["MYC", "JAK2", "NT", "Doublet"] * 6)
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
    assert "Columns dose_uM and dose_nM split the labels further: JQ1 has 0.5, 2" in plain_text(app)
    press(app, "Make the label of label and dose_uM")
    assert metrics(app)["Shared labels"] == "0"
    press(app, "Write 5 doses in one way")
    assert (metrics(app)["Shared labels"], metrics(app)["Only in source"]) == ("5", "0")


def test_every_change_of_the_labels_can_be_undone_step_by_step(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C", "Doublet"] * 8, ["A", "B", "D", "Doublet"] * 8)
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
    app = loaded(empty, ["A", "B"] * 10, ["A", "B"] * 10)
    for name, value in (("Minimum", 5), ("Maximum", 3)):
        (box,) = [each for each in app.number_input if each.label.startswith(f"{name} cells")]
        box.set_value(value).run()
    assert "no label could be kept" in plain_text(app)


def test_small_labels_are_left_out_from_a_minimum(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10 + ["rare"] * 2, ["A", "B"] * 10 + ["rare"] * 9)
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    minimum.set_value(5).run()
    assert metrics(app)["Too small"] == "1"
    assert metrics(app)["Shared labels"] == "2"


def test_cells_without_label_wait_for_a_decision(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10 + [""] * 3, ["A", "B"] * 10)
    assert "3 cells without a label" in plain_text(app)
    press(app, "Drop cells without label")
    assert "Cells without a label: 3 of 23. They are left out" in plain_text(app)
    assert "To continue:" not in plain_text(app)


def test_labels_may_come_in_a_second_table(empty: Open) -> None:
    app = empty()
    table = pd.read_csv(BytesIO(csv(["A", "B"] * 10)))
    hand_over(app, "source", "rna.csv", table.drop(columns="label").to_csv(index=False).encode())
    assert "No column can serve as the label" in plain_text(app)
    (widget,) = [each for each in app.get("file_uploader") if each.key.startswith("upload.labels.source")]
    widget.set_value(("labels.csv", table[["cell", "label"]].to_csv(index=False).encode(), "text/csv")).run()
    assert not app.exception
    assert not app.error
    assert "A 10, B 10" in plain_text(app)


def test_no_shared_label_is_refused_with_both_names(empty: Open) -> None:
    app = loaded(empty, ["A", "B"] * 10, ["X", "Y"] * 10)
    assert "No label is shared" in plain_text(app)
    assert len(app.get("file_uploader")) >= 2


def test_two_files_of_one_modality_are_a_warning_not_an_error(empty: Open) -> None:
    app = empty()
    hand_over(app, "source", "one.csv", csv(["A", "B"] * 10))
    hand_over(app, "target", "two.csv", csv(["A", "B"] * 11, seed=2))
    assert "look like the same modality" in plain_text(app)
    assert "To continue:" not in plain_text(app)


def test_labels_are_shown_as_text(empty: Open) -> None:
    app = loaded(empty, [HOSTILE, "B"] * 10, [HOSTILE, "B"] * 10)
    for element in (*app.markdown, *app.caption, *app.warning, *app.error, *app.info):
        text = element.value
        assert "<b>" not in text.replace("\\<", "")
        assert "![" not in text
        assert "http://" not in text.replace("\\:", ":").replace("\\/", "/")


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


def test_other_labels_make_the_run_another(full: Open) -> None:
    app = full()
    (minimum,) = [each for each in app.number_input if each.label.startswith("Minimum cells")]
    minimum.set_value(60).run()
    assert "run" not in app.query_params


def test_of_a_file_with_two_modalities_each_side_takes_one(empty: Open, tmp_path: Path) -> None:
    path = two_modalities(tmp_path / "cells.h5mu")
    app = hand_over(empty(), "source", "cells.h5mu", path.read_bytes())
    hand_over(app, "target", "cells.h5mu", path.read_bytes())
    boxes = {each.key.split(".")[1]: each for each in app.selectbox if each.label == "Modality in the file"}
    assert boxes["source"].value == "rna"
    assert boxes["target"].value == "prot"
    assert metrics(app)["Shared labels"] == "2"
    assert "the same file was loaded twice" not in plain_text(app)
    boxes["target"].set_value("rna").run()
    assert not app.exception
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


def test_missing_values_are_asked_about_and_filled(empty: Open) -> None:
    app = empty()
    broken = pd.read_csv(BytesIO(csv(["A", "B"] * 20)))
    feature = broken.columns[-1]
    broken.loc[[3, 7], feature] = np.nan
    hand_over(app, "source", "rna.csv", broken.to_csv(index=False).encode())
    hand_over(app, "target", "protein.csv", csv(["A", "B"] * 20, prefix="b", seed=1))
    assert "Decide what to do with the missing values of the source modality" in plain_text(app)
    largest = next(each for each in app.number_input if each.label.startswith("Largest share"))
    largest.set_value(0.1).run()
    press(app, "Fill them with the median")
    assert "Missing and infinite values: fill them with the median of their feature" in plain_text(app)
    assert "To continue:" not in plain_text(app)
    press(app, "Undo")
    assert "Decide what to do with the missing values" in plain_text(app)


def test_a_dose_becomes_part_of_the_label_of_both_files(empty: Open) -> None:
    app = empty()
    for side, prefix in (("source", "a"), ("target", "b")):
        table = pd.read_csv(BytesIO(csv(["SAHA", "DMSO"] * 20, prefix=prefix, seed=len(side))))
        table["dose"] = [10, 10, 100, 100] * 10
        hand_over(app, side, f"{side}.csv", table.to_csv(index=False).encode())
    assert metrics(app)["Shared labels"] == "2"
    press(app, "Make the label of label and dose")
    assert metrics(app)["Shared labels"] == "4"
    assert "DMSO | 10 10" in plain_text(app)
    boxes = [each for each in app.selectbox if each.label.startswith("Label column")]
    assert not any("×" in option for box in boxes for option in box.options)


def test_cells_are_chosen_by_rule(empty: Open) -> None:
    app = loaded(empty, ["A", "B", "C"] * 10, ["A", "B", "C"] * 10)
    rules = next(each for each in app.text_area if each.label == "Rules, one per line")
    rules.set_value("label in A, B").run()
    assert "10 cells of 30 left out by rule" in plain_text(app)
    assert metrics(app)["Shared labels"] == "2"
    rules = next(each for each in app.text_area if each.label == "Rules, one per line")
    rules.set_value("size > 3").run()
    assert "no column size" in plain_text(app)
    assert metrics(app)["Shared labels"] == "2"  # the choice before is still in use


def antibodies(n: int = 40) -> bytes:
    """Counts of four antibodies as a csv."""
    values = np.random.default_rng(0).poisson(30, size=(n, 4))
    table = pd.DataFrame(values, columns=["CD3", "CD4", "CD8a", "CD19"])
    table.insert(0, "label", [*"AB"] * (n // 2))
    table.insert(0, "cell", [f"b{i}" for i in range(n)])
    return table.to_csv(index=False).encode()


def test_a_proposed_preprocessing_is_set_by_its_button_alone(empty: Open) -> None:
    app = hand_over(empty(), "source", "adt.csv", antibodies())
    side = app.session_state["workspace"].source
    assert side.preprocessing.normalize == "auto"  # nothing is applied unasked
    assert "the centred log-ratio" in plain_text(app)
    press(app, "Use normalize clr")
    app.run()
    assert app.session_state["workspace"].source.preprocessing.normalize == "clr"
    assert [each.value for each in app.selectbox if each.label.startswith("Normalize")] == ["clr"]
    assert not [each for each in app.button if each.label.startswith("Use normalize")]


def screen(prefix: str, batches: list[str]) -> bytes:
    """Two labels, each of them in two batches."""
    table = pd.read_csv(BytesIO(csv([*"AABB"] * 10, prefix=prefix)))
    table.insert(2, "batch", [batches[i % 2] for i in range(40)])
    return table.to_csv(index=False).encode()


def test_batches_that_differ_are_offered_to_be_standardised_within(empty: Open) -> None:
    app = hand_over(empty(), "source", "rna.csv", screen("a", ["P1", "P2"]))
    assert "the other modality has not the same" not in plain_text(app)  # there is none yet
    hand_over(app, "target", "adt.csv", screen("b", ["P1", "P3"]))
    (button, _) = [each for each in app.button if each.label.startswith("Use batch scaling z")]
    button.click().run()
    app.run()
    assert app.session_state["workspace"].source.preprocessing.batch_key == "batch"
    assert app.session_state["workspace"].target.preprocessing.batch_key == ""
    assert len([each for each in app.button if each.label.startswith("Use batch scaling z")]) == 1


def test_equal_batches_are_made_part_of_the_label_by_one_button(empty: Open) -> None:
    app = hand_over(empty(), "source", "rna.csv", screen("a", ["P1", "P2"]))
    hand_over(app, "target", "adt.csv", screen("b", ["P1", "P2"]))
    assert metrics(app)["Shared labels"] == "2"
    assert "cells of different batches then never match" in plain_text(app)
    press(app, "Match within batches")
    app.run()
    assert app.session_state["workspace"].target.label_with == ("batch",)
    assert metrics(app)["Shared labels"] == "4"
    assert not [each for each in app.button if each.label == "Match within batches"]
