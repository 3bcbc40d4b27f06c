"""Base classes of file formats: a reader that recognises and opens a format, and the opened file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding
from psmatch_core.data.embedding_names import is_embedding
from psmatch_core.data.images import ImageShape
from psmatch_core.data.readers.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COPIES_IN_MEMORY = 3  # reading, checking and copying hold an array up to three times


@dataclass(frozen=True)
class Opening:
    """A file to open, and the limits.

    Parameters
    ----------
    path
        Path of the file.
    shown
        Its name in messages.
    signature
        Its format according to the first bytes.
    text_columns
        Columns to read as text even if they hold numbers: the label and pair columns.
    memory_mb
        Memory limit for reading [MB].
    part
        The modality to open of a file with several, one of :attr:`Source.parts`; empty for all of it.
    roles
        Columns of a table whose role was chosen, and the role.
    """

    path: Path
    shown: str
    signature: Signature
    text_columns: tuple[str, ...]
    memory_mb: int
    part: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One modality of a file with several: one of an h5mu file, the features of one type, or a table of a zip archive.

    Parameters
    ----------
    name
        Its name in the file, such as ``rna`` or ``Antibody Capture``.
    n_cells, n_features
        Its size; both 0 if it is known only once it is read.
    """

    name: str
    n_cells: int
    n_features: int

    @property
    def size_text(self) -> str:
        """Such as ``2,000 cells × 30 features``; empty if unknown."""
        cells, features = plural(self.n_cells, "cell"), plural(self.n_features, "feature")
        return f"{cells} × {features}" if self.n_cells else ""


@dataclass(frozen=True)
class MatrixHeader:
    """The facts about a matrix that are known before its values are read.

    ``shape`` is as stored and ``dtype`` is numpy's. A stack of images has the shape of its flat rows, cells × pixels,
    and also an ``image_shape``: channels, height, width.
    """

    key: str
    shape: tuple[int, ...]
    dtype: Any
    is_sparse: bool
    image_shape: ImageShape | None = None


