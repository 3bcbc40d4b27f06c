"""The queue: so many at once, short work first, and nobody is blocked by the dead."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from psmatch_core.base import locks
from psmatch_core.workspace.queue import RunQueue, runs_at_once
from tests.waiting import HANG, until

ROOT = Path(__file__).parents[2]


def test_a_second_waits_until_the_first_ends(tmp_path):
    queue, heard, order = RunQueue(tmp_path, at_once=1), [], []

    def second():
        with queue.turn("b", heard.append):
            order.append("b works")

    with queue.turn("a", heard.append):
        thread = threading.Thread(target=second)
        thread.start()
        until(lambda: heard, "the second does not wait")
        assert (queue.n_ahead("a"), queue.n_ahead("b"), queue.n_ahead("not come yet")) == (0, 1, 2)
        order.append("a ends")
    thread.join(HANG)
    assert order == ["a ends", "b works"]
    assert heard == [1]
    assert not list(tmp_path.glob("*.ticket"))


def test_as_many_work_at_once_as_there_are_places(tmp_path):
    queue = RunQueue(tmp_path, at_once=2)
    with queue.turn("a", pytest.fail), queue.turn("b", pytest.fail):
        assert [queue.n_ahead(name) for name in ("a", "b", "c")] == [0, 0, 1]


def test_a_place_can_be_given_up_before_the_end(tmp_path):
    queue = RunQueue(tmp_path, at_once=1)
    with queue.turn("a", pytest.fail) as turn:
        turn.release()
        with queue.turn("b", pytest.fail):
            assert queue.n_ahead("b") == 0


def test_who_stops_waiting_gives_the_ticket_back(tmp_path):
    queue = RunQueue(tmp_path, at_once=1)

    def gives_up(first):
        raise KeyboardInterrupt

    with queue.turn("a", pytest.fail):
        with pytest.raises(KeyboardInterrupt), queue.turn("b", gives_up):
            pass
        assert queue.n_ahead("c") == 1


def test_the_dead_block_nobody(tmp_path):
    code = (
        "import sys; from pathlib import Path; from psmatch_core.workspace.queue import RunQueue\n"
        "with RunQueue(Path(sys.argv[1]), at_once=1).turn('a', print):\n    print('in', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert other.stdout.readline().strip() == b"in"
    queue = RunQueue(tmp_path, at_once=1)
    assert queue.n_ahead("b") == 1
    other.kill()
    other.wait()
    other.stdin.close()
    other.stdout.close()
    assert queue.n_ahead("b") == 0
    with queue.turn("b", pytest.fail):
        pass


WORKER = """
import sys, time
from pathlib import Path
from psmatch_core.workspace.queue import RunQueue
name, seconds = sys.argv[2], float(sys.argv[3])
with RunQueue(Path(sys.argv[1]), at_once=1).turn(name, lambda n: print("waits", flush=True), seconds=seconds):
    print("works", flush=True)
    sys.stdin.read()
"""


def test_workers_begin_in_the_order_in_which_they_are_due(tmp_path):
    """Real processes: training works, more training waits, and two matches of known scores come last."""
    workers = {}

    def start(name, seconds):
        workers[name] = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), name, str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        return workers[name].stdout.readline().strip()

    def end(name):
        workers[name].communicate("")

    try:
        assert start("training", 600) == "works"
        assert start("other", 600) == "waits"
        assert start("match", 10) == "works"  # in the place beside
        assert start("second", 10) == "waits"
        queue = RunQueue(tmp_path, at_once=1)
        assert [queue.n_ahead(name) for name in workers] == [0, 2, 0, 1]
        end("match")
        assert workers["second"].stdout.readline().strip() == "works"
        end("training")
        assert workers["other"].stdout.readline().strip() in ("waits", "works")
        until(lambda: queue.n_ahead("other") == 0, "the other training does not begin")
        end("second")
        end("other")
        assert not [path.name for path in tmp_path.iterdir() if path.name != "lock"]
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()


def test_tickets_of_an_earlier_version_count_as_working(tmp_path):
    queue = RunQueue(tmp_path, at_once=1)
    with locks.acquire(tmp_path / "000000000007-20261128-141419-cf1a.ticket"):
        assert queue.n_ahead("20261128-141419-cf1a") == 0
        assert queue.n_ahead("b") == 1


def test_how_many_work_at_once_can_be_set(monkeypatch):
    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "3")
    assert runs_at_once() == 3
    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "")
    for cores, expected in ((16, 8), (3, 1), (1, 1), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert runs_at_once() == expected
