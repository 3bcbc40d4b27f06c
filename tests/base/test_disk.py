"""Files on disk: a full disk is reported in words; the system's own limit on file sizes makes it full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import LOST, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore

ROOT = Path(__file__).parents[2]
RESOURCE = pytest.importorskip("resource", reason="limits of a process are Unix's")


def under_a_limit(kilobytes: int, code: str, *arguments: object) -> str:
    """What Python code prints in a process whose files may not become larger than this."""

    def limit() -> None:
        RESOURCE.setrlimit(RESOURCE.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_a_file_that_does_not_fit_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    printed = under_a_limit(
        4,
        "import sys; from pathlib import Path; from psmatch_core.base.disk import write_text;"
        "from psmatch_core.base.errors import PsmatchError\n"
        "try: write_text(Path(sys.argv[1]) / 'pairs.csv', 'x' * 100_000)\n"
        "except PsmatchError as error: print(error)",
        tmp_path,
    )
    assert printed.startswith("The disk is full: pairs.csv could not be written. → Free space on the disk")
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays_whole(tmp_path: Path) -> None:
    disk.write_json(tmp_path / "status.json", {"state": "done"})
    under_a_limit(
        4,
        "import sys; from pathlib import Path; from psmatch_core.base.disk import write_json;"
        "from psmatch_core.base.errors import PsmatchError\n"
        "try: write_json(Path(sys.argv[1]) / 'status.json', ['x' * 100_000])\n"
        "except PsmatchError: pass",
        tmp_path,
    )
    assert json.loads((tmp_path / "status.json").read_text()) == {"state": "done"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = disk.write_text(tmp_path / "a.txt", "old")

    def fail(stream: BinaryIO) -> None:
        stream.write(b"new")
        raise KeyError

    with pytest.raises(KeyError):
        disk.write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(disk.os, "fsync", lambda number: done.append("flushed"))
    monkeypatch.setattr(disk.os, "replace", lambda partial, path: done.append("renamed"))
    disk.write_text(tmp_path / "a.txt", "text")
    assert done == ["flushed", "renamed"]


def test_a_linked_file_is_the_same_or_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    path = disk.write_text(tmp_path / "a.txt", "text")
    disk.link(path, tmp_path / "folder" / "b.txt")
    monkeypatch.setattr(disk.os, "link", unsupported)
    disk.link(path, tmp_path / "c.txt")
    for name in ("folder/b.txt", "c.txt"):
        assert (tmp_path / name).read_text() == "text"
    disk.link(disk.write_text(tmp_path / "d.txt", "other"), tmp_path / "c.txt")
    assert (tmp_path / "c.txt").read_text() == "text"


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file, not a folder")
    with pytest.raises(NotADirectoryError):
        disk.write_text(tmp_path / "a" / "b", "c")
    assert disk.is_full(OSError("Can't write data (No space left on device)"))
    assert not disk.is_full(ValueError("No space left"))


def test_a_run_on_a_full_disk_fails_in_words(tmp_path: Path) -> None:
    """The worker's own code, at the first file that is larger than the limit: the cells that were read."""
    answer = under_a_limit(
        200,
        "import sys; from pathlib import Path; from psmatch_core.pipeline.demo_data import demo_recipe;"
        "from psmatch_core.pipeline.recipe import Recipe; from psmatch_core.workspace.store import RunStore;"
        "from psmatch_core.workspace.run_folder import RunFolder; from psmatch_core.workspace.worker import execute\n"
        "store = RunStore(Path(sys.argv[1]))\n"
        "folder = RunFolder.create(store.runs, demo_recipe(Recipe(), 'screen'))\n"
        "from psmatch_core.workspace.jobs.run import RunJob; execute(RunJob(folder), cache=store.stages)\n"
        "status = folder.status(); print(status.state, status.problem, status.hint, sep='|')",
        tmp_path,
    )
    state, problem, hint = answer.splitlines()[-1].split("|")
    assert state == "failed"
    assert problem.startswith("The disk is full: ")
    assert hint == disk.FREE_SPACE


def test_half_a_run_is_none(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from psmatch_core.pipeline.recipe import Recipe;"
        "from psmatch_core.workspace.store import RunStore; from psmatch_core.base.errors import PsmatchError\n"
        "store = RunStore(Path(sys.argv[1]))\n"
        "try: store.start(Recipe(), name='x')\n"
        "except PsmatchError as error: print(error.problem)\n"
        "print(store.entries())"
    )
    printed = under_a_limit(0, code, tmp_path).splitlines()
    assert printed == ["The disk is full: recipe.json could not be written.", "[]"]
    assert list((tmp_path / "runs").iterdir()) == []


def test_runs_are_listed_where_their_index_cannot_be_written(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = RunFolder.create(store.runs, Recipe(), name="kept")
    folder.write_status(RunStatus(state="done"))
    code = "import sys; from pathlib import Path; from psmatch_core.workspace.store import RunStore\n"
    printed = under_a_limit(0, code + "print([each.name for each in RunStore(Path(sys.argv[1])).entries()])", tmp_path)
    assert printed == "['kept']"


def test_a_run_that_could_not_say_why_it_ended_says_it_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path, Recipe())
    folder.write_status(RunStatus(state=RUNNING, pid=1))
    assert "stopped unexpectedly" in folder.status().problem
    monkeypatch.setattr(disk, "LEAST_FREE", 2**62)  # more than any disk has: this one is full
    assert folder.status().state == LOST
    assert folder.status().problem == "The disk is full: the status of the run could not be written."


def test_deleted_runs_are_removed_for_good_with_what_only_they_used(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    kept, gone = (RunFolder.create(store.runs, Recipe(), name=name) for name in ("kept", "gone"))
    store.stages.mkdir()
    for folder, name in ((kept, "a"), (gone, "b")):
        folder.write_status(RunStatus(state="done"))
        (store.stages / f"{name}.npz").write_bytes(b"x" * 5000)
        (folder.path / "a.npz").hardlink_to(store.stages / f"{name}.npz")
    store.delete(gone)
    assert store.deleted_size() > 5000
    store.empty_deleted()
    assert store.deleted() == []
    assert store.deleted_size() == 0
    assert [each.name for each in store.stages.iterdir()] == ["a.npz"]
    assert [each.name for each in store.entries()] == ["kept"]


def test_a_loader_tells_what_another_version_left_out(tmp_path: Path) -> None:
    @disk.of_this_version
    def load(path: Path) -> int:
        return {"a": 1}[path.suffix]

    with pytest.raises(
        PsmatchError, match=r"a\.npz was written by another version of the program \(it lacks '\.npz'\)"
    ):
        load(tmp_path / "a.npz")
