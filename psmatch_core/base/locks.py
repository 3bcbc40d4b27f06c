"""Locks between processes: the operating system holds them, so a lock ends with its process, however that dies."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor, unlock_descriptor

from psmatch_core.base.errors import PsmatchError

# Looking at a lock takes it for some microseconds, so a single try can fail on a process that only looks. Tries are
# counted, not timed: a busy machine makes them slower, not fewer.
TRIES = 100
TRIES_OF_A_LOOK = 2
PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Lock:
    """A lock held by this process until it is released, or until the process ends."""

    _stream: BinaryIO

    @property
    def is_released(self) -> bool:
        return self._stream.closed

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if not self._stream.closed:
            unlock_descriptor(self._stream.fileno())  # closing alone would leave the lock with a forked child
            self._stream.close()

    def __enter__(self) -> None: ...

    def __exit__(self, *exception: object) -> None:
        self.release()


def acquire(path: Path) -> Lock:
    """Lock the file at ``path``, creating it if needed; waits as long as it takes.

    Raises
    ------
    PsmatchError
        If the disk does not support locks.
    """
    while (lock := try_acquire(path)) is None:
        continue
    return lock


def try_acquire(path: Path) -> Lock | None:
    """Lock the file at ``path``, creating it if needed; None if another process holds it for half a second.

    Raises
    ------
    PsmatchError
        If the disk does not support locks.
    """
    stream = open(path, "a+b")  # noqa: SIM115 - the lock lasts as long as the stream is open
    try:
        if _lock(stream, TRIES):
            return Lock(stream)
    except BaseException:
        stream.close()
        raise
    stream.close()
    return None


def is_held(path: Path) -> bool:
    """Whether a process holds a lock on the file at ``path``; looking never makes a :func:`try_acquire` fail.

    Raises
    ------
    PsmatchError
        If the disk does not support locks.
    """
    with suppress(FileNotFoundError), open(path, "r+b") as stream:
        if not _lock(stream, TRIES_OF_A_LOOK):
            return True
        unlock_descriptor(stream.fileno())
    return False


def _lock(stream: BinaryIO, tries: int) -> bool:
    for attempt in range(tries):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            if lock_descriptor(stream.fileno(), blocking=False):
                return True
        except OSError as error:
            raise PsmatchError(
                f"{Path(stream.name).name} cannot be locked: the disk of the workspace does not support file locks.",
                hint="Choose a workspace on a local disk.",
            ) from error
    return False
