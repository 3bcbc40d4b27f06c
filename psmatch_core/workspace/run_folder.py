"""The folder of a run or of another job, which other processes read while a worker writes it.

``recipe.json``  the settings;  ``job.json``  what was asked for;  ``status.json``  its state;  ``events.jsonl``  its
progress;  ``log.txt``  what the worker printed;  ``exports/``  the files for users. The results of a run are declared
in :mod:`psmatch_core.workspace.files`. Every file is whole or absent; only the events grow.
"""

from __future__ import annotations

import calendar
import math
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.folder_access import FolderAccess
from psmatch_core.workspace.heartbeat import ENDED_SECONDS, TOLD_SECONDS, silence
from psmatch_core.workspace.new_folder import LOCK, check_free, check_there, holds_job, make_folder, removed_error
from psmatch_core.workspace.processes import WorkerProcess
from psmatch_core.workspace.run_status import (
    CANCELLED as CANCELLED,
    DONE as DONE,
    FAILED as FAILED,
    LOST as LOST,
    QUEUED as QUEUED,
    RUNNING as RUNNING,
    LastStage as LastStage,
    RunState as RunState,
    RunStatus as RunStatus,
)
from psmatch_core.workspace.small_files import damage_error, is_time, read_events, read_plain, write_plain

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
START_LOCK = "start.lock"  # held while a worker is started or ended, so that neither overtakes the other
WORKER = "worker.json"  # the process that was started last
RESUMED = "resumed"  # says that the job was started by itself after a restart of the machine
START_SECONDS = 60.0  # without a known process, a worker that has not locked its folder by then has not started


