"""All runs of a workspace: started as processes, listed, opened by id, cancelled, renamed, deleted and restored."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from psmatch_core.base import disk
from psmatch_core.base.disk import explain_full_disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.earlier_result import keep_earlier
from psmatch_core.workspace.folder_stage_store import SECONDS, STAGE_LOCK
from psmatch_core.workspace.heartbeat import ENDED_SECONDS
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.manifest import OF_PROCESSES
from psmatch_core.workspace.processes import KILL, start_process
from psmatch_core.workspace.queue import RunQueue
from psmatch_core.workspace.run_facts import write_note
from psmatch_core.workspace.run_folder import (
    CANCELLED,
    DONE,
    LOST,
    QUEUED,
    RESUMED,
    RUN_ID,
    WORKER,
    LastStage,
    RunFolder,
    RunStatus,
    new_id,
)
from psmatch_core.workspace.run_index import RunEntry, RunIndex, read_entry, run_folders_in

Started = TypeVar("Started", bound=Job)

KILL_SECONDS = 1.5  # until a killed process is gone
GRACE_SECONDS = 3.0  # before a worker is killed: inside one long library call it cannot react to the first signal
DELETED = "deleted"
LONGEST_NAME = 120  # characters of a name
SHARED_LINKS = 2  # a stage has one link in its run and one among the shared stages; more belong to other runs


@dataclass(frozen=True)
class RunStore:
    """The folders of a workspace: ``runs/``, ``stages/`` (shared by content), ``deleted/``, and the list of runs.

    Parameters
    ----------
    shared_stages
        Finished stages of another workspace, to be shared instead of its own.
    """

    root: Path
    shared_stages: Path | None = None

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def stages(self) -> Path:
        return self.shared_stages or self.root / "stages"

    @property
    def _index(self) -> RunIndex:
        return RunIndex(self.root)

    @property
    def queue(self) -> RunQueue:
        """The jobs that work or wait."""
        return RunQueue(self.root / "queue")

    def start(self, recipe: Recipe, *, stop_after: LastStage = LastStage.MATCH, name: str = "") -> RunFolder:
        """Create a run and start its worker process."""
        folder = RunFolder.create(self.runs, recipe, stop_after=stop_after, name=name)
        self._start(folder)
        self._index.record(folder.path)
        return folder

    def owns(self, folder: RunFolder) -> bool:
        """Whether the person at this store may change a run: always here, see :class:`~.ownership.PersonalStore`."""
        return True

    def start_job(self, job: Started) -> Started:
        """Start the worker process of a new job."""
        self._start(job.folder)
        return job

    def start_again(self, folder: RunFolder) -> None:
        """Start a run or another job again; finished parts are reused, finished results stay until the new ones stand.

        Raises
        ------
        PsmatchError
            If its folder was removed, may only be read, or does not say any more what was asked for.
        """
        folder.check_writable()
        (folder.path / RESUMED).unlink(missing_ok=True)
        self.resume(folder)

    def resume(self, folder: RunFolder) -> None:
        """As :meth:`start_again`, but not by its user."""
        with folder.starting():
            status = folder.worker_status()
            if status.is_active:
                return
            if status.state == DONE:
                keep_earlier(folder.path)
            (folder.path / WORKER).unlink(missing_ok=True)
            folder.write_status(RunStatus(started=time.time()))
            if (damage := folder.damage()) is not None:  # the status just written is not among it any more
                raise damage
            self._spawn(folder)

    def n_ahead(self, folder: RunFolder) -> int:
        """How many runs must end before this one may work; 0 if it works, is next or has ended."""
        return self.queue.n_ahead(folder.queue_name) if folder.status().state == QUEUED else 0

    def open(self, run_id: str) -> RunFolder:
        """The run with this id; one of somebody else can be read, and refuses everything that would write into it.

        Raises
        ------
        PsmatchError
            If there is none; the message is the same for an invalid id.
        """
        if not RUN_ID.fullmatch(run_id) or not (self.runs / run_id).is_dir():
            raise PsmatchError("No run has this link.", hint="Open a run from the list of runs, or start a new one.")
        folder = RunFolder(self.runs / run_id)
        return folder if self.owns(folder) else replace(folder, is_read_only=True)

    def cancel(self, folder: RunFolder) -> RunStatus:
        """Stop the worker of a run or another job with its child processes, and set its status to cancelled.

        It is obeyed in every state: a worker that only starts has no say yet, and one inside a long library call is
        killed.
        """
        folder.check_writable()
        if not (folder.was_active or folder.status().state == LOST or folder.is_worked_on()):
            return folder.status()
        with folder.starting():
            self._end(folder, GRACE_SECONDS)
            status = folder.worker_status()
            if not status.is_active and status.state != LOST:
                return status
            cancelled = replace(
                status,
                state=CANCELLED,
                message="",
                problem="The run was cancelled.",
                hint="Start it again; finished stages are kept.",
            )
            folder.write_status(cancelled)
            return cancelled

    def end_worker(self, folder: RunFolder) -> None:
        """Kill a worker that does not report any more; its job can be started again."""
        with folder.starting():
            self._end(folder, 0.0)
            status = folder.worker_status()
            if status.is_active or status.state == LOST:
                folder.write_status(
                    replace(
                        status,
                        state=LOST,
                        message="",
                        problem=f"The process had not reported for {ENDED_SECONDS:.0f} s and was ended.",
                        hint="Start it again; finished stages are kept.",
                    )
                )

    def _end(self, folder: RunFolder, grace: float) -> None:
        """End the process of a job with whatever it started, and remove what it has begun to write.

        Parameters
        ----------
        grace
            How long it may take to end by itself before it is killed [s].
        """
        worker = folder.worker

        def is_there() -> bool:
            return folder.is_worked_on() or (worker is not None and worker.is_alive)

        for number, seconds in ((signal.SIGTERM, grace), (KILL, KILL_SECONDS)):
            if seconds and is_there() and worker is not None:
                worker.send(number)
            deadline = time.monotonic() + seconds
            while is_there() and time.monotonic() < deadline:
                time.sleep(0.05)
        for partial in folder.path.rglob(".*.partial"):  # on a full disk this makes room for the status
            partial.unlink(missing_ok=True)

    def delete(self, folder: RunFolder) -> None:
        """Cancel a run and move it to the deleted runs, from where it can be restored."""
        folder.check_writable()
        for status in sorted(folder.path.rglob("status.json"), key=lambda each: -len(each.parts)):
            with suppress(PsmatchError, OSError):  # on a full disk or over damage no status can be written
                self.cancel(RunFolder(status.parent))  # the jobs of the run before the run itself
        with explain_full_disk("the list of deleted runs"):
            (self.root / DELETED).mkdir(parents=True, exist_ok=True)
        shutil.move(folder.path, self.root / DELETED / folder.id)
        self._index.remove(folder.id)

    def rename(self, folder: RunFolder, name: str) -> None:
        """Give a run another name.

        Raises
        ------
        PsmatchError
            For an empty name.
        """
        folder.rename(checked_name(name))
        self._index.record(folder.path)

    def annotate(self, folder: RunFolder, text: str) -> None:
        """Replace the note on a run; an empty text removes it.

        Raises
        ------
        PsmatchError
            If the note is too long.
        """
        write_note(folder, text)
        self._index.record(folder.path)

    def restore(self, run_id: str) -> RunFolder:
        """Restore a deleted run.

        Raises
        ------
        PsmatchError
            If there is none with this id.
        """
        aside = self.root / DELETED / run_id
        if not RUN_ID.fullmatch(run_id) or not aside.exists():
            raise PsmatchError(
                "No deleted run has this id.", hint="Deleted runs can be restored until you delete them for good."
            )
        shutil.move(aside, self.runs / run_id)
        self._index.record(self.runs / run_id)
        return RunFolder(self.runs / run_id)

    def adopt(self, folder: RunFolder) -> RunFolder:
        """Copy an ended run from any folder into this workspace.

        Raises
        ------
        PsmatchError
            If the run has not ended.
        """
        if folder.status().is_active:
            raise PsmatchError(f"Run {folder.id} has not ended.", hint="Wait until it ends, or cancel it.")
        created = time.time()

        def copy(partial: Path, final: Path) -> None:
            shutil.copytree(folder.path, partial, ignore=shutil.ignore_patterns(*OF_PROCESSES, ".*.partial"))
            disk.write_json(partial / "job.json", {**folder.job, "created": created})

        return self.add(self.runs.name, copy)

    def add(self, place: str, fill: Callable[[Path, Path], None]) -> RunFolder:
        """Add a finished job to the workspace, whole or not at all.

        Parameters
        ----------
        place
            The folder of the workspace for jobs of its kind.
        fill
            Makes and fills the folder at a path; it is told the place that the folder gets.
        """
        job_id = new_id()
        partial, final = self.root / place / f".{job_id}", self.root / place / job_id
        try:
            with explain_full_disk("a result"):
                partial.parent.mkdir(parents=True, exist_ok=True)
                fill(partial, final)  # under a name that is no id yet, so it is not listed before it is whole
                self._claim(RunFolder(partial))
                partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if place == self.runs.name:
            self._index.record(final)
        return RunFolder(final)

    def _claim(self, folder: RunFolder) -> None:
        """Write whose a new job is: nobody's here, see :class:`~.ownership.PersonalStore`."""

    def deleted(self) -> list[RunEntry]:
        """Deleted runs that can be restored, the latest deleted first."""
        aside = self.root / DELETED
        found = sorted(run_folders_in(aside), key=lambda path: -path.lstat().st_ctime)
        return [read_entry(path) for path in found]

    def deleted_size(self) -> int:
        """The least that deleting for good would free [bytes]: files that other runs share are not counted."""
        found = [path.stat() for each in self._deleted_folders() for path in each.rglob("*") if path.is_file()]
        return sum(each.st_size for each in found if each.st_nlink <= SHARED_LINKS)

    def empty_deleted(self) -> None:
        """Delete the deleted runs for good, with the shared stages that no run uses any more."""
        for each in self._deleted_folders():
            shutil.rmtree(each, ignore_errors=True)
        for stage in self.stages.glob("*.npz"):
            with suppress(OSError):
                if stage.stat().st_nlink == 1:  # each run that uses it has a link to it
                    for suffix in (stage.suffix, SECONDS, STAGE_LOCK):
                        stage.with_suffix(suffix).unlink(missing_ok=True)

    def _deleted_folders(self) -> list[Path]:
        return [path for path in (self.root / DELETED).glob("*") if path.is_dir()]

    def entries(self) -> list[RunEntry]:
        """All runs, newest first; where the list and the folders disagree, the folders are right."""
        return self._index.entries(run_folders_in(self.runs))

    def _start(self, folder: RunFolder) -> None:
        """Start the worker of a new job, unless the job was cancelled before."""
        with folder.starting():
            if folder.worker_status().state != CANCELLED:
                self._spawn(folder)

    def _spawn(self, folder: RunFolder) -> None:
        """Start the worker of a folder as a process of its own, which outlives this one."""
        folder.check_writable()
        command = ["run", str(folder.path), "--cache", str(self.stages), "--queue", str(self.queue.root)]
        with open(folder.path / "log.txt", "ab") as log:
            folder.keep_worker(start_process(command, folder.path, log))


def checked_name(name: str) -> str:
    """The name on one line, not longer than a list can show.

    Raises
    ------
    PsmatchError
        If it is empty.
    """
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name:
        raise PsmatchError("The name is empty.", hint="Describe the run, such as “sharper, no PCA”.")
    return name
