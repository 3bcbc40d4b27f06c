"""Opening a result that was made elsewhere: it becomes a run or a matching of the workspace; its origin stays as it is.

Results of the command line, of a cluster and of another workspace are folders. Each is checked file by file against
its own list, copied, and read once before it is listed, so that an opened result is whole or not there.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.data.readers import shown_name
from psmatch_core.workspace.jobs import JOBS
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.opening.found_result import ResultKind, find_result
from psmatch_core.workspace.opening.named_data import MayRead, may_read_all
from psmatch_core.workspace.opening.taken_files import COPY_AGAIN
from psmatch_core.workspace.opening.taken_job import take_job
from psmatch_core.workspace.opening.taken_many import take_many
from psmatch_core.workspace.opening.unpacking import unpack_result
from psmatch_core.workspace.placed_jobs import own_jobs
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder
from psmatch_core.workspace.small_files import read_plain
from psmatch_core.workspace.store import RunStore, checked_name

OPENED = "opened"  # in job.json: where an opened result came from
UNPACKING = ".opening-"  # how the folder in the workspace begins into which an archive is unpacked
STALE_SECONDS = 86_400.0  # after which such a folder was left by a process that is gone


@dataclass(frozen=True)
class OpenedResult:
    """A result that is in the workspace now.

    Parameters
    ----------
    kind
        Of the job: ``run``, or ``several`` for modalities matched together.
    is_new
        Whether it was copied now; else it had been opened before, or it lies in the workspace.
    left_out
        Parts of it that were not taken, such as a measurement that had not ended.
    """

    kind: str
    folder: RunFolder
    is_new: bool
    left_out: tuple[str, ...] = ()

    def in_words(self) -> str:
        """What it is in the workspace now, for a terminal."""
        noun = JOBS[self.kind].noun
        name = f"{noun} {self.folder.id} ({self.folder.job.get('name', '')})"
        said = f"Added to the workspace as {name}." if self.is_new else f"The workspace has it already: {name}."
        return "\n".join([said, *(f"Not taken: {each}" for each in self.left_out)])


@dataclass(frozen=True)
class Origin:
    """Where an opened result came from, as ``job.json`` keeps it.

    Parameters
    ----------
    name
        Of the folder or the archive.
    made
        When it was computed [seconds since the epoch]; 0 if that is not known.
    version
        Of the psmatch that computed it; empty if that is not known.
    content
        Identifies what it holds.
    """

    name: str
    made: float
    version: str
    content: str


def open_result(store: RunStore, given: Path, *, may_read: MayRead = may_read_all, shown: str = "") -> OpenedResult:
    """Open a result in a workspace: copy it there, or find the copy that was opened before.

    Parameters
    ----------
    given
        The folder of ``psmatch match`` or ``match-many``, that of a run or a matching of another workspace, or a zip
        of one. It is never changed.
    may_read
        Which of the data files that it names may be read from here.
    shown
        Its name in messages and lists; that of the folder or the archive unless given.

    Raises
    ------
    PsmatchError
        If it holds no result, is incomplete or damaged, was made by a version that this one cannot read, or has
        something in it that is refused. Nothing is left behind.
    """
    shown = shown or given.name or given.resolve().name
    if given.is_dir():
        return _open_folder(store, given.resolve(), may_read, shown)
    if not given.is_file():
        raise PsmatchError(
            f"There is no folder or zip {shown_name(shown)}.",
            hint="Check the path; it starts from the current folder.",
            code="PM-R10",
        )
    with disk.explain_full_disk(f"the unpacked content of {shown_name(shown)}"):
        store.root.mkdir(parents=True, exist_ok=True)
        _remove_stale(store.root)
        with tempfile.TemporaryDirectory(prefix=UNPACKING, dir=store.root) as place:
            unpacked = unpack_result(given, Path(place) / "content")
            return _open_folder(store, unpacked, may_read, shown.removesuffix(".zip"))


def opened_origin(folder: RunFolder) -> Origin | None:
    """Where an opened result came from; None for one that was computed in this workspace."""
    said = folder.job.get(OPENED)
    if not isinstance(said, Mapping):
        return None
    made = said.get("made", 0.0)
    return Origin(
        str(said.get("name", "")),
        float(made) if isinstance(made, int | float) else 0.0,
        str(said.get("version", "")),
        str(said.get("content", "")),
    )


def _open_folder(store: RunStore, place: Path, may_read: MayRead, shown: str) -> OpenedResult:
    own = _of_this_workspace(store, place)
    if own is not None:
        return own
    found = find_result(place, shown=shown)
    listed = found.path / ("manifest.json" if found.kind is ResultKind.JOB else "modalities.json")
    content = hashlib.sha256(listed.read_bytes()).hexdigest() if listed.is_file() else ""
    before = _opened_before(store, content) if content else None
    if before is not None:
        return before
    take = take_job if found.kind is ResultKind.JOB else take_many
    left_out: list[str] = []

    def fill(partial: Path, final: Path) -> None:
        with _of_another_version(found.path):
            taken = take(found.path, partial, final, may_read)
        left_out.extend(taken.left_out)
        origin = Origin(shown_name(shown), taken.made, taken.version, content)
        job = {**taken.job, "created": time.time(), OPENED: vars(origin)}
        job["name"] = job.get("name") or checked_name(shown_name(shown))
        disk.write_json(partial / "job.json", job)

    kind = RunJob if found.kind is ResultKind.JOB and not _is_several(found.path) else SeveralJob
    return OpenedResult(kind.kind, store.add(kind.place, fill), is_new=True, left_out=tuple(left_out))


def _of_this_workspace(store: RunStore, place: Path) -> OpenedResult | None:
    """The job itself, if a folder is that of a job of this workspace."""
    root = store.root.resolve()
    for kind in (RunJob, SeveralJob):
        if RUN_ID.fullmatch(place.name) and place.parent == root / kind.place and place.is_dir():
            return OpenedResult(kind.kind, RunFolder(place), is_new=False)
    return None


def _opened_before(store: RunStore, content: str) -> OpenedResult | None:
    """What this person has opened with the same content, and not deleted since."""
    runs = [RunFolder(store.runs / entry.id) for entry in store.entries()]
    matchings = [job.folder for job in own_jobs(store, SeveralJob)]
    for kind, folders in ((RunJob, runs), (SeveralJob, matchings)):
        for folder in folders:
            origin = opened_origin(folder)
            if origin is not None and origin.content == content and store.owns(folder):
                return OpenedResult(kind.kind, folder, is_new=False)
    return None


def _is_several(place: Path) -> bool:
    """Whether a folder is that of a matching of several modalities, of another workspace."""
    return (read_plain(place / "job.json") or {}).get("kind") == SeveralJob.kind


@contextmanager
def _of_another_version(place: Path) -> Iterator[None]:
    """Say of a file that cannot be read, although it is as it was written, that another version wrote it."""
    try:
        yield
    except PsmatchError as error:
        if error.code:
            raise
        found = (read_plain(place / "environment.json") or {}).get("psmatch", "")
        version = f"psmatch {shown_name(str(found), 20)}" if found else "another version of psmatch"
        raise PsmatchError(
            f"This result was made by {version}, and this one ({VERSION}) cannot read it: {error.problem}",
            hint="Open it with the version that made it, or match the files again with this one.",
            code="PM-R13",
        ) from error
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise PsmatchError(
            "The files that say what this result is cannot be read: they are damaged.", hint=COPY_AGAIN, code="PM-R12"
        ) from error


def _remove_stale(root: Path) -> None:
    """Remove what a process that was killed while it unpacked an archive has left."""
    for each in root.glob(f"{UNPACKING}*"):
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(each, ignore_errors=True)
