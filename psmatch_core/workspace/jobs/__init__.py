"""Background work on a run, one file per kind. ``JOBS`` lists the kinds; :func:`job_in` opens the job in a folder."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace import files
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.score_map import ScoreMapJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import RunFolder

KINDS: tuple[type[Job], ...] = (RunJob, LeaveOutJob, EpsilonPathJob, MonitorJob, ScoreMapJob, SweepJob, SeveralJob)
JOBS = {kind.kind: kind for kind in KINDS}


def job_in(folder: RunFolder) -> Job:
    """The job in a folder, of any kind.

    Raises
    ------
    PsmatchError
        If it cannot be read, or is of a kind that only a later version knows.
    """
    if (damage := folder.damage()) is not None:
        raise damage
    kind = str(folder.job.get("kind", "")) or _kind_of_older(folder)
    if kind not in JOBS:
        raise PsmatchError(
            f"The folder {folder.id} contains a job of the kind {kind!r}, which this version does not know.",
            hint="Update the program to open it.",
        )
    return JOBS[kind](folder)


def _kind_of_older(folder: RunFolder) -> str:
    """The kind of a job that an earlier version made, whose ``job.json`` does not say it."""
    if files.SWEEP_REQUEST.is_in(folder):
        return SweepJob.kind
    if LeaveOutJob.settings_key in folder.job:
        return LeaveOutJob.kind
    if EpsilonPathJob.settings_key in folder.job:
        return EpsilonPathJob.kind
    if folder.path.name == MonitorJob.place and not (folder.path / "recipe.json").exists():
        return MonitorJob.kind
    return RunJob.kind
