"""Files of a result taken into a workspace: only those that it lists, as it wrote them, and nothing that could run.

Whoever made the folder may be somebody else, so a name that leads elsewhere, a link, an array of Python objects and
an array that declares more than it holds are refused before any of them is read.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display

MOST_RESULT_FILES = 5_000
LARGEST_LIST = 2**26  # bytes of a JSON file that says what a result holds
MOST_ROWS = 2**27  # of a table; one row a cell
COPY_AGAIN = "Copy the whole folder again, or match the files again."


def take_file(origin: Path, name: str, facts: Mapping[str, Any], place: Path) -> Path:
    """Copy a listed file, and see that the copy is what the list says.

    Parameters
    ----------
    name
        Below ``origin``, at most one folder deep.
    facts
        Its length in bytes and its SHA-256.
    place
        Where the copy goes.

    Raises
    ------
    PsmatchError
        If it is missing, a link, or not as it was written.
    """
    check_name(name)
    _check_plain(origin, name)
    with open(origin / name, "rb", opener=_no_link) as stream:
        disk.write_whole(place, lambda out: shutil.copyfileobj(stream, out, 2**20))
    if disk.facts_of(place) != {"bytes": facts.get("bytes"), "sha256": facts.get("sha256")}:
        raise damaged_error(name, "is not as it was written")
    check_content(place, name)
    return place


def check_name(name: str) -> None:
    """Refuse a name that is not that of a file in a folder or in one folder inside it."""
    parts = PurePosixPath(name).parts
    is_plain = 1 <= len(parts) <= 2 and ".." not in parts and not name.startswith(("/", ".")) and "\\" not in name
    if not is_plain or ":" in name or not name.isprintable():
        raise PsmatchError(
            f"The list of files names {display(name, 80)}, which is not in the folder.", hint=COPY_AGAIN, code="PM-R14"
        )


def read_list(path: Path, *, most: int = LARGEST_LIST) -> dict[str, Any]:
    """The plain data of a JSON file that says what a result holds.

    Raises
    ------
    PsmatchError
        If it is missing, a link, too large, or no mapping.
    """
    _check_plain(path.parent, path.name)
    if path.stat().st_size > most:
        raise damaged_error(path.name, f"has more than {most:,} bytes")
    try:
        with open(path, "rb", opener=_no_link) as stream:
            found = json.loads(stream.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise damaged_error(path.name, "cannot be read")
    return found


def check_content(path: Path, name: str) -> None:
    """Refuse arrays of Python objects, and arrays and tables that declare more than they can hold."""
    if path.suffix == ".npz":
        _check_npz(path, name)
    elif path.suffix == ".npy":
        with open(path, "rb") as stream:
            _check_array(stream, path.stat().st_size, name)
    elif path.suffix == ".parquet":
        _check_table(path, name)


def damaged_error(name: str, how: str) -> PsmatchError:
    """The error of a file that cannot be used."""
    return PsmatchError(f"{display(name, 80)} {how}: the result is damaged.", hint=COPY_AGAIN, code="PM-R12")


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _check_plain(origin: Path, name: str) -> None:
    """Refuse what is missing, and what is no plain file in plain folders."""
    place = origin
    for part in PurePosixPath(name).parts:
        place = place / part
        try:
            mode = place.lstat().st_mode
        except OSError:
            raise PsmatchError(
                f"The result is incomplete: {display(name, 80)} is missing.", hint=COPY_AGAIN, code="PM-R11"
            ) from None
        if stat.S_ISLNK(mode):
            raise PsmatchError(
                f"{display(name, 80)} is a link, and links are not followed.",
                hint="Put the file itself there (cp --dereference).",
                code="PM-R14",
            )
    if not stat.S_ISREG(mode):
        raise damaged_error(name, "is no file")


def _check_npz(path: Path, name: str) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(each.file_size for each in packed.infolist()) > path.stat().st_size:  # ours are not compressed
                raise damaged_error(name, "declares more than it holds")
            for entry in packed.infolist():
                with packed.open(entry) as stream:
                    _check_array(stream, entry.file_size, name)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        raise damaged_error(name, "is no array file") from None


def _check_array(stream: Any, length: int, name: str) -> None:
    """Refuse an array whose header does not fit its length [bytes], before memory is taken for it."""
    import numpy as np

    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream)
    except (ValueError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise damaged_error(name, "is no array file") from None
    if kind.hasobject:
        raise PsmatchError(
            f"{display(name, 80)} holds Python objects, which could run code, and is not opened.",
            hint="psmatch writes none: ask whoever made the folder for the one that psmatch wrote.",
            code="PM-R14",
        )
    size = kind.itemsize
    for count in shape:
        size *= count
    if min(shape, default=0) < 0 or size + stream.tell() != length:
        raise damaged_error(name, "declares an array of another size than it holds")


def _check_table(path: Path, name: str) -> None:
    from pyarrow import ArrowException, parquet

    try:
        about = parquet.read_metadata(path)
    except (ArrowException, OSError):
        raise damaged_error(name, "is no table") from None
    if about.num_rows > MOST_ROWS or about.num_columns * about.num_rows > 8 * MOST_ROWS:
        raise damaged_error(name, "declares more than it can hold")
