"""A zarr store seen as a tree like that of an HDF5 file, so that the same reader reads both.

Groups, attributes and codecs are taken from the metadata files; the zarr library only decodes the values of arrays
whose codecs are known, since a codec named in a file could run code. Formats 2 and 3 are read, in a folder or a zip
archive, also where one folder is wrapped around the store. A chunk that a store does not hold reads as its fill value:
that is how zarr stores chunks of zeros, so a lost chunk cannot be told from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.readers.h5_safety import MAX_DEPTH, MAX_NODES, damaged, incomplete_values, refuse_size
from psmatch_core.data.readers.several_files import FileSet

GROUP_FILES = (".zgroup", "zarr.json")
MOST_METADATA = 2**24  # bytes of one metadata file
# Compression, text and checksums of zarr and numcodecs; none of them runs code of the file.
_CODECS = frozenset(
    {
        "blosc", "zlib", "gzip", "bz2", "lzma", "zstd", "lz4", "shuffle", "crc32", "crc32c", "adler32", "fletcher32",
        "delta", "vlen-utf8", "vlen-bytes", "bytes", "transpose", "sharding_indexed",
    }
)  # fmt: skip


class ZarrTree:
    """The metadata of a store.

    Parameters
    ----------
    path
        The folder or zip archive.
    shown
        Its name in messages.
    files
        Its files.
    """

    def __init__(self, path: Path, shown: str, files: FileSet) -> None:
        self.path, self.shown, self.files = path, shown, files
        self.prefix = self._root()
        self._children: dict[str, dict[str, None]] = {"": {}}
        for name in files.sizes:
            place, _, last = name.rpartition("/")
            if last in (*GROUP_FILES, ".zarray") and f"{place}/".startswith(self.prefix):
                self._add(place[len(self.prefix) :])
        if len(self._children) > MAX_NODES:
            raise PsmatchError(
                f"{shown} holds more than {MAX_NODES:,} parts and is probably damaged or invalid.",
                hint="Save the data again from the original object.",
                code="PM-X07",
            )

    def _root(self) -> str:
        """What stands before all names: the folder that is wrapped around the store, or nothing."""
        groups = {
            name.rpartition("/")[0]
            for name in self.files.sizes
            if name.rpartition("/")[2] in GROUP_FILES and "__MACOSX" not in name
        }
        fewest = min((each.count("/") + bool(each) for each in groups), default=0)
        tops = sorted(each for each in groups if each.count("/") + bool(each) == fewest)
        if len(tops) > 1 and all(each.endswith(".zarr") for each in tops):
            problem = f"{self.shown} holds {len(tops)} zarr stores ({name_list(tops, 3)})."
            raise PsmatchError(problem, hint="Give one of them.", code="PM-F47")
        if len(tops) != 1:
            raise PsmatchError(
                f"{self.shown} is an incomplete zarr store: its root group (.zgroup or zarr.json) is missing.",
                hint="Copy or pack the whole folder again, with its hidden files.",
                code="PM-F47",
            )
        return f"{tops[0]}/" if tops[0] else ""

    def _add(self, place: str) -> None:
        if place.count("/") > MAX_DEPTH:
            problem = f"{self.shown} is nested more than {MAX_DEPTH} levels deep."
            raise PsmatchError(problem, hint="Save the data again from the original object.", code="PM-X06")
        names = place.split("/") if place else []
        for depth, name in enumerate(names):
            self._children.setdefault("/".join(names[:depth]), {})[name] = None
            self._children.setdefault("/".join(names[: depth + 1]), {})

    def children(self, place: str) -> tuple[str, ...]:
        """The names in a group."""
        return tuple(sorted(self._children.get(place, ())))

    def node(self, place: str) -> ZarrGroup | ZarrArray | None:
        """The group or array at a place, if there is one."""
        if place not in self._children:
            return None
        start = f"{self.prefix}{place}/".lstrip("/")
        if f"{start}.zarray" in self.files.sizes:
            return ZarrArray(self, place, self.metadata(f"{start}.zarray"), self._attributes(start))
        if f"{start}zarr.json" in self.files.sizes:
            found = self.metadata(f"{start}zarr.json")
            attributes = found.get("attributes") or {}
            if found.get("node_type") == "array":
                return ZarrArray(self, place, found, attributes)
            return ZarrGroup(self, place, attributes)
        return ZarrGroup(self, place, self._attributes(start))

    def refuse_code(self) -> None:
        """Refuse a store with a codec that could run code, wherever it stands."""
        for place in self._children:
            for last in (".zarray", "zarr.json"):
                name = f"{self.prefix}{place}/{last}".removeprefix("/")
                if name in self.files.sizes and "pickle" in self._codecs(name):
                    raise _runs_code(self.shown, place)

    def _codecs(self, name: str) -> list[str]:
        try:
            return list(_codecs_of(self.metadata(name)))
        except TypeError:
            raise damaged(self.shown, f"its part {display(name, 60)} names no codecs") from None

    def metadata(self, name: str) -> dict[str, Any]:
        """The content of a metadata file."""
        refuse_size(self.files.sizes[name], display(name), self.shown, MOST_METADATA)
        with self.files.opened(name) as stream:
            data = stream.read(MOST_METADATA)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise damaged(self.shown, f"its part {display(name, 60)} cannot be read")
        return found

    def _attributes(self, start: str) -> dict[str, Any]:
        return self.metadata(f"{start}.zattrs") if f"{start}.zattrs" in self.files.sizes else {}

    @cached_property
    def store(self) -> Any:
        """The store of the zarr library."""
        from zarr.storage import LocalStore, ZipStore

        return LocalStore(self.path, read_only=True) if self.path.is_dir() else ZipStore(self.path, mode="r")


class ZarrGroup:
    """A group, with the part of h5py's interface that the reader uses."""

    def __init__(self, tree: ZarrTree, place: str, attributes: Mapping[str, Any]) -> None:
        self._tree, self._place = tree, place
        self.attrs = attributes
        self.name = f"/{place}"

    def keys(self) -> tuple[str, ...]:
        return self._tree.children(self._place)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The group or array called ``name``, which may be a path; ``default`` if there is none."""
        found = self._tree.node(f"{self._place}/{name}".strip("/"))
        return default if found is None else found

    def close(self) -> None:
        self._tree.files.close()


class ZarrArray:
    """An array, with the part of h5py's interface that the reader uses; its values are decoded when they are read."""

    def __init__(self, tree: ZarrTree, place: str, metadata: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        self._tree, self._place, self._metadata = tree, place, metadata
        self.attrs = attributes
        self.name = f"/{place}"
        unknown = [each for each in _codecs_of(metadata) if each not in _CODECS]
        if unknown:  # the library never sees it
            raise PsmatchError(
                f"{tree.shown}: {display(place, 60)} uses a codec that is unsupported here ({display(unknown[0])}).",
                hint="Save the data again with zstd or gzip compression.",
                code="PM-F46",
            )

    @cached_property
    def _array(self) -> Any:
        import zarr

        return zarr.open_array(self._tree.store, path=f"{self._tree.prefix}{self._place}", mode="r")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(each) for each in self._array.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def chunks(self) -> tuple[int, ...]:
        return tuple(int(each) for each in self._array.chunks)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As numpy has it; texts of any length are those of h5py."""
        import h5py

        found = np.dtype(self._array.dtype)
        return h5py.string_dtype() if found.kind in "OT" else found

    def check(self, shown: str, max_bytes: int) -> ZarrArray:
        """Return this array, after a check of its size."""
        refuse_size(float(self.size) * self.dtype.itemsize, display(self._place, 60), shown, max_bytes)
        if self._is_of_sparse and self.size and self._n_stored < self._n_chunks:
            raise incomplete_values(shown, display(self._place, 60))
        return self

    @property
    def _is_of_sparse(self) -> bool:
        """Whether it is a part of a sparse matrix, of which no chunk is all zeros."""
        above, _, name = self._place.rpartition("/")
        return name in ("data", "indices", "indptr") and self._tree.node(f"{above}/indptr") is not None

    @property
    def _n_chunks(self) -> int:
        stored = self._array.shards or self._array.chunks
        return int(np.prod([-(-n // each) for n, each in zip(self.shape, stored, strict=True)]))

    @property
    def _n_stored(self) -> int:
        start = f"{self._tree.prefix}{self._place}/"
        last = (".zarray", ".zattrs", "zarr.json")
        return sum(name.startswith(start) and not name.endswith(last) for name in self._tree.files.sizes)

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self._array[key])


def _runs_code(shown: str, place: str) -> PsmatchError:
    return PsmatchError(
        f"{shown}: {display(place, 60)} holds Python objects (pickle), which could run code and are not read.",
        hint="Save it as text or numbers.",
        code="PM-X11",
    )


def _codecs_of(metadata: Any) -> Iterator[str]:
    """The names of all codecs, also of those inside others (sharding)."""
    if not isinstance(metadata, Mapping):
        raise TypeError(metadata)
    listed = [*(metadata.get("codecs") or ()), *(metadata.get("index_codecs") or ()), *(metadata.get("filters") or ())]
    listed += [metadata["compressor"]] if metadata.get("compressor") else []
    listed += list(metadata.get("storage_transformers") or ())
    for each in listed:
        name = str(each.get("id") or each.get("name")) if isinstance(each, Mapping) else str(each)
        yield name.removeprefix("numcodecs.")
        inner = each.get("configuration") if isinstance(each, Mapping) else None
        if isinstance(inner, Mapping):
            yield from _codecs_of(inner)
