"""Workers that fall silent, start slowly, are cancelled in any state, or are cut off by a restart of the machine."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import heartbeat, processes, run_folder, store as store_module, watch
from psmatch_core.workspace.heartbeat import beating, silence
from psmatch_core.workspace.processes import WorkerProcess
from psmatch_core.workspace.run_folder import CANCELLED, DONE, LOST, QUEUED, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.watch import end_silent, jobs_in, resume_after_restart
from tests.waiting import until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not processes.PROC.is_dir(), reason="reads /proc, as on Linux")

# Stands for a worker: it does what its first argument says, so that a test need not train anything.
WORKER = """
import os, signal, subprocess, sys, time
from pathlib import Path
way, folder = sys.argv[1], sys.argv[2]
if way == "starting":
    time.sleep(1000)
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.worker import execute
class Errand(Job):
    kind = noun = place = title = "errand"
    def do(self, work):
        (Path(folder) / ".half.npz.1-1.partial").write_bytes(b"half")
        if way == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if way == "with children":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
            (Path(folder) / "child").write_text(str(child.pid))
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (Path(folder) / "works").write_text("")
        if way == "queued":
            with work.turn():
                pass
        time.sleep(0 if way == "short" else 1000)
root = Path(folder).parents[1]
execute(Errand(RunFolder(Path(folder))), queue=root / "queue")
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A workspace whose workers are the one above, in the way that ``ways`` says."""
    ways, started = ["endless"], []

    def start(command, folder, log):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, ways[0], str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return WorkerProcess.of_pid(process.pid)

    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "1")
    monkeypatch.setattr(store_module, "start_process", start)
    heartbeat._SEEN.clear()
    yield SimpleNamespace(runs=RunStore(tmp_path), ways=ways, started=started)
    for each in started:
        each.kill()
        each.wait()


def begin(store, way):
    """A run whose worker is in some state."""
    store.ways[0] = way
    folder = store.runs.start(Recipe())
    if way != "starting":
        until(lambda: (folder.path / "works").exists() or not folder.worker.is_alive, lambda: str(folder.status()))
    return folder


@pytest.mark.parametrize("way", ["starting", "endless", "deaf", "with children", "stopped", "queued"])
def test_cancel_is_obeyed_in_every_state(store, way):
    with ExitStack() as stack:
        if way == "queued":
            stack.enter_context(store.runs.queue.turn("another", pytest.fail))
        folder = begin(store, "endless" if way == "stopped" else way)
        process = folder.worker
        if way == "stopped":
            os.kill(process.pid, signal.SIGSTOP)
        assert store.runs.cancel(folder).state == CANCELLED
    assert not process.is_alive
    assert not folder.is_worked_on()
    assert folder.status().state == CANCELLED
    assert not list(folder.path.rglob("*.partial"))
    if way == "with children":
        until(lambda: not WorkerProcess.of_pid(int((folder.path / "child").read_text())).is_alive, "an orphan is left")


@pytest.mark.parametrize("way", ["endless", "deaf"])
def test_who_looks_while_a_run_is_cancelled_never_sees_it_lost(store, way):
    """A page that is opened meanwhile would say that the process stopped unexpectedly, and stay so."""
    folder = begin(store, way)
    seen, ended = set(), threading.Event()

    def look():
        while not ended.is_set():
            seen.add(folder.status().state)

    looker = threading.Thread(target=look)
    looker.start()
    store.runs.cancel(folder)
    ended.set()
    looker.join()
    assert seen <= {QUEUED, RUNNING, CANCELLED}
    assert folder.status().state == CANCELLED


def test_a_run_that_is_cancelled_before_it_starts_never_starts(store, monkeypatch):
    folder = RunFolder.create(store.runs.runs, Recipe())
    assert store.runs.cancel(folder).state == CANCELLED
    store.runs._start(folder)
    assert store.started == []
    assert folder.status().state == CANCELLED


def test_a_cancelled_run_can_start_again_and_ends(store):
    folder = begin(store, "endless")
    store.runs.cancel(folder)
    store.ways[0] = "short"
    store.runs.start_again(folder)
    until(lambda: folder.status().state == DONE, lambda: str(folder.status()))


def test_a_worker_killed_before_its_first_word_is_told_at_once(store):
    folder = begin(store, "starting")
    assert folder.status().state == QUEUED
    store.started[0].kill()
    store.started[0].wait()
    assert folder.status().state == LOST
    assert folder.status().hint.startswith("Start it again")


@pytest.mark.parametrize("years", [-10, 10])
@pytest.mark.parametrize("way", ["starting", "endless"])
def test_a_clock_that_is_set_kills_no_live_run(store, monkeypatch, way, years):
    folder = begin(store, way)
    now = run_folder.time.time() + years * 365 * 86_400
    monkeypatch.setattr(run_folder, "time", SimpleNamespace(time=lambda: now))
    assert folder.status().state == (QUEUED if way == "starting" else RUNNING)
    assert end_silent(store.runs) == []


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock of whoever looks, which a test moves."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def look(store, folder, clock, seconds):
    """Look every five seconds, as the watch of a server does."""
    for _ in range(seconds // 5):
        clock.now += 5
        end_silent(store.runs)
    return folder.status()


@pytest.mark.parametrize("way", ["endless", "starting"])
def test_a_stopped_worker_is_told_then_ended_and_its_run_can_start_again(store, clock, way):
    folder = begin(store, way)
    until(lambda: folder.worker.n_ticks > 0, "it does not start")
    os.kill(store.started[0].pid, signal.SIGSTOP)
    until(lambda: processes._facts(store.started[0].pid)[0] == "T", "it is not stopped")
    heartbeat._SEEN.clear()  # what was seen of it while it started
    look(store, folder, clock, 5)
    assert "has not reported" not in look(store, folder, clock, 25).message
    status = look(store, folder, clock, 10)
    assert status.is_active
    assert "the process has not reported for " in status.message
    status = look(store, folder, clock, 60)
    assert (status.state, status.problem) == (LOST, "The process had not reported for 90 s and was ended.")
    assert not folder.is_worked_on()
    store.ways[0] = "short"
    store.runs.start_again(folder)
    until(lambda: folder.status().state == DONE, lambda: str(folder.status()))


def test_a_laptop_that_slept_loses_no_run(store, clock):
    """Both slept for a day: the worker has time to report before it counts as silent."""
    folder = begin(store, "endless")
    os.kill(store.started[0].pid, signal.SIGSTOP)
    look(store, folder, clock, 10)
    clock.now += 86_400
    assert end_silent(store.runs) == []
    assert folder.status().state == RUNNING
    os.kill(store.started[0].pid, signal.SIGCONT)
    os.utime(folder.path / "worker.lock")  # the beat that follows
    assert look(store, folder, clock, 25).message == ""


def test_a_worker_that_computes_without_a_beat_lives(store, clock, tmp_path):
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        (tmp_path / "worker.lock").write_bytes(b"")
        process = WorkerProcess.of_pid(busy.pid)

        def is_heard_again():
            clock.now += 5
            return silence(tmp_path / "worker.lock", process) == 0.0

        assert is_heard_again()
        until(is_heard_again, "its work is no sign of life")
    finally:
        busy.kill()
        busy.wait()


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_worker_beats_beside_its_work_and_notices_that_its_folder_is_gone(tmp_path, monkeypatch, comes_back):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    lock, gone = tmp_path / "run" / "worker.lock", threading.Event()
    lock.parent.mkdir()
    lock.write_bytes(b"")
    os.utime(lock, (1, 1))
    with beating(lock, gone.set):
        until(lambda: lock.stat().st_mtime > 1, "no beat")
        shutil.rmtree(lock.parent)
        if comes_back:
            lock.parent.mkdir()
            lock.with_name("other").write_bytes(b"")
            lock.write_bytes(b"")
        until(gone.is_set, "nobody noticed")


def cut_off(store, state, *, boot="before"):
    """A run as a machine that went down has left it."""
    folder = RunFolder.create(store.runs.runs, Recipe())
    folder.write_status(RunStatus(state=state, pid=4_000_000, started=1.0))
    folder.keep_worker(WorkerProcess(4_000_000, "1", boot or processes.boot_id()))
    return folder


def test_what_worked_or_waited_is_resumed_once_after_a_restart(store, monkeypatch):
    store.ways[0] = "short"
    running, queued = cut_off(store, RUNNING), cut_off(store, QUEUED)
    ended = [cut_off(store, state) for state in (DONE, CANCELLED, LOST)]
    crashed = cut_off(store, RUNNING, boot="")  # on this start of the machine: it may crash again
    assert {each.id for each in resume_after_restart(store.runs)} == {running.id, queued.id}
    until(lambda: all(each.status().state == DONE for each in (running, queued)), lambda: str(running.status()))
    assert [each.status().state for each in ended] == [DONE, CANCELLED, LOST]
    assert crashed.status().state == LOST
    for folder in (running, queued):  # the machine goes down again
        folder.write_status(RunStatus(state=RUNNING, started=1.0))
        folder.keep_worker(WorkerProcess(4_000_000, "1", "before"))
    assert resume_after_restart(store.runs) == []
    assert running.status().state == LOST
    store.runs.start_again(running)  # its user wants it, so it counts anew
    until(lambda: running.status().state == DONE, lambda: str(running.status()))
    running.write_status(RunStatus(state=RUNNING, started=1.0))
    running.keep_worker(WorkerProcess(4_000_000, "1", "before"))
    assert [each.id for each in resume_after_restart(store.runs)] == [running.id]


def test_a_server_that_starts_again_leaves_live_workers_alone(store):
    folder = begin(store, "endless")
    assert resume_after_restart(store.runs) == []
    assert folder.status().state == RUNNING


def test_every_kind_of_job_is_watched(tmp_path):
    places = ["runs/R", "runs/R/monitor", "runs/R/left_out/20260101", "runs/R/ladders/20260101", "sweeps/S",
              "sweeps/S/runs/0000", "several/S", "demos/screen-1/runs/R"]  # fmt: skip
    for each in places:
        (tmp_path / each).mkdir(parents=True, exist_ok=True)
    assert {each.path.relative_to(tmp_path).as_posix() for each in jobs_in(tmp_path)} >= set(places)


def test_a_number_that_another_process_has_now_is_not_the_worker(tmp_path):
    me = WorkerProcess.of_pid(os.getpid())
    assert me.is_alive
    assert not WorkerProcess(me.pid, "1", me.boot).is_alive
    assert not WorkerProcess(me.pid, me.started, "another start of the machine").is_alive
    assert not WorkerProcess(1).is_alive
    assert watch.LOOK_SECONDS <= heartbeat.MOST_BETWEEN_LOOKS
