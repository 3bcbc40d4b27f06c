"""Safety of HDF5 files: the structure is checked before any value is read.

HDF5 can point to other files of the machine (links, external storage, virtual data sets) and cannot be told not to
follow, so files with such pointers are refused. So are loops and sizes beyond the limits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base.disk import is_full
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display

MAX_DEPTH = 24  # anndata's own tree has 4 levels; results of tools in uns add a few
MAX_NODES = 50_000  # a file with 1,000 annotation columns has 4,000
# deflate, shuffle, fletcher32, szip, nbit, scale-offset and LZF: every HDF5 library for Python can read them
_KNOWN_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
_LIBRARIES = {
    "h5py/": "HDF5",
    "zipfile": "zip",
    "/gzip.py": "gzip",
    "/tarfile.py": "tar",
    "/zarr/": "zarr",
    "numcodecs": "zarr",
}
_FILTER_NAMES = {32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}


def open_scanned(path: Path, shown: str) -> Any:
    """Open the HDF5 file at ``path`` for reading and check its structure."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _unopened(str(error), path, shown) from None
    scan_structure(file, shown)
    return file


def scan_structure(file: Any, shown: str) -> None:
    """Refuse links, external storage, virtual data sets, loops, and trees that are too deep or too large."""
    import h5py

    n_nodes = 0
    pending: list[tuple[Any, str, tuple[int, ...]]] = [(file, "", (h5py.h5o.get_info(file.id).addr,))]
    while pending:
        group, where, ancestors = pending.pop()
        for name in group:
            n_nodes += 1
            place = f"{where}/{name}".lstrip("/")
            if n_nodes > MAX_NODES:
                raise _refused(
                    f"{shown} holds more than {MAX_NODES:,} parts and is probably damaged or invalid.", "PM-X07"
                )
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise _points(shown, place)
            if not isinstance(link, h5py.HardLink):
                raise _refused(
                    f"{shown}: {display(place)} is a link to another place, or to itself in a loop.", "PM-X05"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address in ancestors:
                    raise _refused(f"{shown}: {display(place)} refers to itself in a loop.", "PM-X05")
                if len(ancestors) > MAX_DEPTH:
                    raise _refused(f"{shown} is nested more than {MAX_DEPTH} levels deep.", "PM-X06")
                pending.append((item, place, (*ancestors, address)))
            elif isinstance(item, h5py.Dataset):
                made = item.id.get_create_plist()
                if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
                    raise _points(shown, place)


def checked(item: Any, shown: str, *, max_bytes: int) -> Any:
    """The data set ``item`` after a check of its filters, type, size and completeness."""
    import h5py

    if hasattr(item, "check"):  # an array of zarr
        return item.check(shown, max_bytes)
    place = display(str(item.name).lstrip("/"), 60)
    if not isinstance(item, h5py.Dataset):
        raise damaged(shown, f"{place} is not an array")
    made = item.id.get_create_plist()
    unknown = [made.get_filter(i)[0] for i in range(made.get_nfilters()) if made.get_filter(i)[0] not in _KNOWN_FILTERS]
    if unknown:
        codec = _FILTER_NAMES.get(unknown[0], f"number {unknown[0]}")
        raise PsmatchError(
            f"{shown}: {place} is compressed with a filter that cannot be read here ({codec}).",
            hint="Save the file again with gzip compression.",
            code="PM-F46",
        )
    if h5py.check_ref_dtype(item.dtype) or (
        h5py.check_vlen_dtype(item.dtype) and not h5py.check_string_dtype(item.dtype)
    ):
        raise damaged(shown, f"{place} holds references or lists instead of values")
    n_bytes = int(np.prod(item.shape or (), dtype=np.float64)) * item.dtype.itemsize
    refuse_size(n_bytes, place, shown, max_bytes)
    if item.size and made.get_layout() != h5py.h5d.COMPACT:
        if not item.id.get_storage_size():
            raise incomplete_values(shown, place)
        if item.chunks:
            expected = int(np.prod([-(-n // c) for n, c in zip(item.shape, item.chunks, strict=True)]))
            if item.id.get_num_chunks() < expected:
                raise incomplete_values(shown, place)
    return item


def refuse_size(n_bytes: float, place: str, shown: str, max_bytes: int) -> None:
    """Refuse a part of the file that would take more memory than allowed [bytes]."""
    if n_bytes > max_bytes:
        raise PsmatchError(
            f"{shown}: {place} declares a size of {n_bytes / 2**30:,.1f} GB, "
            f"too large for the limit of {max_bytes / 2**30:,.1f} GB.",
            hint="Save the file again from the original object, or keep fewer cells or features.",
            code="PM-X20",
        )


def attribute_text(item: Any, name: str, default: str = "") -> str:
    """A text in the attributes of ``item``, which R stores as a list of one."""
    stored = np.ravel(item.attrs.get(name, default))
    value = stored[0] if stored.size else default
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def library_errors(shown: str) -> Iterator[None]:
    """Errors that the libraries of the formats (HDF5, zip, gzip) raise inside are told as those of a damaged file."""
    try:
        yield
    except PsmatchError:
        raise
    except Exception as error:
        library = _library_of(error)
        if library is None or is_full(error):
            raise
        raise damaged(shown, f"its {library} structure cannot be read") from None


def _library_of(error: BaseException) -> str | None:
    """The library of a format in which an error arose, if it did."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    file = at.tb_frame.f_code.co_filename.replace("\\", "/") if at is not None else ""
    return next((name for part, name in _LIBRARIES.items() if part in file), None)


def damaged(shown: str, what: str) -> PsmatchError:
    """The error of a file whose parts are inconsistent."""
    return PsmatchError(
        f"{shown} is damaged or invalid: {what}.",
        hint="Save the file again from the original object, or download it again.",
        code="PM-F50",
    )


def incomplete_values(shown: str, place: str) -> PsmatchError:
    """The error of an array of which a part is missing."""
    return PsmatchError(
        f"{shown} is incomplete: values of {place} are missing from the file.",
        hint="Save or download the file again.",
        code="PM-F49",
    )


def _points(shown: str, place: str) -> PsmatchError:
    return _refused(f"{shown}: {display(place)} points to data outside this file (external or virtual data).", "PM-X04")


def _refused(problem: str, code: str) -> PsmatchError:
    hint = "Open it where it was made and save it as one plain h5ad file."
    return PsmatchError(problem, hint=hint, code=code)


def _unopened(message: str, path: Path, shown: str) -> PsmatchError:
    if "truncated file" in message:
        stored = message.partition("stored_eof = ")[2].rstrip(") ")
        size = f": {path.stat().st_size:,} of {int(stored):,} bytes" if stored.isdigit() else ""
        return PsmatchError(
            f"{shown} is incomplete (cut off){size}.",
            hint="Download or copy it again.",
            code="PM-F02",
        )
    return damaged(shown, "its HDF5 structure cannot be read")
