"""What is known of a file without having loaded it; plain data, since it crosses a process boundary as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psmatch_core.base.errors import plural
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.checks import Finding, Sketch
from psmatch_core.data.images import ImageShape, shape_text


@dataclass(frozen=True)
class MatrixSummary:
    """One matrix of a file.

    Parameters
    ----------
    key
        ``X``, ``layers/NAME``, ``raw`` or ``obsm/NAME``.
    n_features
        Columns.
    kind, reason
        What the values are (counts, logged, scaled …) and how that was seen.
    is_sparse
        Whether zeros are left out in the file.
    minimum, maximum
        Smallest and largest value seen.
    is_sampled
        Whether only part of the rows was looked at, because the file is large.
    feature_names
        The first few.
    findings
        What is to say of this matrix; it cannot be chosen if one of them is a rejection.
    image_shape
        Channels, height and width, where its features are pixels.
    preview
        Some of its images side by side as a PNG (base64); empty where it holds none.
    """

    key: str
    n_features: int
    kind: str
    reason: str
    is_sparse: bool
    minimum: float
    maximum: float
    is_sampled: bool
    feature_names: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    image_shape: ImageShape | None = None
    preview: str = ""

    @property
    def size_text(self) -> str:
        """Such as ``2,000 features`` or ``images, 3 × 64 × 64``."""
        return plural(self.n_features, "feature") if self.image_shape is None else shape_text(self.image_shape)


@dataclass(frozen=True)
class ColumnSummary:
    """One column of cell annotations.

    Parameters
    ----------
    name
        Its name.
    kind
        ``text``, ``whole numbers``, ``numbers like 1.0``, ``decimal numbers``, ``true or false``, ``dates``, ``mixed``.
    n_distinct
        Different values.
    n_missing
        Cells without a value.
    counts
        Cells of each value, most frequent first, at most 1,000 values; empty where it cannot be a label.
    is_label_candidate
        Whether it can serve as label.
    note
        Why not, or what to say of it as label.
    """

    name: str
    kind: str
    n_distinct: int
    n_missing: int
    counts: Mapping[str, int]
    is_label_candidate: bool
    note: str


@dataclass(frozen=True)
class FileSummary:
    """What is in a file.

    Parameters
    ----------
    name
        What it is called in messages.
    format
        ``h5ad``, ``csv`` …
    n_bytes, sha256
        Size [bytes] and content hash.
    n_cells, n_features
        Cells, and features of the main matrix (the first of ``matrices``).
    matrices, columns
        What may be chosen.
    label_key
        The label column that was chosen, if any.
    cell_names
        The first few.
    cells, features
        Sketches of all names, for comparing two files.
    findings
        What is to say of the file, the main matrix and the chosen labels, worst first.
    """

    name: str
    format: str
    n_bytes: int
    sha256: str
    n_cells: int
    n_features: int
    matrices: tuple[MatrixSummary, ...]
    columns: tuple[ColumnSummary, ...]
    label_key: str
    cell_names: tuple[str, ...]
    cells: Sketch
    features: Sketch
    findings: tuple[Finding, ...]

    @property
    def label_candidates(self) -> tuple[ColumnSummary, ...]:
        """Columns that can serve as label."""
        return tuple(column for column in self.columns if column.is_label_candidate)

    def column(self, name: str) -> ColumnSummary | None:
        """The column called ``name``, if there is one."""
        return next((column for column in self.columns if column.name == name), None)

    def matrix(self, key: str) -> MatrixSummary | None:
        """The matrix called ``key``, if there is one."""
        return next((matrix for matrix in self.matrices if matrix.key == key), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FileSummary:
        """The summary that ``data`` (from :meth:`to_dict`) describes."""
        return from_plain(data, cls)
