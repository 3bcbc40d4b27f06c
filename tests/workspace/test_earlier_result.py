"""A finished run that is computed again keeps its results until the new ones stand, however the new work ends."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from psmatch_core.base import disk
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.workspace import manifest
from psmatch_core.workspace.earlier_result import EARLIER, holds_earlier
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.manifest import MANIFEST, damage_in, result_files_in
from psmatch_core.workspace.run_folder import DONE, LOST, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.watch import put_back_results
from psmatch_core.workspace.worker import execute
from tests.workspace.test_new_folder import contents

ROOT = Path(__file__).parents[2]


class Work(Job):
    """Writes the result and an export, then ends as a test asks for; a second version also writes a file of its own."""

    kind = noun = place = title = "work"

    def do(self, work):
        text, ending = self.folder.job["name"].split(" ")
        disk.write_text(self.folder.path / "coupling.npz", text)
        work.log(Event("match", 0.5, text))
        if ending == "early":
            raise PsmatchError("No cells.", hint="Add some.")
        disk.write_text(self.folder.exports / "pairs.csv", text)
        if text == "new":
            disk.write_text(self.folder.path / "of_the_new_version.json", text)
        endings = {"fails": PsmatchError("No.", hint="Add."), "crashes": KeyError("x"), "cancelled": Cancelled()}
        if ending in endings:
            raise endings[ending]
        if ending == "killed":
            os._exit(9)


def named(folder: RunFolder, name: str) -> Work:
    disk.write_json(folder.path / "job.json", {"kind": "run", "created": 1.0, "name": name})
    return Work(RunFolder(folder.path))


def results(folder: RunFolder) -> dict[str, bytes]:
    paths = [*result_files_in(folder.path), folder.path / MANIFEST]
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in paths if path.exists()}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A workspace that starts no process: the test does the work."""
    store = RunStore(tmp_path)
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    return store


@pytest.fixture(params=["this version", "a version without manifest"])
def run(store, request):
    """A finished run."""
    from psmatch_core.pipeline.recipe import Recipe

    folder = RunFolder.create(store.runs, Recipe())
    assert execute(named(folder, "old well")).state == DONE
    if request.param != "this version":
        manifest.remove_manifest(folder.path)
    return folder


@pytest.mark.parametrize("ending", ["early", "fails", "crashes", "cancelled"])
def test_a_run_that_fails_the_second_time_has_its_first_results(store, run, ending):
    before = results(run)
    store.start_again(run)
    status = execute(named(run, f"new {ending}"))
    assert status.state != DONE
    assert status.hint.endswith("The earlier results are back.")
    assert results(run) == before
    assert damage_in(run.path) is None
    assert not holds_earlier(run.path)


def test_until_the_new_results_stand_the_earlier_ones_are_kept(store, run, monkeypatch):
    before, seen = results(run), []
    do = Work.do

    def looking(self, work):
        do(self, work)
        seen.append(contents(run.path / EARLIER))

    monkeypatch.setattr(Work, "do", looking)
    store.start_again(run)
    assert execute(named(run, "new well")).state == DONE
    assert set(seen[0]) == set(before)
    assert results(run)["coupling.npz"] == b"new"
    assert not holds_earlier(run.path)


def test_a_worker_that_is_killed_while_it_computes_again_costs_nothing(store, run):
    before = results(run)
    store.start_again(run)
    named(run, "new killed")
    program = (
        "import sys; from pathlib import Path; from psmatch_core.workspace.run_folder import RunFolder\n"
        "from psmatch_core.workspace.worker import execute; from tests.workspace.test_earlier_result import Work\n"
        "execute(Work(RunFolder(Path(sys.argv[1]))))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(run.path)], cwd=ROOT, check=False).returncode == 9
    assert results(run) != before
    put_back_results(store)
    assert results(run) == before
    assert run.status().state == LOST


def test_a_run_that_failed_is_tried_again_with_what_it_has(store, run):
    """Nothing was finished, so nothing is put back: what the second try has reached stays."""
    execute(named(run, "old fails"))
    store.start_again(run)
    assert not holds_earlier(run.path)
    execute(named(run, "new fails"))
    assert results(run)["coupling.npz"] == b"new"


def test_the_watch_leaves_a_run_that_works_and_one_that_is_done(store, run):
    store.start_again(run)
    with run.locked():
        run.write_status(RunStatus(state=RUNNING))
        put_back_results(store)
        assert holds_earlier(run.path)
    disk.write_text(run.path / "coupling.npz", "new")
    run.write_status(RunStatus(state=DONE))  # killed just before it would have removed the earlier results
    thread = threading.Thread(target=put_back_results, args=(store,))
    thread.start()
    thread.join(10)
    assert not holds_earlier(run.path)
    assert (run.path / "coupling.npz").read_text() == "new"