class Source(ABC):
    """An opened file: names, columns, and matrices, whole or by rows. Damaged parts raise ``PsmatchError``."""

    format_name: ClassVar[str] = ""  # if it is another than the reader's

    def __init__(self, opening: Opening) -> None:
        self.path = opening.path
        self.shown = opening.shown
        self.findings: list[Finding] = []
        self.excluded: list[tuple[str, str]] = []  # cells left out on reading, with the reason

    @property
    @abstractmethod
    def obs_names(self) -> list[str]:
        """Cell names ``(n_cells,)``."""

    @property
    @abstractmethod
    def headers(self) -> tuple[MatrixHeader, ...]:
        """The matrices that can be chosen, the main one first."""

    @abstractmethod
    def var_names(self, key: str) -> list[str]:
        """Feature names ``(n_features,)`` of matrix ``key``."""

    def feature_ids(self, key: str) -> list[str] | None:
        """Ids of the features ``(n_features,)`` of matrix ``key`` beside their names; None if the file has none."""
        return None

    def feature_table(self, key: str) -> pd.DataFrame | None:
        """The columns of the features of matrix ``key`` as they came, by feature name; None if the file has none."""
        return None

    def feature_types(self, key: str) -> list[str] | None:
        """What each feature ``(n_features,)`` of matrix ``key`` measures, such as ``Peaks``; None if unknown."""
        return None

    @abstractmethod
    def rows(self, key: str, limit: int) -> Iterator[Any]:
        """The rows of matrix ``key`` in order, in dense or CSR chunks of about ``limit`` stored values."""

    def n_stored(self, key: str) -> int:
        """Stored values of matrix ``key`` if :meth:`run` can read rows in its midst; 0 if all before must be read."""
        return 0

    def run(self, key: str, start: int, stop: int, limit: int) -> Iterator[Any]:
        """Consecutive rows of matrix ``key``, in chunks as in :meth:`rows`."""
        raise NotImplementedError

    def n_streamed(self, key: str) -> int:
        """At least the stored values of matrix ``key`` if :meth:`rows` reads it in blocks; 0 if it reads all first."""
        return self.n_stored(key)

    @abstractmethod
    def whole(self, key: str) -> Any:
        """Matrix ``key`` ``(n_cells, n_features)``, dense or CSR; images as flat rows."""

    @property
    @abstractmethod
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns of cell annotations."""

    @abstractmethod
    def column(self, name: str) -> pd.Series:
        """One column ``(n_cells,)``."""

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        """Maps of the cells that lie in ``obsm``, such as X_umap: the first two columns of each ``(n_cells, 2)``.

        Parameters
        ----------
        used
            The matrix that holds the features: it is no map.
        """
        found = {}
        for header in self.headers:
            name = header.key.removeprefix("obsm/")
            is_numeric = getattr(header.dtype, "kind", "O") in "biuf"
            if header.key in (used, name) or len(header.shape) != 2 or header.image_shape or not is_numeric:
                continue
            if is_embedding(name, header.shape[1]):
                with suppress(PsmatchError):  # one that cannot be read is not needed for anything
                    found[name] = first_two(self.whole(header.key))
        return found

    @property
    def parts(self) -> tuple[Part, ...]:
        """The modalities of the file, whichever is open; empty if it holds one."""
        return ()

    @property
    def names_are_made(self) -> bool:
        """Whether the file has no cell names, so that those here were made up."""
        return False

    @property
    def needs_part(self) -> bool:
        """Whether one of :attr:`parts` must be chosen before the file is used, since each has cells of its own."""
        return False

    def is_canonical(self, key: str) -> bool:
        """Whether the sparse entries of matrix ``key`` that were read so far are sorted and unique."""
        return True

    @abstractmethod
    def close(self) -> None:
        """Close the file."""


class WrappedSource(Source):
    """An opened file seen in another way; what a subclass does not change is that of the file."""

    def __init__(self, inner: Source) -> None:
        self.path, self.shown, self._inner = inner.path, inner.shown, inner
        self.findings = inner.findings  # one list: columns that are read later add to it
        self.excluded = [*inner.excluded]

    @property
    def obs_names(self) -> list[str]:
        return self._inner.obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return self._inner.headers

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._inner.parts

    @property
    def names_are_made(self) -> bool:
        return self._inner.names_are_made

    @property
    def needs_part(self) -> bool:
        return self._inner.needs_part

    def var_names(self, key: str) -> list[str]:
        return self._inner.var_names(key)

    def feature_ids(self, key: str) -> list[str] | None:
        return self._inner.feature_ids(key)

    def feature_table(self, key: str) -> pd.DataFrame | None:
        return self._inner.feature_table(key)

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        return self._inner.embeddings(used)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        return self._inner.rows(key, limit)

    def n_stored(self, key: str) -> int:
        return self._inner.n_stored(key)

    def run(self, key: str, start: int, stop: int, limit: int) -> Iterator[Any]:
        return self._inner.run(key, start, stop, limit)

    def n_streamed(self, key: str) -> int:
        return self._inner.n_streamed(key)

    def whole(self, key: str) -> Any:
        return self._inner.whole(key)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self._inner.column_names

    def column(self, name: str) -> pd.Series:
        return self._inner.column(name)

    def is_canonical(self, key: str) -> bool:
        return self._inner.is_canonical(key)

    def close(self) -> None:
        self._inner.close()


class Reader(ABC):
    """A file format: how it is recognised and opened. A new format is one file with one subclass."""

    name: ClassVar[str]

    @abstractmethod
    def accepts(self, signature: Signature) -> bool:
        """Whether a file with this signature has this format."""

    @abstractmethod
    def open(self, opening: Opening) -> Source:
        """Open the file and check its structure, without reading its values."""


def first_two(values: Any) -> np.ndarray:
    """The first two columns of a matrix, dense or sparse, ``(n_cells, 2)``."""
    import numpy as np

    part = values[:, :2]
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=np.float32)


def computable(values: np.ndarray) -> np.ndarray:
    """The same values in a type with which sparse and dense algebra works: half floats become single floats."""
    if values.dtype.kind == "f" and values.dtype.itemsize < 4:
        return values.astype("f4")
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
