"""How a run ended: said in one place, for the report and the command line."""

from dataclasses import replace

import pytest

from psmatch_core.base import disk
from psmatch_core.base.records import to_plain
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.main import main
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.ending import PARTS, describe_ending, missing_parts
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LastStage, RunFolder, RunStatus
from psmatch_core.workspace.worker import execute
from tests.conftest import make_adata

ALL = (*PARTS, "exports")


@pytest.fixture
def recipe(tmp_path):
    specs = []
    for seed, name in enumerate(("RNA", "ADT")):
        make_adata(n=30, seed=seed).write_h5ad(tmp_path / f"{name}.h5ad")
        specs.append(DataSpec(path=str(tmp_path / f"{name}.h5ad"), label_key="label", name=name))
    return Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs)


@pytest.fixture(autouse=True)
def no_maps(monkeypatch):
    monkeypatch.setattr(files, "MAPS", ())


def written(folder, **status):
    disk.write_json(folder.path / "status.json", to_plain(RunStatus(**status)))
    return folder


def test_a_finished_run_has_nothing_to_say(recipe, tmp_path):
    folder = RunFolder.create(tmp_path / "runs", recipe)
    assert execute(RunJob(folder)).state == DONE
    assert missing_parts(folder) == ()
    assert describe_ending(folder) == ""


def test_a_run_that_was_asked_to_stop_names_what_it_has_not(recipe, tmp_path):
    folder = RunFolder.create(tmp_path / "runs", recipe, stop_after=LastStage.PROPENSITY)
    assert execute(RunJob(folder)).state == DONE
    assert describe_ending(folder) == (
        "This run was asked to stop after the classifiers. It has no matching, evaluation, table of labels and no "
        "exports."
    )


def test_a_failed_run_says_why_and_what_to_do_before_anything_else(recipe, tmp_path, capsys):
    broken = replace(recipe, source=replace(recipe.source, label_key="no such column"))
    folder = RunFolder.create(tmp_path / "runs", broken)
    status = execute(RunJob(folder))
    assert status.state == FAILED
    assert missing_parts(folder) == ALL
    said = describe_ending(folder)
    assert said.startswith(f"This run failed. {status.problem} {status.hint}")
    assert said.endswith("It has no data, classifiers, matching, evaluation, table of labels and no exports.")
    assert main(["report", str(folder.path), "--out", str(tmp_path / "report.html")]) == 0
    assert capsys.readouterr().out.startswith(said)


def test_a_cancelled_and_a_lost_run_are_not_called_failed(recipe, tmp_path):
    folder = written(RunFolder.create(tmp_path / "runs", recipe), state=CANCELLED, problem="The run was cancelled.")
    assert describe_ending(folder).startswith("This run was cancelled before it was finished.")
    lost = written(RunFolder.create(tmp_path / "runs", recipe), state="running", started=1.0, updated=1.0)
    assert describe_ending(lost).startswith("This run did not finish. The process stopped unexpectedly")
