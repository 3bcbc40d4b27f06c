"""Jobs with a place of their own in a workspace, such as sweeps: listed, renamed, deleted and restored."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypeVar

from psmatch_core.base.disk import explain_full_disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.ownership import check_owner
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder
from psmatch_core.workspace.store import DELETED, RunStore, checked_name

PlacedJob = TypeVar("PlacedJob", bound=Job)


def jobs_at(kind: type[PlacedJob], place: Path) -> list[PlacedJob]:
    """All jobs of a kind in a folder, newest first; also those that cannot be read."""
    folders = [RunFolder(path) for path in place.iterdir()] if place.exists() else []
    found = [kind(each) for each in folders if RUN_ID.fullmatch(each.id) and each.path.is_dir()]
    return sorted(found, key=lambda each: each.id, reverse=True)


def own_jobs(store: RunStore, kind: type[PlacedJob]) -> list[PlacedJob]:
    """The person's jobs of a kind, newest first."""
    return [each for each in jobs_at(kind, store.root / kind.place) if store.owns(each.folder)]


def rename_job(store: RunStore, job: Job, name: str) -> None:
    """Give a job another name.

    Raises
    ------
    PsmatchError
        For an empty name, or a job of somebody else.
    """
    check_owner(store, job.folder)
    job.folder.rename(checked_name(name))


def delete_job(store: RunStore, job: Job) -> None:
    """Cancel a job and move it to the deleted ones of its kind, from where it can be restored.

    Raises
    ------
    PsmatchError
        For a job of somebody else.
    """
    check_owner(store, job.folder)
    store.cancel(job.folder)
    aside = store.root / job.place / DELETED
    with explain_full_disk(f"the list of deleted {job.noun}s"):
        aside.mkdir(parents=True, exist_ok=True)
    shutil.move(job.folder.path, aside / job.id)


def restore_job(store: RunStore, kind: type[PlacedJob], job_id: str) -> PlacedJob:
    """Restore a deleted job.

    Raises
    ------
    PsmatchError
        If the person has deleted none of this kind with this id.
    """
    aside = store.root / kind.place / DELETED / job_id
    if not RUN_ID.fullmatch(job_id) or not aside.exists() or not store.owns(RunFolder(aside)):
        noun = kind.noun
        raise PsmatchError(
            f"No deleted {noun} has this id.", hint=f"Deleted {noun}s can be restored until you delete them for good."
        )
    shutil.move(aside, store.root / kind.place / job_id)
    return kind(RunFolder(store.root / kind.place / job_id))


def deleted_jobs(store: RunStore, kind: type[PlacedJob]) -> list[PlacedJob]:
    """Deleted jobs of a kind that the person can restore, the latest deleted first."""
    found = [each for each in jobs_at(kind, store.root / kind.place / DELETED) if store.owns(each.folder)]
    return sorted(found, key=lambda each: -each.folder.path.stat().st_ctime)
