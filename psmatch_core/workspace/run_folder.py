"""The folder of a run or of another job, which other processes read while a worker writes it.

``recipe.json``  the settings;  ``job.json``  what was asked for;  ``status.json``  its state;  ``events.jsonl``  its
progress;  ``log.txt``  what the worker printed;  ``exports/``  the files for users. The results of a run are declared
in :mod:`psmatch_core.workspace.files`. Every file is whole or absent; only the events grow.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.new_folder import LOCK, check_free, holds_job, make_folder

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
START_SECONDS = 60.0  # a worker that has not locked its folder by then has not started: it first imports torch


class RunState(StrEnum):
    """The state of a run or of another job; it is lost if its process has died."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


QUEUED, RUNNING, DONE, FAILED, CANCELLED, LOST = RunState


class LastStage(StrEnum):
    """The stage after which a run stops; ``MATCH`` is everything, with exports and maps."""

    PROPENSITY = "propensity"
    EVALUATION = "evaluation"
    MATCH = "match"


@dataclass(frozen=True)
class RunStatus:
    """The state of a run or of another job, with its progress.

    Parameters
    ----------
    state
        Whether it waits, works or has ended.
    stage, fraction, message
        What it does now, and how much of that is done, 0 to 1.
    problem, hint
        What went wrong and what to change, if it failed.
    pid
        Process id of the worker.
    started, updated
        Seconds since the epoch.
    """

    state: RunState = QUEUED
    stage: str = ""
    fraction: float = 0.0
    message: str = ""
    problem: str = ""
    hint: str = ""
    pid: int = 0
    started: float = 0.0
    updated: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether it waits or works."""
        return self.state in (QUEUED, RUNNING)


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run or of another job."""

    path: Path

    @classmethod
    def create(cls, root: Path, recipe: Recipe, **asked: Any) -> RunFolder:
        """A new folder under ``root``, ready for a worker; ``asked`` as in :meth:`create_at`."""
        return cls.create_at(root / new_id(), recipe, **asked)

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
        return Recipe.read(self.path / "recipe.json")

    @property
    def job(self) -> dict[str, Any]:
        """What was asked for: ``kind``, ``stop_after``, ``name``, ``created`` (seconds since the epoch)."""
        path = self.path / "job.json"
        return _json(path) if path.exists() else {}

    def rename(self, name: str) -> None:
        """Give it another name."""
        disk.write_json(self.path / "job.json", {**self.job, "name": name})

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    def stage_file(self, name: str) -> Path:
        """The file of a finished stage, such as ``source_propensity``."""
        return self.path / f"{name}.npz"

    def status(self) -> RunStatus:
        """The status; its state is lost if the process is gone and had not ended."""
        status = self._written_status()
        if not status.is_active or self.is_worked_on():
            return status
        status = self._written_status()  # it may have ended between the two looks
        waiting = status.state == QUEUED and time.time() - status.started < START_SECONDS
        if not status.is_active or waiting:
            return status
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
        """Replace the status."""
        disk.write_json(self.path / "status.json", to_plain(replace(status, updated=time.time())))

    def events(self) -> list[Event]:
        """All progress so far."""
        return [event for _, event in self.timed_events()]

    def timed_events(self) -> list[tuple[float, Event]]:
        """All progress so far with its times [seconds since the epoch]; an incomplete last line is left out."""
        path = self.path / "events.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        entries = [json.loads(line) for line in lines if line]
        return [(float(each.pop("time")), Event(**each)) for each in entries]

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
        lock = locks.try_acquire(self.path / LOCK)
        if lock is None:
            raise PsmatchError(
                f"Another process is working on run {self.id}.", hint="Wait until it ends, or cancel it."
            )
        with lock:
            yield

    def _written_status(self) -> RunStatus:
        path = self.path / "status.json"
        if not path.exists():
            return RunStatus(state=LOST, problem="The run's folder is incomplete.")
        return from_plain(_json(path), RunStatus)


def new_id() -> str:
    """An id that sorts by time: the date and time in UTC, and 12 random digits."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + uuid.uuid4().hex[:12]


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
