"""``psmatch runs`` lists what is in a folder and in the workspace, newest first, damaged folders with what to do."""

import json

import pytest

from psmatch_core.cli.main import main
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.new_folder import WORKSPACE_VARIABLE
from psmatch_core.workspace.run_folder import RunFolder
from tests.workspace.test_new_folder import finished_run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A run of the command line and a later one of the app, which has a name."""
    finished_run(tmp_path, "mine")
    of_app = RunFolder.create(tmp_path / "app" / "runs", Recipe(), name="sharper, no PCA")
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "app"))
    monkeypatch.chdir(tmp_path)
    return of_app


def listed(capsys, *arguments):
    assert main(["runs", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["runs"]


def test_runs_of_this_folder_and_of_the_app_are_listed_newest_first(here, capsys):
    assert [each["id"] for each in listed(capsys)] == [here.id, "mine"]
    assert [each["state"] for each in listed(capsys)] == ["queued", "done"]
    assert main(["runs"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "sharper, no PCA" in first
    assert str(here.path) in first
    assert "done" in second


def test_a_folder_that_is_named_is_the_only_one(here, capsys):
    assert [each["id"] for each in listed(capsys, "app")] == [here.id]
    assert [each["id"] for each in listed(capsys, "mine")] == ["mine"]


def test_a_damaged_run_is_listed_with_what_to_do(here, capsys):
    (here.path / "job.json").write_text("{")
    (damaged,) = listed(capsys, "app")
    assert damaged["problem"]
    assert main(["runs", "app"]) == 0
    assert f"→ {damaged['hint']}" in capsys.readouterr().out


def test_a_folder_without_runs_says_how_to_make_one(tmp_path, capsys):
    assert main(["runs", str(tmp_path)]) == 0
    assert "psmatch match" in capsys.readouterr().out
    assert main(["runs", str(tmp_path / "gone")]) == 1


def test_a_note_is_written_by_folder_or_id_and_listed(here, capsys, tmp_path):
    assert main(["runs", "--note", here.id, "for the\n talk"]) == 0
    assert capsys.readouterr().out == f"Note on {here.id}: for the\n talk\n"
    assert main(["runs", "app"]) == 0
    assert "  Note: for the talk\n" in capsys.readouterr().out
    (run,) = listed(capsys, "app")
    assert run["note"] == "for the\n talk"
    assert main(["runs", "--note", str(tmp_path / "mine"), "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == "x"
    assert main(["runs", "--note", here.id, ""]) == 0
    assert "has no note any more" in capsys.readouterr().out
    assert main(["runs", "--note", "nowhere", "x"]) == 1
    assert main(["runs", "--note", here.id, "x" * 2001]) == 1
