"""Modality: cells measured in one way, with their labels; checked once, then read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.arrays import read_only, read_only_matrix, row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.mapped_rows import is_mapped, release, rows_of
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.data.bad_values import REFUSE
from psmatch_core.data.checks import Facts, Finding, MatrixScan
from psmatch_core.data.images import ImageShape, shape_text
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.readers.checked_data import CheckedData, check_chosen
from psmatch_core.data.readers.chosen import as_chosen
from psmatch_core.data.readers.feature_types import chosen_part
from psmatch_core.data.readers.in_memory import AnnDataSource
from psmatch_core.data.readers.sandbox import DEFAULT_MEMORY_MB

if TYPE_CHECKING:
    from anndata import AnnData

Matrix: TypeAlias = Any  # np.ndarray, scipy.sparse.csr_matrix or ShiftedRows, (n_cells, n_features)


@dataclass(frozen=True)
class Modality(HtmlSummary):
    """Cells measured in one way, each with one label.

    :meth:`from_anndata` makes it and checks everything, so every modality is valid. A sparse matrix stays sparse.

    Parameters
    ----------
    name
        Name of the modality in tables and messages, such as ``RNA``.
    X
        Data matrix ``(n_cells, n_features)``, dense, CSR or shifted CSR, read-only. Images are flat rows,
        bytes stay bytes.
    labels
        Label of each cell ``(n_cells,)``, text.
    obs_names, var_names
        Names of cells ``(n_cells,)`` and features ``(n_features,)``; cell names are unique.
    label_key
        The column that the labels came from.
    pair_ids
        Name of the physical cell of each row ``(n_cells,)``, empty where it is unknown; None if no pairs are known.
        Equal ids in two modalities are true pairs (:func:`~psmatch_core.data.known_pairs.with_known_pairs` decides).
        Used for evaluation only, never for matching, and not part of the fingerprint.
    findings
        Warnings of the checks.
    excluded
        Names of the cells that were left out, with the reason.
    image_shape
        Channels, height and width if the features are the pixels of an image, else None.
    obs, var
        The columns of the cells and of the features as they came, one row each, or None. They can colour maps and are
        kept in the exports, are never used for matching, and are not part of the fingerprint.
    facts
        What the rules on two modalities together need to know of the data as they came, or None; not stored.
    feature_ids
        Ids of the features ``(n_features,)`` such as ENSG00000115415 beside their names, or None. They go into the
        exports, are never used for matching, and are not part of the fingerprint.
    embeddings
        Maps of the cells that came with them, such as X_umap or spatial: two columns each, ``(n_cells, 2)``. Cells are
        drawn on them; they are never used for matching, and not part of the fingerprint.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> source
    Modality(RNA: 1,000 cells × 200 features, dense, 13 labels)
    >>> source.label_counts["STAT1"]
    81
    """

    name: str
    X: Matrix
    labels: np.ndarray
    obs_names: np.ndarray
    var_names: np.ndarray
    label_key: str = "label"
    pair_ids: np.ndarray | None = None
    findings: tuple[Finding, ...] = ()
    excluded: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    image_shape: ImageShape | None = None
    obs: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    facts: Facts | None = field(default=None, repr=False, compare=False)
    feature_ids: np.ndarray | None = field(default=None, repr=False, compare=False)
    var: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_anndata(
        cls,
        adata: AnnData,
        *,
        label_key: str,
        name: str,
        matrix: str = "X",
        pair_key: str | None = None,
        missing_labels: str = "refuse",
        bad_values: str = REFUSE,
        most_missing: float = 0.05,
        label_with: str | Sequence[str] = (),
        cells: str | Sequence[str] = (),
        roles: Mapping[str, str] | None = None,
        part: str = "",
        labels_path: str | Path = "",
        guide_umis: int = 0,
        guide_ratio: float = 0.0,
    ) -> Modality:
        """Check an AnnData object and make a modality of it.

        Parameters
        ----------
        adata
            Cells × features.
        label_key
            Column of ``obs`` that holds the label (perturbation or cell type).
        name
            Name of the modality.
        matrix
            ``X``, ``raw``, ``layers/NAME`` or ``obsm/NAME``. An obsm matrix of four dimensions is a stack of images,
            cells × channels × height × width; so are the rows of X if ``uns["image_shape"]`` declares it.
        pair_key
            Column of ``obs`` that names the physical cell, if true pairs are known.
        missing_labels
            ``refuse`` cells without a label (the error counts them) or ``drop`` them (recorded in ``excluded``).
        bad_values, most_missing
            What is done about missing and infinite values, and the largest share of them that a feature may lack; see
            :func:`~psmatch_core.data.bad_values.mend`. ``refuse`` is an error that lists the features.
        label_with, cells, roles, part, labels_path, guide_umis, guide_ratio
            As the settings of the same names of a file (:class:`~psmatch_core.data.readers.DataSpec`): further label
            columns, rules on cells, the roles of columns and features by name, the type of features to use, and a
            table of labels with its rule on guides.

        Raises
        ------
        PsmatchError
            For a missing column or matrix, NaN or infinite values, duplicated cell names, unusable labels.
        """
        if not (hasattr(adata, "obs_names") and hasattr(adata, "layers")):
            problem = f"{name} is an object of type {type(adata).__name__}, not an AnnData object."
            hint = "Make one: anndata.AnnData(X, obs=table_of_cells, var=table_of_features)."
            raise PsmatchError(problem, hint=hint)
        spec = DataSpec(
            path="",
            label_key=label_key,
            label_with=(label_with,) if isinstance(label_with, str) else tuple(label_with),
            part=part,
            cells=(cells,) if isinstance(cells, str) else tuple(cells),
            matrix=matrix,
            roles=tuple((roles or {}).items()),
            bad_values=bad_values,
            most_missing=most_missing,
            labels_path=str(labels_path),
            guide_umis=guide_umis,
            guide_ratio=guide_ratio,
            pair_key=pair_key or "",
            missing_labels=missing_labels,
        )
        opened = chosen_part(AnnDataSource(adata, matrix, shown=name), part)
        return cls.from_checked(check_chosen(as_chosen(opened, spec, memory_mb=DEFAULT_MEMORY_MB), spec), spec, name)

    @classmethod
    def from_checked(cls, data: CheckedData, spec: DataSpec, name: str) -> Modality:
        """Make a modality called ``name`` of checked data that were read as ``spec`` says."""
        used = data.is_used
        X, labels = (data.X, data.labels) if used.all() else (rows_of(data.X, used), data.labels[used])
        obs = pd.DataFrame(dict(data.columns), index=pd.Index(data.obs_names))[used]
        pair_ids = None if data.pair_ids is None else [each or "" for each in data.pair_ids[used].tolist()]
        return cls(
            name=name,
            X=_held(X, keep_bytes=data.image_shape is not None),
            labels=read_only(np.asarray(labels, dtype=str)),
            obs_names=read_only(np.asarray(data.obs_names, dtype=str)[used]),
            var_names=read_only(np.asarray(data.var_names, dtype=str)),
            label_key=spec.label_name,
            pair_ids=None if pair_ids is None else read_only(np.asarray(pair_ids, dtype=str)),
            findings=data.findings,
            excluded=data.excluded,
            image_shape=data.image_shape,
            obs=obs,
            facts=data.facts,
            feature_ids=None if data.feature_ids is None else read_only(np.asarray(data.feature_ids, dtype=str)),
            var=data.feature_columns,
            embeddings={name: read_only(xy[used]) for name, xy in data.embeddings.items()},
        )

    @property
    def n_cells(self) -> int:
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.X.shape[1])

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(str(each) for each in np.unique(self.labels))

    @cached_property
    def label_counts(self) -> dict[str, int]:
        """Cells of each label."""
        names, counts = np.unique(self.labels, return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    @property
    def file_hash(self) -> str:
        """SHA-256 of the file from which the cells were read; empty if they came from none, or it is not known."""
        return "" if self.facts is None else self.facts.sha256

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is matched: values, labels and names, in their order; not of the known pairs."""
        digest = hashlib.sha256()
        for array, dtype in self._parts():
            digest.update(f"{dtype.str}{array.shape}".encode())
            for start, stop in row_chunks(len(array), array.size // len(array)) if array.size else ():
                digest.update(np.ascontiguousarray(array[start:stop], dtype=dtype).data)
                release(self.X)
        for names in (self.labels, self.obs_names, self.var_names):
            digest.update("\x1f".join(names.tolist()).encode() + b"\x1d")
        digest.update(b"\x1e\x1d")  # pair ids stood here, which no training may depend on
        if self.image_shape is not None:
            digest.update(shape_text(self.image_shape).encode())
        return digest.hexdigest()

    def _parts(self) -> list[tuple[np.ndarray, np.dtype[Any]]]:
        """The arrays that hold the values, and the type in which they are compared."""
        if isinstance(self.X, ShiftedRows):
            return [(each, each.dtype) for each in self.X.parts.values()]
        if sparse.issparse(self.X):
            index = np.dtype(np.int64)
            return [(self.X.data, self.X.data.dtype), (self.X.indices, index), (self.X.indptr, index)]
        return [(self.X, self.X.dtype)]

    @cached_property
    def scan(self) -> MatrixScan:
        """Statistics of the values, by which their kind is known: read once for all who ask."""
        return MatrixScan.of(self.X)

    @cached_property
    def pair_fingerprint(self) -> str:
        """SHA-256 of the known pairs; empty if none are known."""
        if self.pair_ids is None:
            return ""
        return hashlib.sha256("\x1f".join(self.pair_ids.tolist()).encode()).hexdigest()

    def in_shape(self, X: Matrix) -> Matrix:
        """Rows of this modality as classifiers take them: images as ``(n, c, h, w)``, features unchanged."""
        return X if self.image_shape is None else np.asarray(X).reshape(-1, *self.image_shape)

    def with_features(self, X: Matrix, var_names: Sequence[str] | np.ndarray) -> Modality:
        """The same cells with other features ``(n_cells, n_features)``, such as those after preprocessing."""
        names = read_only(np.asarray(var_names, dtype=str))
        ids = np.array([self.id_by_name.get(each, "") for each in names.tolist()], dtype=str)
        kept = read_only(ids) if any(ids.tolist()) else None
        is_same = self.var is not None and self.var.index.is_unique and pd.Index(names).isin(self.var.index).all()
        var = self.var.loc[names] if is_same and self.var is not None else None
        return replace(self, X=read_only_matrix(X), var_names=names, image_shape=None, feature_ids=kept, var=var)

    @cached_property
    def id_by_name(self) -> dict[str, str]:
        """Id of each feature by its name; empty if the file has no ids."""
        ids = () if self.feature_ids is None else self.feature_ids.tolist()
        return dict(zip(self.var_names.tolist(), ids, strict=False))

    def with_labels(self, mapping: dict[str, str]) -> Modality:
        """The same cells with some labels renamed; labels that ``mapping`` lacks stay."""
        if not mapping:
            return self
        labels = np.array([mapping.get(label, label) for label in self.labels.tolist()], dtype=str)
        return replace(self, labels=read_only(labels))

    def select(self, keep: np.ndarray, reason: str) -> Modality:
        """The cells for which ``keep`` ``(n_cells,)`` is true; the others are recorded with ``reason``."""
        keep = np.asarray(keep, dtype=bool)
        if keep.all():
            return self
        left_out = tuple((str(cell), reason) for cell in self.obs_names[~keep])
        return replace(
            self,
            X=_held(rows_of(self.X, keep), keep_bytes=self.image_shape is not None),
            labels=read_only(self.labels[keep]),
            obs_names=read_only(self.obs_names[keep]),
            pair_ids=None if self.pair_ids is None else read_only(self.pair_ids[keep]),
            excluded=self.excluded + left_out,
            obs=None if self.obs is None else self.obs[keep],
            embeddings={name: read_only(xy[keep]) for name, xy in self.embeddings.items()},
        )

    def __repr__(self) -> str:
        kind = "sparse" if sparse.issparse(self.X) else "dense"
        what = f" × {self.n_features:,} features" if self.image_shape is None else f", {shape_text(self.image_shape)}"
        size = f"{self.n_cells:,} cells{what}"
        return f"Modality({self.name}: {size}, {kind}, {len(self.label_names)} labels)"


def _held(X: Any, *, keep_bytes: bool) -> Matrix:
    """A read-only matrix of a modality; one that lies in a file is that already."""
    is_ready = is_mapped(X) and X.dtype.kind == "f" and X.has_canonical_format
    return X if is_ready else read_only_matrix(X, keep_bytes=keep_bytes)
