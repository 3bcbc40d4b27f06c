"""The npz and npy readers: numpy arrays of images or features, with labels.

Arrays with one value per cell are annotation columns (``labels``, ``pair_ids`` …), ``obs_names`` and ``var_names`` are
names, and arrays of two or four dimensions are matrices. The main matrix is ``X``, or else ``images`` (cells × channels
× height × width), or else the first array with a row for each cell, such as ``embeddings``, which is said; it is called
X as in h5ad, others ``obsm/NAME``. Nothing is unpickled, and sizes are checked against
the headers before any value is unpacked.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.images import ImageShape, flattened, pixel_names
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Reader, Source, computable
from psmatch_core.data.readers.h5_safety import damaged
from psmatch_core.data.readers.signature import Signature

if TYPE_CHECKING:
    import pandas as pd

MAIN = "X"
IMAGES = "images"
OBS_NAMES, VAR_NAMES = "obs_names", "var_names"
# What else arrays of cell names are called, if each cell has a text of its own in them.
NAMES_OF_CELLS = ("names", "cell_names", "cell_ids", "cells", "barcodes", "ids")
MAX_ARRAYS = 1000  # most annotation columns
_UNPARSED = (SyntaxError, tokenize.TokenError, TypeError, IndexError)  # numpy reads a header as a Python literal
LARGEST_CHARACTER = 0x10FFFF  # of Unicode
_ENCRYPTED = 0x1  # the flag of a zip member


@dataclass(frozen=True)
class Member:
    """One array as its header declares it; its values begin at ``offset`` [bytes]."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool
    offset: int

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class NpzReader(Reader):
    """Reads npz files."""

    name = "npz"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "npz" and not signature.is_gzipped

    def open(self, opening: Opening) -> Source:
        return NpzSource(opening)


class NpyReader(Reader):
    """Reads npy files: one array of features or images, whose cell names and labels come from a second table."""

    name = "npy"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "npy" and not signature.is_gzipped

    def open(self, opening: Opening) -> Source:
        return NpzSource(opening, SingleArray(opening.path))


