"""What a run says of itself: for a reader and for a program the same figures, each beside chance."""

import json
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from psmatch_core.cli.json_output import as_json
from psmatch_core.cli.main import main
from psmatch_core.cli.run_summary import evaluation_record, run_record, run_summary
from psmatch_core.evaluation.evaluate import CHANCE
from psmatch_core.workspace import files
from psmatch_core.workspace.evaluations import load_evaluation
from psmatch_core.workspace.run_folder import FAILED, RunFolder, RunStatus
from tests.conftest import make_adata

ARGUMENTS = ["--label", "label", "--pair", "cell", "--quiet", "--set", "judging.held_out=false"]
ARGUMENTS += [
    "--set",
    'classifier={"kind": "LinearClassifier", "strength": 0.05}',
    "--set",
    "monitoring.stability=false",
]


@pytest.fixture(scope="module")
def matched(tmp_path_factory):
    """A run of two files with a column that says which cells are the same, and what its command printed."""
    place = tmp_path_factory.mktemp("evaluated")
    for name, n_features in (("rna", 8), ("adt", 5)):
        adata = make_adata(n=45, n_features=n_features)
        adata.obs["cell"] = adata.obs_names
        adata.write_h5ad(place / f"{name}.h5ad")
    files_of = [str(place / f"{name}.h5ad") for name in ("rna", "adt")]
    with redirect_stdout(StringIO()) as printed:
        assert main(["match", *files_of, *ARGUMENTS, "--out", str(place / "one"), "--json"]) == 0
    return place / "one", printed.getvalue()


@pytest.fixture
def run(matched, tmp_path):
    return RunFolder(Path(shutil.copytree(matched[0], tmp_path / "one")))


def test_the_summary_names_losses_verdict_and_flags_beside_chance(run):
    text, report = run_summary(run, 12.0), files.MONITOR_REPORT.read(run)
    for name, side in zip(report.names, report.sides, strict=True):
        assert f"{name}  {side.loss:.3f}   frequencies {side.baseline:.3f}" in text
    assert f"{report.verdict.title} ({report.counted()})" in text
    for flag in {each.flag.value for row in report.labels for each in row.flags}:
        assert f"{flag} {sum(flag in {each.flag.value for each in row.flags} for row in report.labels)}" in text
    shown = load_evaluation(run).summary
    for name, chance in CHANCE.items():
        uniform = shown.uniform_micro[name]
        assert f"{shown.micro[name]:.3f}   uniform {uniform:.3f}   chance {chance:g}" in text
    assert "Done in 12 s." in text


def test_effects_are_compared_and_change_nothing(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert main(["monitor", str(run.path), "--effects"]) == 0
    assert capsys.readouterr().out == "Cannot be judged with 3 labels: it takes 6.\n"
    assert main(["monitor", str(run.path), "--effects", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["n_labels"] == 3
    assert record["geometry"]["value"] is None
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_unseen_labels_are_asked_for_and_change_nothing(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert main(["monitor", str(run.path), "--unseen-labels"]) == 0
    assert capsys.readouterr().out == "Cannot be judged with 3 labels: it takes 6.\n"
    assert main(["monitor", str(run.path), "--unseen-labels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_labels"] == 3
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_program_reads_the_same_figures(run, capsys):
    assert main(["evaluate", str(run.path), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    report, shown = files.MONITOR_REPORT.read(run), load_evaluation(run).summary
    assert record["state"] == "done"
    assert [each["loss"] for each in record["losses"]] == [side.loss for side in report.sides]
    assert [each["chance"] for each in record["losses"]] == [side.baseline for side in report.sides]
    assert record["verdict"]["verdict"] == report.verdict.value
    assert sum(record["verdict"]["labels"].values()) == 3
    assert record["evaluation"]["micro"]["foscttm"] == shown.micro["foscttm"]
    assert record["evaluation"]["chance"] == CHANCE
    assert [row["label"] for row in record["labels"]] == ["A", "B", "C"]


def test_evaluate_prints_every_label_and_changes_nothing(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert main(["evaluate", str(run.path)]) == 0
    out = capsys.readouterr().out
    assert "foscttm_uniform" in out
    assert f"Evaluated with {load_evaluation(run).summary.n_pairs} known pairs" in out
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_match_prints_one_json_object_and_nothing_else(matched):
    folder, printed = matched
    record = json.loads(printed)
    assert record["run"] == str(folder.resolve())
    assert record["seconds"] > 0
    assert record == {
        **json.loads(as_json(run_record(RunFolder(folder)))),
        **{n: record[n] for n in ("run", "seconds", "exports")},
    }


def test_a_run_without_matches_says_what_to_do(run, capsys):
    (run.path / "manifest.json").unlink()
    files.COUPLING.path(run).unlink()
    run.write_status(RunStatus(state=FAILED, problem="The disk is full.", hint="Free space."))
    assert main(["evaluate", str(run.path)]) == 1
    err = capsys.readouterr().err
    assert "This run failed. The disk is full." in err
    assert "psmatch resume" in err


def test_without_pairs_there_is_no_evaluation(run, capsys):
    files.EVALUATION.path(run).unlink()
    (run.path / "manifest.json").unlink()
    assert evaluation_record(run) is None
    assert run_record(run)["evaluation"] is None
    assert main(["evaluate", str(run.path)]) == 0
    assert "No true pairs are known" in capsys.readouterr().out


def test_a_program_reads_what_the_monitor_measured(run, capsys):
    assert main(["monitor", str(run.path), "--shuffles", "0", "--no-stability", "--quiet", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    report = files.MONITOR_REPORT.read(run)
    assert read["verdict"] == report.to_dict()["verdict"]
    assert [each["loss"] for each in read["sides"]] == [each.loss for each in report.sides]


def test_a_program_reads_every_setting(capsys):
    assert main(["options", "--preset", "sharp", "--json"]) == 0
    read = {each["name"]: each for each in json.loads(capsys.readouterr().out)["settings"]}
    assert read["matcher.epsilon"]["value"] == 0.02
    assert read["matcher.epsilon"]["range"].startswith("above 0")


def test_json_is_read_by_every_parser():
    odd = {"a": np.float32("nan"), "b": [np.int64(3), float("inf")], "c": np.array([1.5, np.nan]), "µ": Path("x")}
    assert json.loads(as_json(odd)) == {"a": None, "b": [3, None], "c": [1.5, None], "µ": "x"}
