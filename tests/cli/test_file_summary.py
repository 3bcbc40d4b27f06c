"""What the command line prints of files, and its exit code."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.cli.inspected_files import describe_files
from psmatch_core.cli.main import main
from psmatch_core.data.readers import DataSpec

COUNTS = np.random.default_rng(0).poisson(3.0, (60, 20)).astype(np.float32)
COUNTS[::3, -1] += 6  # a marker of the first label
COUNTS[::2, -2] += 6  # and of the first of two


def write(folder, name, labels=("B cell", "T cell", "Mono"), *, prefix="cell", gene="GENE"):
    obs = pd.DataFrame({"cell_type": (list(labels) * 60)[:60]}, index=[f"{prefix}{i}" for i in range(60)])
    var = pd.DataFrame(index=[f"{gene}{i}" for i in range(20)])
    anndata.AnnData(COUNTS, obs=obs, var=var).write_h5ad(folder / name)
    return str(folder / name)


def described(paths, label_key="", **keywords):
    return describe_files([DataSpec(path=path, label_key=label_key) for path in paths], **keywords)


def test_one_file_is_described(tmp_path):
    text, code = described([write(tmp_path, "rna.h5ad")])
    assert code == 0
    assert "rna.h5ad: 60 cells × 20 features (h5ad" in text
    assert "X: 20 features, dense, counts (whole numbers from 0 to" in text
    size, features = np.median(COUNTS.sum(axis=1)), np.median((COUNTS > 0).sum(axis=1))
    assert f"; median library size {size:,.0f}, {features:,.0f} features per cell (from 60 cells)" in text
    assert "cell_type: 3 labels (B cell 20, Mono 20, T cell 20)" in text
    assert str(tmp_path) not in text


def test_two_files_are_compared(tmp_path):
    rna = write(tmp_path, "rna.h5ad")
    adt = write(tmp_path, "adt.h5ad", ("B cell", "T cell", "NK"), prefix="x", gene="ADT")
    text, code = described([rna, adt], "cell_type")
    assert code == 0
    assert "shared by both: 2 (B cell, T cell)" in text
    assert "1 label only in rna.h5ad, not in adt.h5ad: Mono (20 cells)" in text


def test_same_modality_twice_is_said_and_not_refused(tmp_path):
    text, code = described([write(tmp_path, "a.h5ad"), write(tmp_path, "b.h5ad", prefix="x")], "cell_type")
    assert code == 0
    assert "20 feature names and look like the same modality" in text


@pytest.mark.parametrize(
    ("labels", "words"),
    [(("X", "Y"), "No label is shared"), (("b cell", "t cell"), "look alike but are not equal")],
    ids=["none shared", "look alike"],
)
def test_labels_that_do_not_meet_are_told(tmp_path, labels, words):
    text, code = described(
        [write(tmp_path, "a.h5ad", ("B cell", "T cell")), write(tmp_path, "b.h5ad", labels, prefix="x", gene="P")],
        "cell_type",
    )
    assert words in text
    assert code == (1 if "No label" in words else 0)


def test_refused_file_gives_its_reason_and_an_exit_code(tmp_path):
    bad = tmp_path / "bad.h5ad"
    bad.write_bytes(b"")
    text, code = described([write(tmp_path, "a.h5ad"), str(bad)], "nope")
    assert code == 1
    assert "bad.h5ad is empty (0 bytes)" in text
    assert "a.h5ad has no label column nope; available: cell_type" in text


def test_labels_are_compared_under_the_rules(tmp_path):
    from psmatch_core.data.labels.label_rules import LabelRules

    files = [write(tmp_path, "rna.h5ad"), write(tmp_path, "adt.h5ad", prefix="x", gene="ADT")]
    rules = LabelRules(leave_out=("Mono",), rename_target=(("Monocyte", "Mono"),))
    text, code = described(files, "cell_type", rules=rules)
    assert code == 0
    assert "shared by both: 2 (B cell, T cell)" in text
    assert "left out by label rules: 1 (Mono)" in text
    assert "labels.rename_target names 1 label that adt.h5ad does not have: Monocyte" in text


def screen(tmp_path):
    guides = [f"{gene}_g{i}" for gene in ("MYC", "JAK2") for i in (1, 2)] + ["Doublet"]
    return write(tmp_path, "rna.h5ad", guides), write(tmp_path, "adt.h5ad", ("MYC", "JAK2"), prefix="x", gene="ADT")


def test_suggestions_are_printed_once_with_the_words_that_apply_them(tmp_path):
    text, code = described(screen(tmp_path), "cell_type")
    assert code == 1  # nothing is shared
    assert "suggestions (not applied; --accept NAME,NAME applies them, here and in match)" in text
    assert text.count("as guides of 2 names") == 1
    assert "calls: Leave out 1 call." in text
    assert "[--set labels.leave_out=Doublet]" in text
    guides = "JAK2_g1=JAK2,JAK2_g2=JAK2,MYC_g1=MYC,MYC_g2=MYC"
    assert f"[--set labels.rename_source={guides}]" in text


def test_accepted_suggestions_are_applied(tmp_path):
    text, code = described(screen(tmp_path), "cell_type", accepted=["guides", "calls"])
    assert code == 0
    assert "shared by both: 2 (JAK2, MYC)" in text
    assert "left out by label rules: 1 (Doublet)" in text
    assert "suggestions" not in text


def inspected(capsys, *arguments):
    """Exit code and JSON of ``psmatch inspect``."""
    code = main(["inspect", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_program_reads_what_is_in_the_files(tmp_path, capsys):
    rna = write(tmp_path, "rna.h5ad")
    adt = write(tmp_path, "adt.h5ad", ("B cell", "T cell", "NK"), prefix="x", gene="ADT")
    code, read = inspected(capsys, rna, adt, "--label", "cell_type")
    assert (code, read["can_be_used"]) == (0, True)
    assert [(each["name"], each["n_cells"], each["label_candidates"]) for each in read["files"]] == [
        ("rna.h5ad", 60, ["cell_type"]), ("adt.h5ad", 60, ["cell_type"]),
    ]  # fmt: skip
    assert read["both"]["labels"]["shared"] == ["B cell", "T cell"]
    assert read["both"]["labels"]["only_source"] == ["Mono"]
    assert read["both"]["true_pairs"]["how"] == "NONE"
    text, _ = described([rna, adt], "cell_type")
    findings = [*read["both"]["labels"]["findings"], *read["both"]["findings"]]
    findings += [each for file in read["files"] for each in file["findings"]]
    assert findings
    assert all(each["problem"] in text for each in findings)


def test_a_program_reads_why_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "page.h5ad").write_text("<!DOCTYPE html>")
    code, read = inspected(capsys, str(tmp_path / "page.h5ad"))
    assert (code, read["can_be_used"]) == (1, False)
    (file,) = read["files"]
    assert file["name"] == "page.h5ad"
    assert file["refused"]["problem"]
    assert file["refused"]["hint"]


def test_a_program_reads_what_is_wrong_with_the_settings(tmp_path, capsys):
    code, read = inspected(capsys, write(tmp_path, "rna.h5ad"), "--set", "labels.leave_outt=A")
    assert code == 1
    assert read["problem"] == "There is no setting 'labels.leave_outt'."


@pytest.mark.slow
def test_a_first_file_that_is_read_while_libraries_load_is_described_as_one_that_is_read_after(tmp_path, capsys):
    """With a setting, which needs the whole recipe to be understood, it is read after."""
    (tmp_path / "page.h5ad").write_text("<!DOCTYPE html>")
    rna, other = write(tmp_path, "rna.h5ad"), write(tmp_path, "adt.h5ad", prefix="x", gene="ADT")
    for arguments in (
        [rna],
        [rna, "--label", "cell_type"],
        [rna, other],
        [other, rna, "--label", "cell_type"],
        [str(tmp_path / "page.h5ad"), rna],
        [rna, str(tmp_path / "none.h5ad")],
    ):
        assert inspected(capsys, *arguments) == inspected(capsys, *arguments, "--set", "seed=0")


def test_wrong_arguments_are_said_before_a_file_is_read(tmp_path, capsys):
    code, read = inspected(capsys, str(tmp_path / "none.h5ad"), "--label", "a", "--label", "b")
    assert code == 1
    assert read["problem"] == "--label is given 2 times for 1 file."
