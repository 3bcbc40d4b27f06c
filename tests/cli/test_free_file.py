"""No command writes over a file: ``--force`` replaces it, and only once the new one is complete."""

import os

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.main import COMMANDS, main
from psmatch_core.workspace.new_folder import check_free_file
from tests.workspace.test_new_folder import contents, finished_run

# The default is among the files of the run, `--out` wherever the user says.
WRITERS = {"report": "exports/report.html", "curve": "curve.csv", "features": "exports/feature_matches.csv"}


@pytest.fixture
def run(tmp_path):
    """A run that is in everybody's eyes finished; no result of it can be read, so any computation fails."""
    return finished_run(tmp_path)


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("command", WRITERS)
def test_a_file_that_exists_is_refused_before_anything_is_computed(run, command, is_named, capsys):
    path = run.path.parent / "mine" if is_named else run.path / WRITERS[command]
    path.write_bytes(b"in a paper")
    before = contents(run.path.parent)
    assert main([command, str(run.path), *(["--out", str(path)] if is_named else [])]) == 1
    assert f"The file {path.name} already exists.\n  → Choose a new file" in capsys.readouterr().err
    assert contents(run.path.parent) == before


@pytest.mark.parametrize("command", ["curve", "features"])
def test_force_keeps_the_earlier_file_if_the_new_one_fails(run, command):
    path = run.path.parent / "mine.csv"
    path.write_bytes(b"in a paper")
    assert main([command, str(run.path), "--out", str(path), "--force", "--quiet"]) == 1
    assert path.read_bytes() == b"in a paper"


def test_force_replaces_the_earlier_file(run):
    (run.path / "coupling.npz").unlink()
    path = run.path.parent / "mine.html"
    path.write_bytes(b"in a paper")
    assert main(["report", str(run.path), "--out", str(path), "--force"]) == 0
    assert b"<html" in path.read_bytes()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (".", "is a folder, not a file"),
        ("taken/new.csv", "new.csv cannot be written: taken is not a folder"),
        ("taken/deep/new.csv", "new.csv cannot be written: taken is not a folder"),
        ("nowhere", "The file nowhere already exists"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path, place, words):
    (tmp_path / "taken").write_bytes(b"a")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(PsmatchError, match=words):
        check_free_file(tmp_path / place, may_replace=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_to_is_told_at_once(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PsmatchError, match="locked cannot be written to"):
        check_free_file(tmp_path / "locked" / "new.csv", may_replace=True)


def test_a_new_file_in_a_new_folder_is_free(tmp_path):
    assert check_free_file(tmp_path / "deep" / "er" / "new.csv", may_replace=False).name == "new.csv"
    assert not (tmp_path / "deep").exists()


def test_each_command_that_writes_asks(capsys):
    """A command with ``--out`` has ``--force`` too: none can forget to ask."""
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command.name, "--help"])
        said = capsys.readouterr().out
        assert ("--out" in said) == ("--force" in said), command.name
