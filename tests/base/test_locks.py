"""Locks: one holder at a time, released with its process, and never blocked by processes that only look."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from psmatch_core.base import locks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
LOOKER = """
import sys
from pathlib import Path
from psmatch_core.base import locks
print("looking", flush=True)
while True:
    locks.is_held(Path(sys.argv[1]))
"""
HOLDER = """
import sys, time
from pathlib import Path
from psmatch_core.base import locks
lock = locks.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def process(code, path):
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert other.stdout.readline()
        yield other
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_one_holds_a_lock_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "TRIES", 3)
    path = tmp_path / "a.lock"
    lock = locks.try_acquire(path)
    assert locks.is_held(path)
    assert locks.try_acquire(path) is None
    lock.release()
    lock.release()
    assert lock.is_released
    assert not locks.is_held(path)
    with locks.try_acquire(path):
        assert locks.is_held(path)
    assert not locks.is_held(path)


def test_who_waits_for_a_lock_gets_it_when_it_is_released(tmp_path):
    path, got = tmp_path / "a.lock", []
    lock = locks.acquire(path)
    waiting = threading.Thread(target=lambda: got.append(locks.acquire(path)))
    waiting.start()
    lock.release()
    waiting.join(60)
    assert locks.is_held(path)
    got[0].release()


def test_looking_at_a_lock_creates_nothing(tmp_path):
    assert not locks.is_held(tmp_path / "a.lock")
    assert not locks.is_held(tmp_path / "no folder" / "a.lock")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "a.lock"
    with process(HOLDER, path) as holder:
        assert locks.is_held(path)
        holder.kill()
        holder.wait()
        assert not locks.is_held(path)


def test_looking_never_makes_a_start_fail(tmp_path):
    folder = RunFolder.create(tmp_path, Recipe())
    path = folder.path / "worker.lock"
    path.touch()
    with process(LOOKER, path), process(LOOKER, path):
        for _ in range(2000):
            with folder.locked():
                pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on Unix only")
def test_a_process_that_is_forked_meanwhile_keeps_no_lock(tmp_path, monkeypatch):
    path, children, lock_file = tmp_path / "a.lock", [], locks.lock_descriptor

    def lock_and_fork(number, **settings):
        is_locked = lock_file(number, **settings)
        assert len(children) < 20, "a child keeps the lock: every new try would fork another"
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        children.append(child)
        return is_locked

    path.touch()
    with monkeypatch.context() as patch:
        patch.setattr(locks, "lock_descriptor", lock_and_fork)
        assert not locks.is_held(path)
        locks.acquire(path).release()
    try:
        with locks.try_acquire(path):
            pass
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_disk_without_locks_is_refused_in_words(tmp_path, monkeypatch):
    def unsupported(*_, **__):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks, "lock_descriptor", unsupported)
    with pytest.raises(PsmatchError, match=r"a\.lock cannot be locked: .* does not support file locks") as caught:
        locks.acquire(tmp_path / "a.lock")
    assert caught.value.hint == "Choose a workspace on a local disk."
