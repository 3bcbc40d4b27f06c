"""A folder that is filled out of sight and gets its name once it is complete; what was there is moved aside then."""

from __future__ import annotations

import itertools
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.new_folder import LOCK, PARTIAL, has_files, make_folder, move_aside


@dataclass(frozen=True)
class PartialFolder:
    """A hidden folder to fill, and the place that it gets.

    Parameters
    ----------
    path
        The hidden folder: beside its place, or in it if that is an empty folder, which may be a disk of its own.
    place
        Where its files will be.
    lock
        Held while it is filled.
    """

    path: Path
    place: Path
    lock: locks.Lock

    def put_in_place(self, *, last: str, may_replace: bool) -> tuple[Path, str]:
        """Give the files their place.

        If that has been taken, and may not be replaced or cannot be moved, they get the next free name beside it: a
        complete result is not thrown away.

        Parameters
        ----------
        last
            The file that says that a folder is complete; it comes last.
        may_replace
            Whether an earlier folder that holds such a file may be moved aside; it is kept.

        Returns
        -------
        Where the files are, and what the user should know of that; empty if all is as asked.
        """
        self.lock.release()
        (self.path / LOCK).unlink(missing_ok=True)
        place, said = self.place, ""
        if has_files(place):
            try:
                if not (may_replace and (place / last).exists()):
                    raise PsmatchError(f"The folder {place.name} was taken in the meantime.", hint="")
                said = f"The earlier result in {place.name} is kept in {move_aside(place)}"
            except PsmatchError as error:
                numbered = (place.with_name(f"{place.name}.new-{number}") for number in itertools.count(1))
                place = next(each for each in numbered if not each.exists())
                said = f"{error.problem} The new result is in {place}"
        if self.path.parent == place:
            for file in sorted(self.path.iterdir(), key=lambda file: file.name == last):
                disk.move(file, place / file.name)
            self.path.rmdir()
        else:
            with suppress(FileNotFoundError):
                place.rmdir()  # empty, made in the meantime
            self.path.rename(place)
        return place, said


@contextmanager
def partial_folder(place: Path) -> Iterator[PartialFolder]:
    """A hidden folder to fill for a place; the end of the block removes what has not been put there.

    Raises
    ------
    PsmatchError
        If the disk is full, or the place does not allow it.
    """
    missing = [each for each in (place.parent, *place.parent.parents) if not each.exists()]
    holder = place if place.is_dir() and not has_files(place) else place.parent
    _remove_left_over(place, holder)
    path = holder / f"{_prefix(place)}{secrets.token_hex(4)}"
    try:
        make_folder(path)
        lock = locks.acquire(path / LOCK)
        try:
            yield PartialFolder(path, place, lock)
        finally:
            lock.release()
            shutil.rmtree(path, ignore_errors=True)
    finally:
        with suppress(OSError):  # they stay if they hold anything
            for each in missing:
                each.rmdir()


def _remove_left_over(place: Path, holder: Path) -> None:
    """Remove hidden folders for this place whose process was killed."""
    if holder.is_dir():
        for each in holder.iterdir():
            if each.name.startswith(_prefix(place)) and not locks.is_held(each / LOCK):
                shutil.rmtree(each, ignore_errors=True)


def _prefix(place: Path) -> str:
    return f"{PARTIAL}{place.name[:100]}-"
