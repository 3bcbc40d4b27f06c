"""Modality: cells measured in one way, with their labels; checked once, then read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.arrays import read_only, read_only_matrix
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.assays import declared_assay
from psmatch_core.data.bad_values import BAD_REASON, REFUSE, mend
from psmatch_core.data.checks import (
    CellNames,
    Facts,
    Finding,
    LabelSignal,
    Severity,
    check_confounding,
    check_label_signal,
    check_labels,
    check_matrix,
    check_telling_features,
    column_of,
    group_columns,
    is_condition,
    is_pair_column,
    judges_signal,
    label_texts,
    no_label,
    raise_rejections,
    sketch,
    telling_features,
)
from psmatch_core.data.chosen_matrix import chosen_matrix, feature_columns
from psmatch_core.data.feature_names import left_out_columns
from psmatch_core.data.feature_types import check_feature_types, types_of_features
from psmatch_core.data.images import ImageShape, check_shape, shape_text

if TYPE_CHECKING:
    from anndata import AnnData

Matrix: TypeAlias = Any  # np.ndarray or scipy.sparse.csr_matrix, (n_cells, n_features)


@dataclass(frozen=True)
class Modality:
    """Cells measured in one way, each with one label.

    :meth:`from_anndata` makes it and checks everything, so every modality is valid. A sparse matrix stays sparse.

    Parameters
    ----------
    name
        Name of the modality in tables and messages, such as ``RNA``.
    X
        Data matrix ``(n_cells, n_features)``, dense or CSR, read-only. Images are flat rows, bytes stay bytes.
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

        Raises
        ------
        PsmatchError
            For a missing column or matrix, NaN or infinite values, duplicated cell names, unusable labels.
        """
        if label_key not in adata.obs.columns:
            raise PsmatchError(
                f"{name}: there is no label column {label_key!r}.",
                hint=f"Choose one of the available columns: {some(adata.obs.columns, 12) or 'none, add one'}.",
                code="PM-L01",
            )
        if pair_key and pair_key not in adata.obs.columns:
            raise PsmatchError(
                f"{name}: there is no pair column {pair_key!r}.",
                hint=f"Choose one of the available columns: {some(adata.obs.columns, 12) or 'none'}.",
            )
        X, features, image_shape = chosen_matrix(adata, matrix, name)
        var_names = np.asarray(features.names, dtype=str)
        labels = label_texts(adata.obs[label_key])
        missing = np.asarray(pd.isna(labels)) | (labels == "")
        obs_names = np.asarray(adata.obs_names, dtype=str)
        pair_ids = _ids(adata.obs[pair_key]) if pair_key else None
        obs, var = adata.obs, feature_columns(adata, matrix, var_names)
        excluded: tuple[tuple[str, str], ...] = ()
        if missing.any():
            if missing_labels != "drop":
                raise PsmatchError(
                    f"{name}: {plural(int(missing.sum()), 'cell')} of {missing.size:,} have no label in column "
                    f"{label_key!r}.",
                    hint="Drop the cells without a label (missing_labels='drop'), or fill in their labels.",
                    code="PM-L02",
                )
            keep = ~missing
            excluded = tuple((cell, no_label(label_key)) for cell in obs_names[missing])
            X, labels, obs_names, obs = X[keep], labels[keep], obs_names[keep], obs[keep]
            pair_ids = pair_ids[keep] if pair_ids is not None else None
        mended = mend(X, bad_values, most_missing) if bad_values != REFUSE and image_shape is None else None
        if mended is not None:
            found_bad = (mended.finding(f"{name}, matrix {matrix}", [str(each) for each in var_names]),)
            kept = mended.cells
            excluded += tuple((str(cell), BAD_REASON) for cell in obs_names[~kept])
            X, var_names = mended.X, np.asarray(var_names)[mended.features]
            var = None if var is None else var[mended.features]
            labels, obs_names, obs = labels[kept], obs_names[kept], obs[kept]
            pair_ids = pair_ids[kept] if pair_ids is not None else None
        findings = check_matrix(
            X,
            obs_names=obs_names.tolist(),
            var_names=list(var_names),
            name=name,
            matrix=matrix,
            are_pixels=image_shape is not None,
        )
        findings += found_bad if mended is not None else ()
        findings += check_shape(image_shape, name=name, matrix=matrix) if image_shape else ()
        findings += (left_out_columns(name, matrix, features.left_out),) if features.left_out else ()
        # the column as it was given: text alone does not tell numbers, dates and cells without a label
        findings += check_labels(adata.obs[label_key], name=name, label_key=label_key)
        raise_rejections(findings)
        if judges_signal(matrix, are_pixels=image_shape is not None):
            signal = LabelSignal(labels.tolist(), X.shape[1])
            signal.add(X)
            findings += check_label_signal(signal, name=name, matrix=matrix, label_key=label_key)
            telling = telling_features(labels.tolist(), signal.moments, list(var_names), read=lambda at: X[:, at])
            findings += check_telling_features(telling, name=name, label_key=label_key)
        findings += check_feature_types(_types_of(adata, matrix), name=name)
        findings += check_confounding(
            labels.tolist(), group_columns(obs.drop(columns=[label_key])), name=name, label_key=label_key
        )
        return cls(
            name=name,
            X=read_only_matrix(X, keep_bytes=image_shape is not None),
            labels=read_only(np.asarray(labels, dtype=str)),
            obs_names=read_only(obs_names),
            var_names=read_only(np.asarray(var_names, dtype=str)),
            label_key=label_key,
            pair_ids=None if pair_ids is None else read_only(np.asarray(pair_ids, dtype=str)),
            findings=tuple(finding for finding in findings if finding.severity is Severity.WARN),
            excluded=excluded,
            image_shape=image_shape,
            obs=obs.copy(),
            facts=_facts_of(adata, var_names, name, (label_key, pair_key or ""), matrix=matrix),
            feature_ids=None if features.ids is None else read_only(np.asarray(features.ids, dtype=str)),
            var=var,
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

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is matched: values, labels and names, in their order; not of the known pairs."""
        digest = hashlib.sha256()
        parts: tuple[Any, ...] = (
            (self.X.data, self.X.indices.astype(np.int64), self.X.indptr.astype(np.int64))
            if sparse.issparse(self.X)
            else (self.X,)
        )
        for part in parts:
            array = np.ascontiguousarray(part)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        for names in (self.labels, self.obs_names, self.var_names):
            digest.update("\x1f".join(names.tolist()).encode() + b"\x1d")
        digest.update(b"\x1e\x1d")  # pair ids stood here, which no training may depend on
        if self.image_shape is not None:
            digest.update(shape_text(self.image_shape).encode())
        return digest.hexdigest()

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
            X=read_only_matrix(self.X[keep], keep_bytes=self.image_shape is not None),
            labels=read_only(self.labels[keep]),
            obs_names=read_only(self.obs_names[keep]),
            pair_ids=None if self.pair_ids is None else read_only(self.pair_ids[keep]),
            excluded=self.excluded + left_out,
            obs=None if self.obs is None else self.obs[keep],
        )

    def __repr__(self) -> str:
        kind = "sparse" if sparse.issparse(self.X) else "dense"
        what = f" × {self.n_features:,} features" if self.image_shape is None else f", {shape_text(self.image_shape)}"
        size = f"{self.n_cells:,} cells{what}"
        return f"Modality({self.name}: {size}, {kind}, {len(self.label_names)} labels)"


