"""A folder for a new run: whatever is there stays as it is, or comes back under another name."""

import hashlib
from pathlib import Path

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.new_folder import LOCK, check_free, holds_job, move_aside
from psmatch_core.workspace.run_folder import DONE, FAILED, QUEUED, RunFolder, RunStatus


def contents(path: Path) -> dict[str, str]:
    """Every file below a folder and its hash; locks are no content."""
    found = sorted(each for each in path.rglob("*") if each.is_file() and each.name != LOCK)
    return {str(each.relative_to(path)): hashlib.sha256(each.read_bytes()).hexdigest() for each in found}


def finished_run(path: Path, name: str = "one") -> RunFolder:
    """A run that looks finished, with results that cannot be made again."""
    folder = RunFolder.create_at(path / name, Recipe())
    folder.write_status(RunStatus(state=DONE))
    (folder.path / "coupling.npz").write_bytes(b"days of work")
    folder.exports.mkdir()
    (folder.exports / "pairs.csv").write_bytes(b"in a paper")
    return folder


def a_run(path):
    finished_run(path)


def a_run_without_status(path):
    (finished_run(path).path / "status.json").unlink()


def a_run_with_a_torn_job(path):
    (finished_run(path).path / "job.json").write_bytes(b"{")


def files_of_a_user(path):
    (path / "one").mkdir()
    (path / "one" / "thesis.docx").write_bytes(b"a")


def a_hidden_file(path):
    (path / "one").mkdir()
    (path / "one" / ".config").write_bytes(b"a")


def a_file(path):
    (path / "one").write_bytes(b"a")


def a_link_to_a_run(path):
    finished_run(path, "elsewhere")
    (path / "one").symlink_to(path / "elsewhere")


@pytest.mark.parametrize(
    ("take", "words"),
    [
        (a_run, "already holds a run"), (a_run_without_status, "already holds a run"),
        (a_run_with_a_torn_job, "already holds a run"), (a_link_to_a_run, "already holds a run"),
        (files_of_a_user, "files that are not from a run"), (a_hidden_file, "files that are not from a run"),
        (a_file, "cannot be the folder of a run"),
    ],
)  # fmt: skip
def test_a_taken_folder_is_refused_and_stays_as_it_was(tmp_path, take, words):
    take(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(PsmatchError, match=words):
        RunFolder.create_at(tmp_path / "one", Recipe())
    assert contents(tmp_path) == before


def test_a_place_inside_a_file_is_refused(tmp_path):
    a_file(tmp_path)
    with pytest.raises(PsmatchError, match="two cannot be the folder of a run: Not a directory"):
        RunFolder.create_at(tmp_path / "one" / "two", Recipe())


def test_an_empty_and_a_missing_folder_are_free(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing", "deep/er"):
        check_free(tmp_path / name)
        assert RunFolder.create_at(tmp_path / name, Recipe()).status().state == QUEUED


def test_runs_that_are_moved_aside_never_meet(tmp_path):
    kept = []
    for number in (1, 2, 3):
        folder = finished_run(tmp_path)
        (folder.path / "coupling.npz").write_bytes(b"work" * number)
        before = contents(folder.path)
        kept.append((move_aside(folder.path), before))
        assert not holds_job(folder.path)
    assert [path.name for path, _ in kept] == ["one.earlier-1", "one.earlier-2", "one.earlier-3"]
    assert all(contents(path) == before for path, before in kept)


def test_what_a_process_works_on_is_not_moved(tmp_path):
    folder = finished_run(tmp_path)
    job = RunFolder.create_at(folder.path / "monitor", Recipe())
    with job.locked(), pytest.raises(PsmatchError, match="Another process is working on the run in one"):
        move_aside(folder.path)
    assert holds_job(folder.path)


def test_a_job_that_is_repeated_keeps_what_it_has(tmp_path):
    folder = finished_run(tmp_path)
    folder.write_status(RunStatus(state=FAILED, problem="before"))
    again = RunFolder.create_at(folder.path, Recipe(seed=3), is_repeated=True, name="again")
    assert (again.recipe.seed, again.job["name"], again.status().state) == (3, "again", QUEUED)
    assert (again.path / "coupling.npz").read_bytes() == b"days of work"
    with again.locked(), pytest.raises(PsmatchError, match="Another process is working on"):
        RunFolder.create_at(folder.path, Recipe(seed=4), is_repeated=True)
    assert again.recipe.seed == 3
