"""Whose run: on a server that several people use, each person sees their own runs and those that they hold a link to.

The owner of a run, a sweep or another job is written in its ``job.json`` before its worker starts, as a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.workspace.folder_access import foreign_error
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder, RunStatus
from psmatch_core.workspace.run_index import RunEntry
from psmatch_core.workspace.small_files import read_plain
from psmatch_core.workspace.store import DELETED, RunStore, Started

OWNER = "owner"  # in job.json
OWNER_FILE = "owner.json"  # the same again, read if job.json cannot be read


def hash_owner(secret: str) -> str:
    """What is stored of an owner's secret: its SHA-256 [64 hex digits], from which the secret cannot be found."""
    return hashlib.sha256(f"psmatch owner\n{secret}".encode()).hexdigest()


@dataclass(frozen=True)
class PersonalStore(RunStore):
    """The runs of a workspace as one person sees them.

    Whoever knows the id of a run, which its link contains, can open and read it: the folder that they get is read-only.
    Only its owner can rename, annotate, cancel, restart, delete or restore it, or start a job inside it. A run without
    an owner is one from a time when one person used the workspace: it can be opened by its link, and is not listed.

    Parameters
    ----------
    owner
        Who the person is, as :func:`hash_owner` says it.
    held
        Ids of other people's runs that the person has opened by their links; they are listed too.
    """

    owner: str = field(kw_only=True)
    held: frozenset[str] = field(default=frozenset(), kw_only=True)

    def owns(self, folder: RunFolder) -> bool:
        return bool(self.owner) and self.owner in _owners(folder.path, self.root)

    def start_job(self, job: Started) -> Started:
        is_new = job.folder.path.parents[1] == self.root and not any(_owners(job.folder.path, self.root))
        if not is_new:  # else it lies in a run, whose owner owns all jobs in it
            check_owner(self, job.folder)
        return super().start_job(job)

    def start_again(self, folder: RunFolder) -> None:
        check_owner(self, folder)
        super().start_again(folder)

    def cancel(self, folder: RunFolder) -> RunStatus:
        check_owner(self, folder)
        return super().cancel(folder)

    def delete(self, folder: RunFolder) -> None:
        check_owner(self, folder)
        super().delete(folder)

    def rename(self, folder: RunFolder, name: str) -> None:
        check_owner(self, folder)
        super().rename(folder, name)

    def annotate(self, folder: RunFolder, text: str) -> None:
        check_owner(self, folder)
        super().annotate(folder, text)

    def restore(self, run_id: str) -> RunFolder:
        is_own = RUN_ID.fullmatch(run_id) and self.owns(RunFolder(self.root / DELETED / run_id))
        return super().restore(run_id if is_own else "")  # another person's looks like one that does not exist

    def entries(self) -> list[RunEntry]:
        return [each for each in super().entries() if each.id in self.held or self.owns(RunFolder(self.runs / each.id))]

    def deleted(self) -> list[RunEntry]:
        return [each for each in super().deleted() if self.owns(RunFolder(self.root / DELETED / each.id))]

    def _deleted_folders(self) -> list[Path]:
        return [self.root / DELETED / each.id for each in self.deleted()]

    def _spawn(self, folder: RunFolder) -> None:
        if not folder.job.get(OWNER):
            self._claim(folder)
        super()._spawn(folder)

    def _claim(self, folder: RunFolder) -> None:
        disk.write_json(folder.path / "job.json", {**folder.job, OWNER: self.owner})
        disk.write_json(folder.path / OWNER_FILE, {OWNER: self.owner})  # so that a torn job.json keeps its owner


def check_owner(store: RunStore, folder: RunFolder) -> None:
    """Refuse to change what belongs to somebody else.

    Raises
    ------
    PsmatchError
        If the person at this store may only read it.
    """
    if not store.owns(folder):
        raise foreign_error(folder)


def _owners(path: Path, root: Path) -> Iterator[str]:
    """Who owns a folder or one that it lies in: the owner of a run owns all jobs in it."""
    for place in (path, *path.parents):
        if place == root:
            return
        said = [read_plain(place / name) or {} for name in ("job.json", OWNER_FILE)]
        yield str(said[0].get(OWNER) or said[1].get(OWNER, ""))
