"""Files on disk: written completely or not at all; a full disk, or a file of another version, is reported in words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from psmatch_core.base.errors import Cancelled, PsmatchError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, the user's quota used up, a file above the size limit
LEAST_FREE = 2**20  # bytes; with less than this a run cannot even write its status
FREE_SPACE = "Free space on the disk of the workspace (delete runs, empty its folder “deleted”), then start it again."

Given = ParamSpec("Given")
Loaded = TypeVar("Loaded")


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full; some libraries pass on only the system's words."""
    return isinstance(error, OSError) and (error.errno in FULL or "No space left" in str(error))


def has_room(place: Path) -> bool:
    """Whether the disk that holds a folder has any space left."""
    try:
        return shutil.disk_usage(place).free >= LEAST_FREE
    except OSError:
        return True


def full_disk_error(what: str) -> PsmatchError:
    """The error of a full disk; ``what`` names the file that could not be written."""
    return PsmatchError(f"The disk is full: {what} could not be written.", hint=FREE_SPACE, code="PM-S05")


@contextmanager
def explain_full_disk(what: str) -> Iterator[None]:
    """Turn the system's error of a full disk into one that names ``what`` could not be written.

    Raises
    ------
    PsmatchError
        If something in the block did not fit on the disk.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full_disk_error(what) from error
        raise


@contextmanager
def replacing(path: Path, partial: Path | None = None) -> Iterator[Path]:
    """A place to write a new version of a file; the block's end flushes it to disk and renames it to ``path``.

    A reader sees the old file or the new one, never a part. If the block fails, the old file stays.

    Parameters
    ----------
    partial
        The place to write to, on the same disk; a hidden file in the same folder unless given.

    Raises
    ------
    PsmatchError
        If the disk is full.
    """
    partial = partial or path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    with explain_full_disk(path.name):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            with open(partial, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file with a function that fills its stream, completely or not at all.

    Raises
    ------
    PsmatchError
        If the disk is full.
    """
    with replacing(path) as partial, open(partial, "wb") as stream:
        write(stream)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file (UTF-8), completely or not at all."""
    return write_whole(path, lambda stream: stream.write(text.encode("utf-8")))


def write_json(path: Path, data: Any) -> Path:
    """Write plain data as JSON, completely or not at all."""
    return write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=True) + "\n")


def facts_of(path: Path) -> dict[str, Any]:
    """Length [bytes] and SHA-256 of a file, as lists of what was written hold them."""
    with open(path, "rb") as stream:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def link(existing: Path, new: Path) -> None:
    """Give a file a second name, or copy it if the disk has no hard links; nothing if the name is taken."""
    if new.exists():
        return
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        os.link(existing, new)
    except OSError:
        with open(existing, "rb") as source:
            write_whole(new, lambda stream: shutil.copyfileobj(source, stream))


def move(path: Path, place: Path) -> None:
    """Move a file to another place on the same disk; a file that is there is replaced."""
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, place)


def of_this_version(load: Callable[Given, Loaded]) -> Callable[Given, Loaded]:
    """Let a loader refuse files of another version in words.

    The loader's first argument is the path of the file. A file of another version lacks a part or holds one with
    another meaning, and a damaged one can hold anything, so any error of the loader is reported as such.
    """

    @wraps(load)
    def loading(*given: Given.args, **named: Given.kwargs) -> Loaded:
        try:
            return load(*given, **named)
        except (PsmatchError, Cancelled, MemoryError):
            raise
        except Exception as error:  # damaged bytes make libraries raise anything
            name = Path(str(given[0])).name
            missing = f" (it lacks {error})" if isinstance(error, KeyError) else ""
            raise PsmatchError(
                f"{name} was written by another version of the program{missing}, or is damaged.",
                hint="Compute the run again.",
            ) from error

    return loading
