"""The summary of a file; plain data, since it comes from another process as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psmatch_core.base.errors import plural
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.assays import Assay
from psmatch_core.data.cell_sample import CellMedians
from psmatch_core.data.checks import CellNames, Finding, Severity, Sketch
from psmatch_core.data.images import ImageShape, shape_text
from psmatch_core.data.readers.base import Part

SHOWN_NAMES = 20
MENDABLE = "PM-M01"  # missing values, about which the settings of a file can do something


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
        The kind of values (counts, logged, scaled …) and the reason for this verdict.
    is_sparse
        Whether the file stores it without its zeros.
    minimum, maximum
        Smallest and largest value read.
    is_sampled
        Whether only some rows were read because the file is large.
    sample_text
        Which ones, such as ``from 20,000 of 1,000,000 cells``; empty if all were.
    feature_names
        The first few.
    findings
        Warnings and rejections; with a rejection the matrix cannot be chosen.
    image_shape
        Channels, height and width if the features are pixels.
    preview
        Some of its images side by side as a PNG (base64); empty if it holds no images.
    bad_features
        The features with missing or infinite values, and how many were read.
    unmeasured
        The features that are named like positions, object numbers and the like.
    assay
        What it measures, as far as features and values show it; None if it cannot be used.
    medians
        Medians over a sample of the cells; None for a matrix that is not the chosen one, and for images.
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
    bad_features: tuple[tuple[str, int], ...] = ()
    unmeasured: tuple[str, ...] = ()
    assay: Assay | None = None
    medians: CellMedians | None = None
    sample_text: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether it can be chosen: nothing found in it rules it out but what a setting mends."""
        return not any(each.severity is Severity.REJECT and each.code != MENDABLE for each in self.findings)

    @property
    def needs_mending(self) -> bool:
        """Whether it has missing or infinite values that a setting must do away with first."""
        return any(each.code == MENDABLE for each in self.findings)

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
        Number of different values.
    n_missing
        Cells without a value.
    counts
        Cells of each value, most frequent first, at most 1,000 values; empty if the column cannot hold labels.
    is_label_candidate
        Whether it can be the label column.
    note
        Why it cannot, or a warning about its labels.
    listed
        Its value for each of the file's listed cell names, empty where it has none; empty if it cannot be the label.
    """

    name: str
    kind: str
    n_distinct: int
    n_missing: int
    counts: Mapping[str, int]
    is_label_candidate: bool
    note: str
    listed: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSummary:
    """The content of a file.

    Parameters
    ----------
    name
        Its name in messages.
    format
        ``h5ad``, ``csv`` …
    n_bytes, sha256
        Size [bytes] and content hash.
    n_cells, n_features
        Cells, and features of the main matrix (the first of ``matrices``).
    matrices, columns
        The matrices and columns of the file.
    label_key
        The label column that was chosen or taken as the usual one, if any.
    cell_names
        The first few.
    cells, features
        The names of the cells, those of a sample in large files, and a sketch of those of the features: by these two
        files are compared.
    findings
        Findings on the file, the main matrix and the chosen labels, worst first.
    parts, part
        The modalities of a file with several, and the one that this summary is of.
    needs_part
        Whether one of them must be chosen; until then the summary is of the first one.
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
    cells: CellNames
    features: Sketch
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...] = ()
    part: str = ""
    needs_part: bool = False

    @property
    def label_candidates(self) -> tuple[ColumnSummary, ...]:
        """Columns that can be the label column."""
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
