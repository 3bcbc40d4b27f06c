"""What a format has to offer: a reader that recognises and opens it, and the opened file itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from psmatch_core.data.checks import Finding
from psmatch_core.data.images import ImageShape
from psmatch_core.data.readers.signature import Signature

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Opening:
    """How a file is to be opened.

    Parameters
    ----------
    path
        Where it lies.
    shown
        What it is called in messages.
    signature
        What its first bytes say.
    text_columns
        Columns to read as text even where they hold numbers: the label and pair columns.
    memory_mb
        How much memory reading may take [MB].
    """

    path: Path
    shown: str
    signature: Signature
    text_columns: tuple[str, ...]
    memory_mb: int


@dataclass(frozen=True)
class MatrixHeader:
    """What is known of a matrix before its values are read.

    ``shape`` is as stored, ``dtype`` numpy's. A stack of images has the shape of its flat rows, cells × pixels, and
    ``image_shape`` beside: channels, height, width.
    """

    key: str
    shape: tuple[int, ...]
    dtype: Any
    is_sparse: bool
    image_shape: ImageShape | None = None


class Source(ABC):
    """An opened file: names, columns, and matrices whole or by rows. Damage raises ``PsmatchError``."""

    def __init__(self, opening: Opening) -> None:
        self.path = opening.path
        self.shown = opening.shown
        self.findings: list[Finding] = []

    @property
    @abstractmethod
    def obs_names(self) -> list[str]:
        """Cell names (n_cells,)."""

    @property
    @abstractmethod
    def headers(self) -> tuple[MatrixHeader, ...]:
        """The matrices that may be chosen, the main one first."""

    @abstractmethod
    def var_names(self, key: str) -> list[str]:
        """Feature names (n_features,) of matrix ``key``."""

    @abstractmethod
    def rows(self, key: str, limit: int) -> Iterator[Any]:
        """The rows of matrix ``key`` in order, in chunks of about ``limit`` stored values, dense or CSR."""

    @abstractmethod
    def whole(self, key: str) -> Any:
        """Matrix ``key`` (n_cells, n_features), dense or CSR; images as flat rows."""

    @property
    @abstractmethod
    def column_names(self) -> tuple[str, ...]:
        """Columns of cell annotations."""

    @abstractmethod
    def column(self, name: str) -> pd.Series:
        """One column (n_cells,)."""

    def is_canonical(self, key: str) -> bool:
        """Whether the sparse entries read so far of matrix ``key`` were sorted and unique."""
        return True

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


class Reader(ABC):
    """A format: how it is recognised and opened. A new format is one file with one subclass."""

    name: ClassVar[str]

    @abstractmethod
    def accepts(self, signature: Signature) -> bool:
        """Whether a file that begins like this is of this format."""

    @abstractmethod
    def open(self, opening: Opening) -> Source:
        """Open the file; its structure is checked, its values are not read yet."""
