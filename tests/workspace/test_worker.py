"""The worker: however the work of a job ends, its status says so in words, and nothing unfinished stays behind."""

import errno
import json
import shutil
import signal
import threading
from dataclasses import replace

import pytest

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.progress_log import ProgressLog
from psmatch_core.workspace.queue import RunQueue
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.worker import execute
from tests.waiting import until


class Errand(Job):
    """A job that does what a test asks for."""

    kind = "errand"
    noun = "errand"
    place = "errands"
    title = "An errand"
    asked = staticmethod(lambda work: None)

    def do(self, work):
        self.asked(work)


def errand(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(Errand, "asked", staticmethod(asked))
    return Errand(RunFolder.create_at(tmp_path / "errand", Recipe()))


def raising(error):
    def asked(work):
        (work.log.folder.path / ".half.npz.1-1.partial").write_bytes(b"half")
        raise error

    return asked


@pytest.mark.parametrize(
    ("error", "state", "problem", "hint"),
    [
        (PsmatchError("No cells.", hint="Add some."), FAILED, "No cells.", "Add some."),
        (Cancelled(), CANCELLED, "The errand was cancelled.", "Start it again; finished stages are kept."),
        (MemoryError(), FAILED, "The errand needs more memory than this machine has free.", "Use fewer cells"),
        (KeyError("x"), FAILED, "Unexpected error (KeyError).", "Please report it and attach traceback.txt"),
        (OSError(errno.ENOSPC, "No space left"), FAILED, "The disk is full: a file of this errand", "Free space"),
    ],
)
def test_whatever_the_work_raises_is_in_the_status(tmp_path, monkeypatch, error, state, problem, hint):
    job = errand(tmp_path, monkeypatch, raising(error))
    status = execute(job)
    assert replace(job.status(), updated=0.0) == status
    assert status.state == state
    assert status.problem.startswith(problem)
    assert status.hint.startswith(hint)
    assert (job.folder.path / "traceback.txt").exists() == isinstance(error, KeyError)
    assert not list(job.folder.path.rglob("*.partial"))
    assert not job.folder.is_worked_on()


def test_work_that_is_done_clears_an_earlier_failure(tmp_path, monkeypatch):
    job = errand(tmp_path, monkeypatch, lambda work: None)
    job.folder.write_status(RunStatus(state=FAILED, problem="before", hint="before"))
    (job.folder.path / ".old.json.1-1.partial").write_bytes(b"of a worker that was killed")
    status = execute(job)
    assert (status.state, status.fraction, status.problem, status.hint) == (DONE, 1.0, "", "")
    assert not list(job.folder.path.rglob("*.partial"))


def test_a_signal_cancels_the_work_and_the_handlers_come_back(tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    job = errand(tmp_path, monkeypatch, lambda work: signal.raise_signal(signal.SIGTERM))
    assert execute(job).state == CANCELLED
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_worker_is_refused_and_changes_nothing(tmp_path, monkeypatch):
    seen = []

    def asked(work):
        with pytest.raises(PsmatchError, match="Another process is working on run errand"):
            execute(job)
        seen.append(job.status().state)

    job = errand(tmp_path, monkeypatch, asked)
    execute(job)
    assert seen == [RUNNING]


def test_a_job_shows_that_it_waits_and_works_when_its_turn_comes(tmp_path, monkeypatch):
    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "1")
    states, queue = [], RunQueue(tmp_path / "queue")

    def asked(work):
        with work.turn():
            states.append((job.status().state, queue.n_ahead("a later one")))

    job = errand(tmp_path, monkeypatch, asked)
    with queue.turn("an earlier one", pytest.fail):
        worker = threading.Thread(target=lambda: execute(job, queue=queue.root))
        worker.start()
        until(lambda: job.status().message == "waiting for 1 other run to end", lambda: str(job.status()))
        assert job.status().state == QUEUED
        assert queue.n_ahead(job.folder.queue_name) == 1
        assert states == []
    worker.join()
    assert states == [(RUNNING, 1)]
    assert job.status().state == DONE
    assert queue.n_ahead("a later one") == 0


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_folder_that_is_removed_ends_the_work_and_stays_away(tmp_path, monkeypatch, comes_back):
    def asked(work):
        shutil.rmtree(job.folder.path)
        if comes_back:  # as another run with the same name
            RunFolder.create_at(job.folder.path, Recipe())
        for _ in range(2):
            with pytest.raises(PsmatchError, match="The folder of run errand was removed"):
                work.log(Event("match", 1.0))
        files.NOTES.write(job.folder, ("a note",))

    job = errand(tmp_path, monkeypatch, asked)
    if comes_back:
        asked_of = job.folder.job["created"]
        with pytest.raises(PsmatchError, match="was removed"):
            execute(job)
        assert job.folder.job["created"] > asked_of
        assert job.status().state == QUEUED
    else:
        with pytest.raises(PsmatchError, match="was removed"):
            execute(job)
        assert not job.folder.path.exists()
        assert job.status().state == LOST
        assert job.status().hint.startswith("Start a new run")


def test_without_a_queue_nothing_waits(tmp_path, monkeypatch):
    turns = []

    def asked(work):
        with work.turn() as turn:
            turns.append(turn)

    assert execute(errand(tmp_path, monkeypatch, asked)).state == DONE
    assert turns == [None]


def test_every_number_is_logged_and_every_stage_begins_at_once(tmp_path):
    """Words in between may be left out, which depends on the time; numbers and new stages may not."""
    folder, heard = RunFolder.create_at(tmp_path / "run", Recipe()), []
    log = ProgressLog(folder, heard.append)
    for epoch in range(5):
        log(Event("propensity: RNA", 0.1, "training", {"epoch": epoch, "training_loss": float("nan")}))
    for stage in ("match", "evaluate"):
        log(Event(stage, 0.0, "begun"))
        assert (folder.status().stage, folder.status().message) == (stage, "begun")
    log(Event("evaluate", 1.0))
    assert folder.status().fraction == 1.0
    events = folder.events()
    assert [event.values["epoch"] for event in events if event.values] == [0, 1, 2, 3, 4]
    assert not any("training_loss" in event.values for event in events)  # NaN is not JSON
    assert len(heard) == 8
    json.loads((folder.path / "events.jsonl").read_text(encoding="utf-8").splitlines()[0], parse_constant=pytest.fail)
