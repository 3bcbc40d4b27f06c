"""Unpacking the archive of a result: every name is checked before a byte is written, and no size is believed."""

from __future__ import annotations

import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.readers import shown_name

MOST_ENTRIES = 10_000  # a run with all its jobs has some hundred files
MOST_UNPACKED = 16 * 2**30  # bytes; a run of 200,000 + 200,000 cells has 3
SPARE = 2**28  # bytes that stay free on the disk
UNUSED = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")  # what systems add to an archive
ZIP_AGAIN = "Zip the folder again, as psmatch wrote it, and upload that."


def unpack_result(archive: Path, into: Path, *, most: int = MOST_UNPACKED) -> Path:
    """Unpack the zip archive of a result into a new folder.

    Parameters
    ----------
    into
        Does not exist yet.
    most
        Largest size of all files together [bytes].

    Returns
    -------
    ``into``.

    Raises
    ------
    PsmatchError
        If it is no zip archive, damaged, too large, or has an entry that is refused: a name that leads out of the
        folder, a link, a repeated name, an encrypted file.
    """
    with _explained(archive.name), zipfile.ZipFile(archive) as packed:
        entries = [each for each in packed.infolist() if not each.is_dir() and not _is_unused(each.filename)]
        _check_sizes(archive.name, entries, into, most=most)
        names = _checked_names(archive.name, entries)
        left = most
        for entry, name in zip(entries, names, strict=True):
            with packed.open(entry) as content:
                limited = _Limited(content, entry.file_size)
                disk.write_whole(into.joinpath(*name.parts), lambda out, of=limited: of.copy_to(out))  # type: ignore[misc]
            left -= limited.n_read
            if left < 0:
                raise _too_large(archive.name, most)
    return into


class _Limited:
    """The content of an entry up to the size that it declares."""

    def __init__(self, stream: object, declared: int) -> None:
        self._stream, self._declared, self.n_read = stream, declared, 0

    def copy_to(self, out: BinaryIO) -> None:
        while chunk := self._stream.read(2**20):  # type: ignore[attr-defined]
            self.n_read += len(chunk)
            if self.n_read > self._declared:
                raise zipfile.BadZipFile("an entry is longer than it says")
            out.write(chunk)


def _check_sizes(shown: str, entries: list[zipfile.ZipInfo], into: Path, *, most: int) -> None:
    declared = sum(each.file_size for each in entries)
    if len(entries) > MOST_ENTRIES or declared > most:
        raise _too_large(shown, most)
    place = next(each for each in into.absolute().parents if each.exists())
    if declared + SPARE > shutil.disk_usage(place).free:
        raise disk.full_disk_error(f"the unpacked content of {shown_name(shown)}")


def _checked_names(shown: str, entries: list[zipfile.ZipInfo]) -> list[PurePosixPath]:
    """The name of each entry as a relative path; two that some system takes for one are refused too."""
    found, seen = [], set()
    for each in entries:
        name = PurePosixPath(each.filename.replace("\\", "/"))
        mode = each.external_attr >> 16
        same = unicodedata.normalize("NFC", str(name)).casefold()
        if (reason := _why_refused(name, each, mode)) or same in seen:
            raise PsmatchError(
                f"{shown_name(shown)} is refused: {display(each.filename, 60)} {reason or 'is in it twice'}.",
                hint=ZIP_AGAIN,
                code="PM-R14",
            )
        seen.add(same)
        found.append(name)
    return found


def _why_refused(name: PurePosixPath, entry: zipfile.ZipInfo, mode: int) -> str:
    """Why an entry cannot be unpacked; empty if it can."""
    parts = name.parts
    if name.is_absolute() or ".." in parts or not parts or ":" in str(name) or not str(name).isprintable():
        return "would be written outside its folder"
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return "is a link" if stat.S_ISLNK(mode) else "is no file"
    return "is encrypted" if entry.flag_bits & 1 else ""


def _is_unused(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and (parts[0] in UNUSED or parts[-1] in UNUSED)


def _too_large(shown: str, most: int) -> PsmatchError:
    return PsmatchError(
        f"{shown_name(shown)} holds more than {most / 2**30:.3g} GB or {MOST_ENTRIES:,} files.",
        hint="Copy the folder itself to the server, and open it by its path.",
        code="PM-R15",
    )


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    """Say in words what is wrong with an archive."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PsmatchError(
            f"{shown_name(shown)} is no zip archive that can be read: it is damaged, or was not uploaded whole.",
            hint=ZIP_AGAIN,
            code="PM-R12",
        ) from error