def _types_of(adata: AnnData, matrix: str) -> list[str]:
    """The types of the features of a matrix, if they are of several."""
    if matrix.startswith("obsm/"):
        return []
    var = adata.raw.var if matrix == "raw" else adata.var
    return types_of_features({str(key): var[key] for key in var.columns}) or []


def _facts_of(adata: AnnData, var_names: np.ndarray, name: str, keys: tuple[str, str], *, matrix: str) -> Facts:
    """What the rules on two modalities need to know; of the columns only the chosen ones and those of pair ids."""
    cells, listed = CellNames.of(adata.obs_names.tolist())
    is_listed = {key: key == keys[0] or is_condition(str(key)) for key in adata.obs.columns}
    columns = [key for key in adata.obs.columns if key in keys or is_pair_column(str(key)) or is_listed[key]]
    return Facts(
        name=name,
        n_cells=adata.n_obs,
        sha256="",
        cells=cells,
        features=sketch(map(str, var_names)),
        columns=tuple(column_of(str(key), adata.obs[key], listed if is_listed[key] else None) for key in columns),
        pair_key=keys[1],
        declared_assay=declared_assay("", _types_of(adata, matrix), matrix),
    )


def _ids(column: pd.Series) -> np.ndarray:
    """The values of a pair column as text ``(n_cells,)``, empty where it has none."""
    return np.array([each or "" for each in label_texts(column).tolist()], dtype=str)
