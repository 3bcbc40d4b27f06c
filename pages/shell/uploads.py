"""Files that a visitor brings: uploads copied to disk as they come, and files of the server by their path."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from pages.shell.sharing import is_shared
from psmatch_core.base.disk import write_whole
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import is_data_folder, shown_name

CHUNK = 2**20
ROOTS_VARIABLE = "PSMATCH_DATA_ROOTS"


def save_upload(stream: BytesIO, name: str, folder: Path) -> Path:
    """Copy an upload to disk under the hash of its content, complete or not at all.

    Parameters
    ----------
    stream
        The bytes, as Streamlit holds them.
    name
        Name of the visitor's file.
    folder
        The visitor's own folder.
    """
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    path = folder / digest[:16] / (shown_name(name, 100).lstrip(".") or "file")
    try:
        return write_whole(path, lambda out: shutil.copyfileobj(stream, out, CHUNK))
    except OSError as error:
        raise PsmatchError(
            f"{shown_name(name)} could not be saved on the server ({error.strerror or 'write failed'}).",
            hint="Free space in the workspace folder, then upload it again.",
            code="PM-S01",
        ) from None


def data_roots() -> list[Path]:
    """Folders whose files may be opened by path: those that are named; else the current one, for one person only."""
    named = [each for each in os.environ.get(ROOTS_VARIABLE, "").split(os.pathsep) if each.strip()]
    if named or is_shared():
        return [Path(each).resolve() for each in named]
    return [Path.cwd().resolve()]


def server_file(text: str, *, closed: Path) -> Path:
    """The file at a path that the visitor typed.

    Parameters
    ----------
    closed
        A folder whose files are never opened this way: the workspace, which holds the uploads of other visitors.

    Raises
    ------
    PsmatchError
        If it is outside the allowed folders, or not a file; the message is the same for both.
    """

    def is_data(found: Path) -> bool:
        return found.is_file() or is_data_folder(found)

    return _in_roots(text, closed, is_data, what="file")


def server_result(text: str, *, closed: Path) -> Path:
    """The folder of a result, or a zip of one, at a path that the visitor typed; the same rules as for a file."""
    return _in_roots(
        text, closed, lambda found: found.is_dir() or (found.is_file() and found.suffix == ".zip"), what="folder or zip"
    )


def may_read(path: str, *, closed: Path) -> bool:
    """Whether a result that the visitor opens may name a file: on a shared server, only one below an open folder."""
    if not is_shared():
        return True
    try:
        return bool(server_file(path, closed=closed))
    except PsmatchError:
        return False


def drop_upload(path: Path, root: Path) -> None:
    """Remove an upload of which nothing is needed any more; any other file stays."""
    if path.is_relative_to(root / "uploads"):
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def _in_roots(text: str, closed: Path, is_wanted: Callable[[Path], bool], *, what: str) -> Path:
    """What lies at a typed path, if that is below an open folder, and neither in the closed one nor around it."""
    typed = text.strip().strip("\"'")
    roots = data_roots()
    candidates = [Path(typed)] if Path(typed).is_absolute() else [root / typed for root in roots]
    with suppress(OSError, ValueError):
        for candidate in candidates:
            found = candidate.resolve()
            is_open = any(found.is_relative_to(root) for root in roots) and not found.is_relative_to(closed.resolve())
            holds_closed = closed.resolve().is_relative_to(found)
            if is_open and not holds_closed and is_wanted(found):
                return found
    folders, shown = ", ".join(str(root) for root in roots), shown_name(typed) if typed else "without a name"
    raise PsmatchError(
        f"There is no {what} {shown} in the folders that may be opened here.",
        hint=f"Choose a {what} below {folders}. The server's administrator can allow other folders with "
        f"{ROOTS_VARIABLE}.",
        code="PM-S02",
    )