class SingleArray:
    """An npy file as an archive of one array, called ``X``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def infolist(self) -> list[zipfile.ZipInfo]:
        info = zipfile.ZipInfo(f"{MAIN}.npy")
        info.file_size = self._path.stat().st_size
        return [info]

    def open(self, _: object) -> BinaryIO:
        return open(self._path, "rb")

    def close(self) -> None:
        """Nothing is open."""


class NpzSource(Source):
    """An opened npz file, or an npy file as one of a single array."""

    def __init__(self, opening: Opening, archive: Any = None) -> None:
        super().__init__(opening)
        self._archive = archive or zipfile.ZipFile(opening.path)
        try:
            self._members = self._checked_members(opening.memory_mb * 2**20 // COPIES_IN_MEMORY)
            self._main = self._main_name()
            self._n_cells = self._members[self._main].shape[0]
            self._names = self._array_of_names()
            self._columns = self._annotation_columns()
            self._obs_names = self._names_of_cells()
        except BaseException:
            self._archive.close()
            raise

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @property
    def names_are_made(self) -> bool:
        return not self._names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return tuple(
            MatrixHeader(key, (member.shape[0], math.prod(member.shape[1:])), member.dtype, False, _shape_of(member))
            for key, member in self._matrices().items()
        )

    def var_names(self, key: str) -> list[str]:
        member = self._matrices()[key]
        shape = _shape_of(member)
        if shape is not None:
            return pixel_names(shape, member.name)
        n_features = member.shape[1]
        if key == MAIN and VAR_NAMES in self._members:
            return self._texts(VAR_NAMES, n_features, "features")
        return [f"{member.name}_{i + 1}" for i in range(n_features)]

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        member = self._matrices()[key]
        if member.is_fortran:  # its rows are not contiguous
            yield self.whole(key)
            return
        row_values = math.prod(member.shape[1:])
        with self._opened(member) as stream:
            for start, stop in row_chunks(member.shape[0], row_values, limit):
                values = self._values(stream, member, (stop - start) * row_values)
                yield computable(values.reshape(stop - start, row_values))

    def whole(self, key: str) -> Any:
        values = self._array(self._matrices()[key])
        return computable(flattened(values)[0] if values.ndim == 4 else values)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self._columns

    def column(self, name: str) -> pd.Series:
        import pandas as pd

        values = self._array(self._members[name])
        if values.dtype.kind == "S":
            values = _decoded(values)
        return pd.Series(values.astype(object) if values.dtype.kind == "U" else values, name=name)

    def close(self) -> None:
        self._archive.close()

    def _checked_members(self, max_bytes: int) -> dict[str, Member]:
        infos = self._archive.infolist()
        if len(infos) > MAX_ARRAYS:
            raise PsmatchError(
                f"{self.shown} holds {len(infos):,} arrays; at most {MAX_ARRAYS:,} are allowed.",
                hint="Keep only the images, the labels and the names.",
                code="PM-X07",
            )
        members: dict[str, Member] = {}
        for info in infos:
            name = info.filename.removesuffix(".npy")
            if name in members:
                raise damaged(self.shown, f"it holds {display(name)} twice")
            members[name] = self._header(info, name)
        total = sum(member.n_bytes for member in members.values())
        if total > max_bytes:
            raise PsmatchError(
                f"{self.shown}: its arrays declare a size of {total / 2**30:,.1f} GB, too large for the limit of "
                f"{max_bytes / 2**30:,.1f} GB.",
                hint="Keep fewer or smaller images, or save them as bytes (0 to 255).",
                code="PM-X20",
            )
        return members

    def _header(self, info: zipfile.ZipInfo, name: str) -> Member:
        """Read the header of an array and check it against the archive's table of contents."""
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(
                self.shown, f"array {display(name)} is encrypted or compressed in a way that numpy does not use"
            )
        try:
            with self._archive.open(info) as stream:
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, is_fortran, dtype = read(stream)
                offset = stream.tell()
        except (ValueError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error, *_UNPARSED):
            raise damaged(self.shown, f"array {display(name)} has no readable header") from None
        if dtype.names is not None and not dtype.hasobject:
            fields = name_list([display(each, 30) for each in dtype.names], 4)
            raise PsmatchError(
                f"{self.shown}: array {display(name)} is a structured array, a table with the columns {fields}.",
                hint="Save it as csv, or its numbers as a plain array of cells × features.",
                code="PM-X11",
            )
        if dtype.hasobject:
            raise PsmatchError(
                f"{self.shown}: array {display(name)} holds Python objects, which could run code and are not read.",
                hint="Save it as text or numbers, for instance labels.astype(str).",
                code="PM-X11",
            )
        member = Member(name, tuple(int(each) for each in shape), dtype, bool(is_fortran), offset)
        if offset + member.n_bytes != info.file_size:
            raise damaged(self.shown, f"array {display(name)} has another length than its header says")
        return member

    def _annotation_columns(self) -> tuple[str, ...]:
        """The annotation columns; arrays that are neither column, matrix nor names are reported."""
        columns: list[str] = []
        unused: list[str] = []
        for name, member in self._members.items():
            if name in (self._names, VAR_NAMES) or member in self._matrices().values():
                continue
            (columns if member.shape == (self._n_cells,) else unused).append(name)
        if unused:
            problem = (
                f"{self.shown}: {plural(len(unused), 'array')} with another length than {self._n_cells:,} ignored: "
                f"{name_list(unused)}."
            )
            self.findings.append(
                warning("PM-F59", problem, "Save arrays with one entry per cell, all in the same order.")
            )
        return tuple(columns)

    def _main_name(self) -> str:
        """The array that is the main matrix: by its name, or the only kind of array it can be."""
        named = next((each for each in (MAIN, IMAGES) if each in self._members), "")
        able = [name for name, each in self._members.items() if len(each.shape) in (2, 4)]
        numeric = [name for name in able if self._members[name].dtype.kind in "biuf"]
        if named in able:
            return named
        if {"data", "indices", "indptr", "shape"} <= set(self._members):
            raise PsmatchError(
                f"{self.shown} holds a sparse matrix as scipy saves it, without the names of its cells and features.",
                hint="Put it into an AnnData object, with its names and labels, and save that as h5ad.",
                code="PM-G18",
            )
        if named or not numeric or len({self._members[each].shape[0] for each in numeric}) > 1:
            raise PsmatchError(
                f"{self.shown} holds neither an array 'images' (cells × channels × height × width) nor 'X' "
                f"(cells × features); it holds {self._listed()}.",
                hint="Rename the array, or put it into an AnnData object and save that as h5ad.",
                code="PM-G18",
            )
        problem = f"{self.shown} has no array X or images: {display(numeric[0])} is read as the values of the cells."
        self.findings.append(warning("PM-F78", problem, "Choose another matrix, or name the array X, if it is not."))
        return numeric[0]

    def _matrices(self) -> dict[str, Member]:
        main = self._members[self._main]
        others = {
            f"obsm/{name}": member
            for name, member in self._members.items()
            if name != self._main and len(member.shape) in (2, 4) and member.shape[0] == main.shape[0]
        }
        return {MAIN: main, **others}

    def _array_of_names(self) -> str:
        """The array that names the cells; empty if there is none."""
        if OBS_NAMES in self._members:
            return OBS_NAMES
        of_cells = [each for each in NAMES_OF_CELLS if each in self._members]
        texts = [each for each in of_cells if self._members[each].dtype.kind in "US"]
        sized = [each for each in texts if self._members[each].shape == (self._n_cells,)]
        unique = (each for each in sized if len(set(self._texts(each, self._n_cells, "cells"))) == self._n_cells)
        return next(unique, "")

    def _names_of_cells(self) -> list[str]:
        if self._names:
            return self._texts(self._names, self._n_cells, "cells")
        # With the file's name: numbers alone would pass for true pairs between two such files.
        stem = self.shown.rsplit(".", 1)[0]
        return [f"{stem}_{i}" for i in range(self._n_cells)]

    def _texts(self, name: str, n: int, what: str) -> list[str]:
        member = self._members[name]
        if member.shape != (n,):
            size = " × ".join(f"{each:,}" for each in member.shape) or "none"
            raise damaged(self.shown, f"array {display(name)} holds {size} names for {n:,} {what}")
        values = self._array(member)
        return [str(each) for each in (_decoded(values) if values.dtype.kind == "S" else values).tolist()]

    def _array(self, member: Member) -> np.ndarray:
        with self._opened(member) as stream:
            values = self._values(stream, member, math.prod(member.shape))
        if values.dtype.kind == "U" and values.size:
            characters = np.frombuffer(values.astype(values.dtype.newbyteorder("=")).tobytes(), dtype=np.uint32)
            if characters.size and characters.max() > LARGEST_CHARACTER:
                raise damaged(self.shown, f"array {display(member.name)} holds characters that do not exist")
        return values.reshape(member.shape, order="F" if member.is_fortran else "C")

    def _opened(self, member: Member) -> Any:
        stream = self._archive.open(f"{member.name}.npy")
        self._bytes(stream, member, member.offset)
        return stream

    def _values(self, stream: Any, member: Member, n_values: int) -> np.ndarray:
        return np.frombuffer(self._bytes(stream, member, n_values * member.dtype.itemsize), dtype=member.dtype)

    def _bytes(self, stream: Any, member: Member, n: int) -> bytes:
        try:
            data: bytes = stream.read(n)
        except (OSError, EOFError, zipfile.BadZipFile, ValueError, RuntimeError, zlib.error):
            data = b""
        if len(data) != n:
            raise damaged(self.shown, f"values of array {display(member.name)} cannot be unpacked")
        return data

    def _listed(self) -> str:
        return name_list((f"{each.name} {'×'.join(map(str, each.shape))}" for each in self._members.values()), 5)


def _shape_of(member: Member) -> ImageShape | None:
    return (member.shape[1], member.shape[2], member.shape[3]) if len(member.shape) == 4 else None


def _decoded(values: np.ndarray) -> np.ndarray:
    return np.char.decode(values, "utf-8", "replace")