@dataclass(frozen=True)
class RunFolder(FolderAccess):
    """The folder of a run or of another job."""

    @classmethod
    def create(cls, root: Path, recipe: Recipe, **asked: Any) -> RunFolder:
        """A new folder under ``root``, ready for a worker, whole or not there; ``asked`` as in :meth:`create_at`."""
        run_id = new_id()
        partial = cls.create_at(root / f".{run_id}", recipe, **asked)  # not the id of a run yet, so nobody lists it
        return cls(partial.path.rename(root / run_id))

    @classmethod
    def create_at(
        cls,
        path: Path,
        recipe: Recipe,
        *,
        stop_after: LastStage = LastStage.MATCH,
        name: str = "",
        is_repeated: bool = False,
        **more: Any,
    ) -> RunFolder:
        """A folder at a given path, ready for a worker.

        Parameters
        ----------
        name
            What the user calls the run.
        is_repeated
            An ended job that is already in the folder is done again, and its files stay until new ones replace them.
            Otherwise a folder with any files is refused.
        more
            What a job of another kind adds to ``job.json``: its kind and settings.

        Raises
        ------
        PsmatchError
            If the folder cannot be used, or a process works on the job in it.
        """
        folder = cls(path)
        is_repeated = is_repeated and holds_job(path)
        if not is_repeated:
            check_free(path)
        make_folder(path)
        job = {"kind": "run", "stop_after": stop_after, "name": name, "created": time.time(), **more}
        try:
            with folder.locked() if is_repeated else nullcontext():
                disk.write_text(folder.path / "recipe.json", recipe.to_json())
                disk.write_json(folder.path / "job.json", job)
                folder.write_status(RunStatus(started=time.time()))
        except PsmatchError:
            if not is_repeated:  # the disk is full: an incomplete run would still be listed
                for each in ("recipe.json", "job.json", "status.json"):
                    (path / each).unlink(missing_ok=True)
                with suppress(OSError):
                    path.rmdir()
            raise
        return folder

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def queue_name(self) -> str:
        """A name that is unique in the queue: the folder's own may be ``monitor``, as in other runs."""
        return f"{self.path.parent.name}.{self.id}"

    @property
    def recipe(self) -> Recipe:
        return _read_recipe(self.path / "recipe.json")

    @property
    def job(self) -> dict[str, Any]:
        """What was asked for: ``kind``, ``stop_after``, ``name``, ``created`` (seconds since the epoch).

        Empty if it cannot be read, which :meth:`damage` tells.
        """
        found = read_plain(self.path / "job.json")
        return found if found is not None and _is_job(found) else {}

    @property
    def created(self) -> float:
        """When it was made [seconds since the epoch]; the time in its id if ``job.json`` does not say it."""
        if "created" in self.job:
            return float(self.job["created"])
        with suppress(ValueError):
            return float(calendar.timegm(time.strptime(self.id[:15], "%Y%m%d-%H%M%S")))
        return 0.0

    def rename(self, name: str) -> None:
        """Give it another name."""
        self.check_writable()
        known = self.job or {"kind": "run", "stop_after": LastStage.MATCH, "created": self.created}
        write_plain(self.path / "job.json", {**known, "name": name})

    def damage(self) -> PsmatchError | None:
        """What cannot be read of the files that say what this folder is, and what to do; None if they are whole."""
        readable = {
            "recipe.json": read_plain(self.path / "recipe.json") is not None,
            "status.json": self._written_status() is not None,
            "job.json": bool(self.job),
        }
        # What a job inside a run does not have, an older version did not write.
        exists = {name: os.path.lexists(self.path / name) for name in readable}
        needed = {name for name in readable if exists[name] or RUN_ID.fullmatch(self.id)}
        return damage_error({name: exists[name] for name in readable if name in needed and not readable[name]})

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    def stage_file(self, name: str) -> Path:
        """The file of a finished stage, such as ``source_propensity``."""
        return self.path / f"{name}.npz"

    def status(self) -> RunStatus:
        """The status; its state is lost if the process is gone and had not ended, or the folder cannot be read.

        While somebody ends the worker, it is still what it was: whoever ends it will write why.
        """
        status = self.worker_status()
        if status.state != LOST:
            return status
        if locks.is_held(self.path / START_LOCK):
            return self._written_status() or status
        return self.worker_status()  # why it ended may have been written between the two looks

    def worker_status(self) -> RunStatus:
        """The status by the worker alone, for whoever holds :meth:`starting`."""
        status = self._written_status()
        if status is None and self.is_worked_on():
            return RunStatus(RUNNING)  # whoever works on it will soon write it
        if status is not None and (not status.is_active or self.is_worked_on()):
            return self._with_silence(status)
        status = self._written_status()  # it may have ended between the two looks
        if status is None:
            return self._unreadable_status()
        if not status.is_active or (status.state == QUEUED and self._is_starting(status)):
            return self._with_silence(status)
        if not disk.has_room(self.path):
            full = disk.full_disk_error("the status of the run")
            return replace(status, state=LOST, problem=full.problem, hint=full.hint)
        return replace(
            status,
            state=LOST,
            problem="The process stopped unexpectedly: memory may have run out, or the machine restarted.",
            hint="Start it again; finished stages are kept. If this happens again, use fewer cells or features.",
        )

    def write_status(self, status: RunStatus) -> None:
        """Replace the status.

        Raises
        ------
        PsmatchError
            If the folder was removed, or the disk is full.
        """
        self.check_writable()
        check_there(self.path)
        write_plain(self.path / "status.json", to_plain(replace(status, updated=time.time())))

    def events(self) -> list[Event]:
        """All progress so far."""
        return [event for _, event in self.timed_events()]

    def timed_events(self) -> list[tuple[float, Event]]:
        """All progress so far with its times [seconds since the epoch]; an incomplete last line is left out."""
        return read_events(self.path / "events.jsonl")

    @property
    def worker(self) -> WorkerProcess | None:
        """The process that was started last to do this job; None if nobody has noted it."""
        found = read_plain(self.path / WORKER)
        if found is not None:
            with suppress(LookupError, TypeError, ValueError, OverflowError):
                return from_plain(found, WorkerProcess)
        status = self._written_status()
        if status is None or not status.pid or not self.is_worked_on():  # else the number may be another process's now
            return None
        return WorkerProcess.of_pid(status.pid)  # of a command line

    def keep_worker(self, process: WorkerProcess) -> None:
        """Note the process that was started to do this job."""
        self.check_writable()
        write_plain(self.path / WORKER, to_plain(process))

    @property
    def was_active(self) -> bool:
        """Whether it waits or works as far as its file says; its process may be gone."""
        status = self._written_status()
        return status is not None and status.is_active

    def silent_seconds(self) -> float:
        """How long this process has seen no sign of life of the worker [s]; 0 if there is no worker."""
        worker = self.worker
        is_alive = worker is not None and worker.is_alive
        return silence(self.path / LOCK, worker) if is_alive or self.is_worked_on() else 0.0

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Let nobody else start or end the worker during the block."""
        self.check_writable()
        check_there(self.path)
        with locks.acquire(self.path / START_LOCK):
            yield

    def is_worked_on(self) -> bool:
        """Whether a worker has locked this folder; its lock ends with its process, however that dies."""
        return locks.is_held(self.path / LOCK)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder as its only worker.

        Raises
        ------
        PsmatchError
            If another process works on it.
        """
        self.check_writable()
        lock = locks.try_acquire(self.path / LOCK)
        if lock is None:
            raise PsmatchError(
                f"Another process is working on run {self.id}.", hint="Wait until it ends, or cancel it."
            )
        with lock:
            yield

    def _written_status(self) -> RunStatus | None:
        """The status in the file; None if there is none that can be read."""
        found = read_plain(self.path / "status.json")
        try:
            status = from_plain(found, RunStatus) if found is not None else None
        except (LookupError, TypeError, ValueError, OverflowError):
            return None
        if status is None or not (math.isfinite(status.fraction) and status.pid >= 0):
            return None
        return status if is_time(status.started) and is_time(status.updated) else None

    def _is_starting(self, status: RunStatus) -> bool:
        """Whether a worker that has not locked the folder yet may still do so: it first loads libraries."""
        if (self.path / WORKER).exists():
            worker = self.worker
            return worker is not None and worker.is_alive
        return time.time() - status.started < START_SECONDS

    def _with_silence(self, status: RunStatus) -> RunStatus:
        silent = self.silent_seconds() if status.is_active else 0.0
        if silent < TOLD_SECONDS:
            return status
        return replace(
            status,
            message=f"the process has not reported for {silent:.0f} s; after {ENDED_SECONDS:.0f} s it is ended and can "
            "be started again",
        )

    def _unreadable_status(self) -> RunStatus:
        if not self.path.is_dir():
            removed = removed_error(self.path)
            return RunStatus(LOST, problem=removed.problem, hint=removed.hint)
        damage = self.damage()
        return RunStatus(
            LOST,
            problem=damage.problem if damage else "The run's folder is incomplete.",
            hint=damage.hint if damage else "Start it again; finished stages are kept.",
        )


def new_id() -> str:
    """An id that sorts by time: the date and time in UTC, and 12 random digits."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + uuid.uuid4().hex[:12]


def _is_job(found: dict[str, Any]) -> bool:
    """Whether plain data can be those of ``job.json``."""
    texts = all(isinstance(found.get(name, ""), str) for name in ("kind", "name"))
    return texts and is_time(found.get("created", 0.0)) and found.get("stop_after", LastStage.MATCH) in set(LastStage)


_load_recipe = disk.of_this_version(Recipe.read)


@lru_cache(maxsize=64)
def _recipe_of(path: Path, changed: int, size: int) -> Recipe:
    """A recipe as it was when its file was last changed; a page asks for that of its run many times."""
    return _load_recipe(path)


def _read_recipe(path: Path) -> Recipe:
    try:
        found = path.stat()
    except OSError:
        return _load_recipe(path)  # says what is wrong
    return _recipe_of(path, found.st_mtime_ns, found.st_size)
