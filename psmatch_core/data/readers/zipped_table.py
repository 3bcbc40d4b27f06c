"""The reader of tables inside a zip archive: csv, tsv, parquet or feather, as download portals send them.

One table is opened as if it lay there alone; of several, one is chosen by its name in the archive (``part``). Folders
inside are fine, what macOS and Windows add is no part of it, and all else that is not read is named. The chosen table
is unpacked into a temporary folder that goes with the reader, never beyond the memory limit.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from psmatch_core.base.disk import write_whole
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, Opening, Part, Reader, Source, WrappedSource
from psmatch_core.data.readers.columnar import ColumnarReader
from psmatch_core.data.readers.delimited import DelimitedReader
from psmatch_core.data.readers.h5_safety import damaged, refuse_size
from psmatch_core.data.readers.several_files import FileSet, open_files
from psmatch_core.data.readers.signature import Signature, read_signature

TABLES = (".csv", ".tsv", ".parquet", ".feather")
TEXTS = (".txt", ".tab")  # tables too where there is no other, but a text may be anything
_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})
_READ_AT_ONCE = 2**20  # bytes
_READERS: tuple[Reader, ...] = (DelimitedReader(), ColumnarReader())


class ZippedTableReader(Reader):
    """Reads one table of a zip archive."""

    name = "zip"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "zip"

    def open(self, opening: Opening) -> Source:
        files = open_files(opening.path, opening.shown)
        try:
            return _opened(opening, files)
        finally:
            files.close()


class ZippedTable(WrappedSource):
    """An opened table of an archive, and the other tables beside it."""

    def __init__(
        self, inner: Source, opening: Opening, tables: list[str], folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        super().__init__(inner)
        self.path = opening.path  # size and hash are those of the archive
        self._folder = folder
        self._tables = tables

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(each, 0, 0) for each in self._tables) if self.needs_part else ()

    @property
    def needs_part(self) -> bool:
        return len(self._tables) > 1

    def close(self) -> None:
        self._inner.close()
        self._folder.cleanup()


def is_junk(name: str) -> bool:
    """Whether a file of an archive was added by an operating system or a spreadsheet, not by its author."""
    parts = [each.lower() for each in PurePosixPath(name.replace("\\", "/")).parts]
    return any(each in _JUNK or each.startswith((".", "~$", "._")) for each in parts)


def tables_in(names: list[str]) -> list[str]:
    """The names that are those of tables; texts of any kind only where there is no other."""

    def ending_with(endings: tuple[str, ...]) -> list[str]:
        return [each for each in names if each.lower().removesuffix(".gz").endswith(endings)]

    texts = [each for each in ending_with(TEXTS) if "readme" not in each.lower() and "license" not in each.lower()]
    return ending_with(TABLES) or texts


def _opened(opening: Opening, files: FileSet) -> Source:
    shown = opening.shown
    names = sorted(each for each in files.sizes if not is_junk(each))
    tables = tables_in(names)
    if not tables:
        inside = f": {name_list(names)}" if names else ""
        problem = f"{shown} is a zip archive without a table (csv, tsv, parquet or feather){inside}."
        raise PsmatchError(problem, hint="Unpack it first, then load the file inside.", code="PM-F10")
    folder = tempfile.TemporaryDirectory(prefix="psmatch-zip-", ignore_cleanup_errors=True)
    try:
        chosen, inner = _first_readable(opening, files, [opening.part] if opening.part in tables else tables, folder)
    except BaseException:
        folder.cleanup()
        raise
    order = tables if opening.part else [chosen, *(each for each in tables if each != chosen)]
    source = ZippedTable(inner, opening, order, folder)
    if len(tables) > 2 and not opening.part:  # of two, each side takes one
        problem = f"{shown} holds {plural(len(tables), 'table')}: {name_list(tables, 6)}."
        source.findings.append(warning("PM-F41", problem, f"Choose which one to use (part); {chosen} is shown."))
    others = [each for each in names if each not in tables]
    if others:
        problem = f"{shown}: {plural(len(others), 'other file')} inside not read: {name_list(others)}."
        source.findings.append(
            warning("PM-F73", problem, "Nothing, if you do not need them; else load them on their own.")
        )
    return source


def _first_readable(
    opening: Opening, files: FileSet, tables: list[str], folder: tempfile.TemporaryDirectory[str]
) -> tuple[str, Source]:
    """The first table that can be opened, since a table of labels may lie before that of measurements, and its name."""
    first_error: PsmatchError | None = None
    for name in tables:
        try:
            path = _unpacked(files, name, Path(folder.name), opening)
            inside = f"{opening.shown}/{PurePosixPath(name).name}"
            signature = read_signature(path)
            reader = next((each for each in _READERS if each.accepts(signature)), None)
            if reader is None:
                problem = f"{inside} is no table, although its name says so."
                raise PsmatchError(problem, hint="Unpack the archive to see what the file holds.", code="PM-F07")
            return name, reader.open(replace(opening, path=path, shown=inside, signature=signature, part=""))
        except PsmatchError as error:
            first_error = first_error or error
    assert first_error is not None  # there is at least one table
    raise first_error


def _unpacked(files: FileSet, name: str, folder: Path, opening: Opening) -> Path:
    """One file of the archive on the disk, refused if it is larger than allowed or than it declares."""
    declared = files.sizes[name]
    refuse_size(declared, display(name), opening.shown, opening.memory_mb * 2**20 // COPIES_IN_MEMORY)
    if not declared:
        problem = f"{opening.shown}: {display(name)} is empty (0 bytes)."
        raise PsmatchError(problem, hint="Download or copy the archive again.", code="PM-F01")

    def write(stream: BinaryIO) -> None:
        n_read = 0
        with files.opened(name) as packed:
            while part := packed.read(_READ_AT_ONCE):
                n_read += len(part)
                if n_read > declared:
                    raise damaged(opening.shown, f"{display(name)} is larger than it says")
                stream.write(part)

    ending = "".join(PurePosixPath(name).suffixes[-2:])[-20:]
    return write_whole(folder / f"table{ending}", write)
