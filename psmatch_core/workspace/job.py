"""Job: one piece of background work and its folder. Its kinds are in ``jobs/``, one file per kind.

A job is made (``LeaveOutJob.create``), started (``RunStore.start_job``), done by a worker (``do``), and read
(``status``, ``result``). Its folder holds ``job.json`` (what was asked for), ``status.json``, ``events.jsonl`` and
``log.txt``, whatever its kind.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from psmatch_core.base.cores import computing_on, current_executor
from psmatch_core.base.errors import plural
from psmatch_core.base.executors import EXECUTOR_VARIABLE, open_executor
from psmatch_core.workspace.progress_log import ProgressLog
from psmatch_core.workspace.queue import RunQueue, Turn
from psmatch_core.workspace.queue_order import UNKNOWN_SECONDS
from psmatch_core.workspace.run_folder import DONE, QUEUED, RUN_ID, RUNNING, RunFolder, RunStatus

EXECUTOR_KEY = "executor"  # in job.json: the address of the cluster that computes


@dataclass(frozen=True)
class Work:
    """What a worker hands to the job that it does.

    Parameters
    ----------
    log
        Receives progress.
    cache
        Folder in which jobs share finished stages; None to share nothing.
    queue
        Where jobs wait for each other; None not to wait.
    """

    log: ProgressLog
    cache: Path | None
    queue: RunQueue | None

    @contextmanager
    def turn(self, seconds: float = UNKNOWN_SECONDS) -> Iterator[Turn | None]:
        """Wait for a place among the jobs that may work at once; meanwhile the status says how many come first.

        Parameters
        ----------
        seconds
            How long the work is expected to take: short work goes first.
        """
        if self.queue is None:
            yield None
            return

        def show(n_ahead: int) -> None:
            self.log.status(state=QUEUED, message=f"waiting for {plural(n_ahead, 'other run')} to end")

        with self.queue.turn(self.log.folder.queue_name, show, seconds=seconds) as turn:
            self.log.status(state=RUNNING, message="")
            yield turn


@dataclass(frozen=True)
class Job(ABC):
    """One piece of background work.

    Parameters
    ----------
    folder
        Holds its settings, status, progress and log.
    """

    folder: RunFolder

    kind: ClassVar[str]  # in job.json
    noun: ClassVar[str]  # in messages, such as: The measurement was cancelled.
    place: ClassVar[str]  # the folder in which the folders of this kind are, or the one folder itself

    @property
    @abstractmethod
    def title(self) -> str:
        """What its progress box is called."""

    @abstractmethod
    def do(self, work: Work) -> None:
        """Do the work and write its files; whatever this raises ends up in the status."""

    @contextmanager
    def computing(self) -> Iterator[Executor | None]:
        """Compute on the cluster of the work around it, of its folder or of the environment; here if there is none."""
        outer = current_executor()
        if outer is not None:
            yield outer
            return
        address = self.folder.job.get(EXECUTOR_KEY) or os.environ.get(EXECUTOR_VARIABLE, "")
        with open_executor(address) as executor, computing_on(executor):
            yield executor

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def name(self) -> str:
        return str(self.folder.job.get("name", ""))

    @property
    def created(self) -> float:
        """Seconds since the epoch."""
        return self.folder.created

    def status(self) -> RunStatus:
        """Its state, progress and error."""
        return self.folder.status()

    @property
    def is_active(self) -> bool:
        """Whether it waits or works."""
        return self.status().is_active

    @property
    def is_done(self) -> bool:
        return self.status().state == DONE


@dataclass(frozen=True)
class SingleJob(Job):
    """Work of which a run has one at most, in a folder within the run's own; asked for again, it takes its place."""

    @classmethod
    def of_run(cls, run: RunFolder) -> Self | None:
        """The job of a run, whether it works, is done or failed; None if it was never asked for."""
        folder = run.within(cls.place)
        return cls(folder) if (folder.path / "status.json").exists() else None

    @classmethod
    def _create(cls, run: RunFolder, **settings: Any) -> Self:
        """A new job, ready for a worker."""
        place = run.place_for(cls.place)
        return cls(RunFolder.create_at(place, run.recipe, is_repeated=True, kind=cls.kind, **settings))

    @property
    def run(self) -> RunFolder:
        return self.folder.around


@dataclass(frozen=True)
class LabelJob(Job):
    """Work on one label of a run, in a folder within the run's own."""

    settings_key: ClassVar[str]  # where job.json holds the settings

    @classmethod
    def jobs_of(cls, run: RunFolder) -> list[Self]:
        """All jobs of this kind of a run, newest first."""
        root = run.within(cls.place)
        paths = root.path.iterdir() if root.path.is_dir() else ()
        found = [cls(root.within(path.name)) for path in paths if RUN_ID.fullmatch(path.name) and path.is_dir()]
        return sorted(found, key=lambda each: each.id, reverse=True)

    @classmethod
    def latest(cls, run: RunFolder, label: str) -> Self | None:
        """The newest job of a label, whether it works, is done or failed."""
        return next((job for job in cls.jobs_of(run) if job.label == label), None)

    @classmethod
    def _asked(cls, label: str, **settings: Any) -> dict[str, Any]:
        """What a new folder's ``job.json`` says."""
        return {"kind": cls.kind, "name": label, cls.settings_key: {"label": label, **settings}}

    @property
    def run(self) -> RunFolder:
        return self.folder.around.around

    @property
    def settings(self) -> dict[str, Any]:
        """Empty if ``job.json`` cannot be read."""
        found = self.folder.job.get(self.settings_key, {})
        return dict(found) if isinstance(found, dict) else {}

    @property
    def label(self) -> str:
        return str(self.settings.get("label", ""))
