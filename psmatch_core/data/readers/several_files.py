"""Data that are several files: a folder, or one tar or zip archive of it; names, contents, size and hash."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display
from psmatch_core.data.readers.h5_safety import damaged

MAX_FILES = 200_000  # a zarr folder of 1 million cells with chunks of 1,000 cells has some 10,000
_CHUNK = 2**20  # bytes hashed at a time
_ENCRYPTED = 0x1  # the flag of a zip member


@dataclass(frozen=True)
class FileSet:
    """The files of a folder or an archive, by name with forward slashes.

    Parameters
    ----------
    sizes
        Size of each file [bytes], unpacked from the archive.
    opened
        Opens one of them for reading.
    close
        Closes the archive.
    """

    sizes: Mapping[str, int]
    opened: Callable[[str], BinaryIO]
    close: Callable[[], None]


def content_bytes(path: Path) -> int:
    """Size of a file, or of all files in a folder [bytes]."""
    return sum(each.stat().st_size for each in files_in(path).values()) if path.is_dir() else path.stat().st_size


def content_hash(path: Path) -> str:
    """SHA-256 of a file's content; of a folder, that of the names and contents of its files in order."""
    if not path.is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for name, each in files_in(path).items():
        digest.update(f"{name}\x1f{each.stat().st_size}\x1e".encode("utf-8", "surrogateescape"))
        with open(each, "rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
    return digest.hexdigest()


def content_stamp(path: Path) -> str:
    """What changes with the content and is known without reading it: times and sizes of the files."""
    found = files_in(path).values() if path.is_dir() else (path,)
    return " ".join(f"{each.stat().st_mtime_ns}.{each.stat().st_size}" for each in found)


def files_in(folder: Path) -> dict[str, Path]:
    """All files below a folder by name, in order.

    Raises
    ------
    PsmatchError
        For too many files, and for a link to a place outside the folder, which is not followed.
    """
    found: dict[str, Path] = {}
    home = folder.resolve()
    for each in _walked(folder):
        if each.is_symlink() and not each.resolve().is_relative_to(home):
            raise PsmatchError(
                f"{folder.name}: {display(each.name)} is a link to a place outside this folder.",
                hint="Give the folder that holds the files themselves, or copy them into one folder.",
                code="PM-X04",
            )
        if each.is_file():
            found[each.relative_to(folder).as_posix()] = each
        if len(found) > MAX_FILES:
            raise _too_many(folder.name)
    return found


def _walked(folder: Path) -> Iterator[Path]:
    """Everything below a folder, in order."""
    for each in sorted(folder.iterdir()):
        yield each
        if each.is_dir() and not each.is_symlink():
            yield from _walked(each)


def open_files(path: Path, shown: str) -> FileSet:
    """The files of a folder, a tar archive (also compressed) or a zip archive. Nothing is unpacked to the disk.

    Raises
    ------
    PsmatchError
        If the archive is damaged or encrypted, holds too many files, or one outside it.
    """
    if path.is_dir():
        found = files_in(path)
        return FileSet(
            {name: each.stat().st_size for name, each in found.items()},
            lambda name: open(found[name], "rb"),
            lambda: None,
        )
    return _open_zip(path, shown) if zipfile.is_zipfile(path) else _open_tar(path, shown)


def _open_zip(path: Path, shown: str) -> FileSet:
    archive = zipfile.ZipFile(path)
    infos = {each.filename: each for each in archive.infolist() if not each.is_dir()}
    if len(infos) > MAX_FILES:
        raise _too_many(shown)
    if any(each.flag_bits & _ENCRYPTED for each in infos.values()):
        problem = f"{shown} is encrypted."
        raise PsmatchError(problem, hint="Pack it again without a password.", code="PM-F10")
    _refuse_outside(infos, shown)
    return FileSet(
        {name: each.file_size for name, each in infos.items()},
        lambda name: archive.open(infos[name]),  # type: ignore[arg-type,return-value]
        archive.close,
    )


def _open_tar(path: Path, shown: str) -> FileSet:
    try:
        archive = tarfile.open(path, "r:*")  # noqa: SIM115
        infos = {each.name.removeprefix("./"): each for each in archive.getmembers() if each.isfile()}
    except (tarfile.TarError, EOFError, OSError):
        raise PsmatchError(
            f"{shown} is incomplete or damaged: its tar archive cannot be unpacked.",
            hint="Download or copy it again.",
            code="PM-F30",
        ) from None
    if len(infos) > MAX_FILES:
        raise _too_many(shown)
    _refuse_outside(infos, shown)

    def opened(name: str) -> BinaryIO:
        stream = archive.extractfile(infos[name])
        if stream is None:
            raise damaged(shown, f"{display(name)} is no file")
        return stream  # type: ignore[return-value]

    return FileSet({name: each.size for name, each in infos.items()}, opened, archive.close)


def _refuse_outside(names: Mapping[str, object], shown: str) -> None:
    for name in names:
        place = PurePosixPath(name.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts:
            raise PsmatchError(
                f"{shown}: {display(place.name)} has an unsafe path, outside the archive.",
                hint="Pack the folder again, without absolute paths and '..'.",
                code="PM-X04",
            )


def _too_many(shown: str) -> PsmatchError:
    return PsmatchError(
        f"{shown} holds more than {plural(MAX_FILES, 'file')}.",
        hint="Give the folder of one data set.",
        code="PM-X07",
    )
