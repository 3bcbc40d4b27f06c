"""Where a new run or a new file may be written: what is there is refused, moved aside or replaced by choice."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError

PARTIAL = ".psmatch-partial-"  # how the name of a folder begins that is being filled for a place in or beside it
LOCK = "worker.lock"  # in the folder of a job: held by the process that works on it
WORKSPACE_VARIABLE = "PSMATCH_WORKSPACE"


def workspace_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the app's uploads, runs and shared stages: ``PSMATCH_WORKSPACE``, or ``./psmatch-workspace``."""
    return Path(environment.get(WORKSPACE_VARIABLE) or "psmatch-workspace").absolute()


def holds_job(path: Path) -> bool:
    """Whether a folder holds a run or another job, whole or not."""
    return any((path / name).exists() for name in ("job.json", "status.json"))


def has_files(path: Path) -> bool:
    """Whether there is a file, or a folder that holds anything but what a killed process had begun to fill."""
    return path.exists() and any(not each.name.startswith(PARTIAL) for each in path.iterdir())


def check_free(path: Path) -> None:
    """Refuse a folder that a new run cannot have: nothing that is there is ever written over.

    Raises
    ------
    PsmatchError
        If it holds a run or any other files, or is no folder.
    """
    try:
        is_taken = has_files(path)
    except OSError as error:
        raise _not_a_folder(path, error) from None
    if is_taken and holds_job(path):
        raise PsmatchError(
            f"The folder {path.name} already holds a run.",
            hint="Choose a new folder with --out, or add --force: the earlier run is moved aside and kept.",
        )
    if is_taken:
        raise PsmatchError(
            f"The folder {path.name} holds files that are not from a run.",
            hint="Choose an empty or a new folder with --out.",
        )


def check_free_file(path: Path, *, may_replace: bool) -> Path:
    """Refuse a file that a command cannot write, before it computes anything.

    Parameters
    ----------
    may_replace
        Whether a file of this name may be replaced, which happens once the new one is complete.

    Returns
    -------
    The path.

    Raises
    ------
    PsmatchError
        If the file exists, is a folder, or lies where nothing can be written.
    """
    place = next(each for each in path.absolute().parents if os.path.lexists(each))
    if path.is_dir():
        raise PsmatchError(f"{path.name or path} is a folder, not a file.", hint="Name a file with --out.")
    if not place.is_dir() or not os.access(place, os.W_OK):
        reason = "cannot be written to" if place.is_dir() else "is not a folder"
        raise PsmatchError(
            f"{path.name} cannot be written: {place.name or place} {reason}.", hint="Choose another file with --out."
        )
    if os.path.lexists(path) and not may_replace:
        raise PsmatchError(
            f"The file {path.name} already exists.",
            hint="Choose a new file with --out, or add --force: it is replaced once the new one is complete.",
        )
    return path


def make_folder(path: Path) -> None:
    """Make the folder of a new run.

    Raises
    ------
    PsmatchError
        If the disk is full, or the place does not allow it.
    """
    try:
        with disk.explain_full_disk("the folder of a new run"):
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_a_folder(path, error) from None


def _not_a_folder(path: Path, error: OSError) -> PsmatchError:
    return PsmatchError(
        f"{path.name} cannot be the folder of a run: {error.strerror}.", hint="Choose a new folder with --out."
    )


def removed_error(path: Path) -> PsmatchError:
    """The error of a folder that somebody removed while it was needed."""
    return PsmatchError(f"The folder of run {path.name} was removed.", hint="Start a new run with the same files.")


def check_there(path: Path) -> None:
    """Refuse to write into a folder that was removed: it would come back with one file.

    Raises
    ------
    PsmatchError
        If the folder is not there.
    """
    if not path.is_dir():
        raise removed_error(path)


def move_aside(path: Path) -> Path:
    """Rename the folder of an ended run: ``my-run`` becomes ``my-run.earlier-1``, or the next number that is free.

    Raises
    ------
    PsmatchError
        If a process works on it, or it cannot be renamed.
    """
    if any(locks.is_held(lock) for lock in path.rglob(LOCK)):
        raise PsmatchError(
            f"Another process is working on the run in {path.name}.", hint="Wait until it ends, or cancel it."
        )
    places = (path.with_name(f"{path.name}.earlier-{number}") for number in itertools.count(1))
    aside = next(place for place in places if not place.exists())
    try:
        return path.rename(aside)
    except OSError as error:
        raise PsmatchError(
            f"The folder {path.name} cannot be renamed to {aside.name}: {error.strerror}.",
            hint="Choose a new folder with --out.",
        ) from error
