"""Files on disk: written whole or not at all; a full disk, and what another version wrote, told in words."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from psmatch_core.base.errors import PsmatchError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it, or a file as large as it may be
LEAST_FREE = 2**20  # bytes; with less than this a run cannot even write where it stands
FREE_SPACE = "Free space on the disk of the workspace (delete runs, empty its folder “deleted”), then start it again."

Given = ParamSpec("Given")
Loaded = TypeVar("Loaded")


def is_full(error: BaseException) -> bool:
    """Whether an error means that nothing more fits on the disk; libraries may hand on only the system's words."""
    return isinstance(error, OSError) and (error.errno in FULL or "No space left" in str(error))


def has_room(place: Path) -> bool:
    """Whether the disk on which a folder lies can take anything at all."""
    try:
        return shutil.disk_usage(place).free >= LEAST_FREE
    except OSError:
        return True


def full(what: str) -> PsmatchError:
    """The error of a full disk."""
    return PsmatchError(f"The disk is full: {what} could not be written.", hint=FREE_SPACE, code="PM-S05")


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Tell a full disk in words.

    Raises
    ------
    PsmatchError
        Where something inside did not fit on the disk.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full(what) from error
        raise


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> Path:
    """Write a file beside its place, flush it to disk, and rename it: a reader sees the whole of it or none.

    Raises
    ------
    PsmatchError
        Where the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    with room_for(path.name):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, "wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return path


def write_text(path: Path, text: str) -> Path:
    """A text file, whole or not at all."""
    encoded = text.encode("utf-8")

    def write(stream: BinaryIO) -> None:
        stream.write(encoded)

    return write_whole(path, write)


def write_json(path: Path, data: Any) -> Path:
    """Plain data as JSON, whole or not at all."""
    return write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=True) + "\n")


def as_of_now(load: Callable[Given, Loaded]) -> Callable[Given, Loaded]:
    """Let a loader say in words that a file is not of the kind that this version writes.

    The first argument is the file's path. A file of another version lacks a part, or holds one that means nothing here;
    wherever in the loader that comes to light, it is the same to whoever opens the run.
    """

    @wraps(load)
    def loading(*given: Given.args, **named: Given.kwargs) -> Loaded:
        try:
            return load(*given, **named)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            name = Path(str(given[0])).name
            missing = f" (it lacks {error})" if isinstance(error, KeyError) else ""
            raise PsmatchError(
                f"{name} was written by another version of the program{missing}, or is damaged.",
                hint="Compute the run again.",
            ) from error

    return loading
