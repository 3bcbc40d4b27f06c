"""Heartbeats: a worker shows that it lives, and whoever looks measures how long it has been silent.

The worker touches its lock every few seconds, from a thread beside the work. Whoever looks compares what it sees with
what it saw before, and counts the silence on its own monotonic clock: no clock of the day matters, and neither does the
time in which both slept, as on a laptop that was closed. A worker that computes lives, even inside one long library
call that lets no other thread run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.workspace.processes import WorkerProcess

BEAT_SECONDS = 5.0
TOLD_SECONDS = 30.0  # of silence, after which a page says so
ENDED_SECONDS = 90.0  # of silence, after which the worker is ended
# At most so much of the time between two looks counts as silence: whoever has not looked has not heard either.
MOST_BETWEEN_LOOKS = 10.0
MOST_WATCHED = 1000


@dataclass
class _Seen:
    sign: tuple[int, int]
    silent: float
    looked: float


_SEEN: dict[str, _Seen] = {}
_GUARD = threading.Lock()


@contextmanager
def beating(lock: Path, removed: Callable[[], None]) -> Iterator[None]:
    """Show in a file that this process lives, as long as the block lasts.

    Parameters
    ----------
    lock
        The file that is touched.
    removed
        Called from another thread, once, if the file is not there any more.
    """
    ended, inode = threading.Event(), lock.stat().st_ino

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                if lock.stat().st_ino != inode:  # another folder has taken the place of this one
                    raise FileNotFoundError
                os.utime(lock)
            except FileNotFoundError:
                removed()
                return
            except OSError:
                continue  # a full or busy disk is no reason to end

    thread = threading.Thread(target=beat, name="psmatch-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def silence(lock: Path, process: WorkerProcess | None) -> float:
    """How long this process has seen no sign of life of a worker [s]; 0 at the first look."""
    try:
        beat = lock.stat().st_mtime_ns
    except OSError:
        beat = 0
    sign, now = (beat, process.n_ticks if process is not None else 0), time.monotonic()
    with _GUARD:
        seen = _SEEN.get(str(lock))
        if seen is None or seen.sign != sign:
            if len(_SEEN) > MOST_WATCHED:
                _SEEN.clear()
            _SEEN[str(lock)] = _Seen(sign, 0.0, now)
            return 0.0
        seen.silent += min(now - seen.looked, MOST_BETWEEN_LOOKS)
        seen.looked = now
        return seen.silent
