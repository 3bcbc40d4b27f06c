"""The chosen part of a file or object, checked: its matrix, its cells with their labels, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import CHUNK_VALUES
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.mapped_rows import is_worth_mapping, mapped_rows, release
from psmatch_core.data.assays import declared_assay
from psmatch_core.data.checks import (
    CellNames,
    Facts,
    Finding,
    LabelSignal,
    check_confounding,
    check_label_signal,
    check_matrix,
    check_telling_features,
    column_of,
    count_labels,
    display,
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
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.checks.label_column import check_label_counts
from psmatch_core.data.checks.matrix import not_canonical
from psmatch_core.data.images import ImageShape, check_shape
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.data_spec import DataSpec
from psmatch_core.data.readers.inspection import label_counts_of, matrix_header

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CheckedData:
    """What is used of a file, with all cells that its rules keep, whether they have a label or not.

    Parameters
    ----------
    X
        Values ``(n_cells, n_features)``, dense or CSR; images as flat rows.
    obs_names, var_names
        Names of cells ``(n_cells,)`` and features ``(n_features,)``.
    labels
        Label of each cell ``(n_cells,)`` as text; None without one.
    columns
        The columns of the cells, each ``(n_cells,)``, the label as it came among them.
    feature_ids, feature_columns
        Ids of the features beside their names, and the columns of the features, or None.
    pair_ids
        The ids of physical cells ``(n_cells,)``, or None without a column of them.
    image_shape
        Channels, height and width if the features are pixels.
    is_used
        Which cells are used ``(n_cells,)``: without the others, which have no label.
    findings, excluded
        What was found, and cells left out with the reason.
    facts
        What the rules on two modalities need to know.
    embeddings
        Maps of the cells that came with them, such as X_umap: two columns each, ``(n_cells, 2)``.
    """

    X: Any
    obs_names: list[str]
    var_names: list[str]
    labels: np.ndarray
    columns: Mapping[str, Any]
    feature_ids: list[str] | None
    feature_columns: pd.DataFrame | None
    pair_ids: np.ndarray | None
    image_shape: ImageShape | None
    is_used: np.ndarray
    findings: tuple[Finding, ...]
    excluded: tuple[tuple[str, str], ...]
    facts: Facts
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)


def check_chosen(source: Source, spec: DataSpec, *, sha256: str = "", needs_labels: bool = True) -> CheckedData:
    """Check the chosen matrix, labels and columns of an opened file.

    Parameters
    ----------
    needs_labels
        If false, all cells are used and the label column may be absent, as for cells to be predicted.

    Raises
    ------
    PsmatchError
        If the file, the matrix or the labels cannot be used.
    """
    image_shape = matrix_header(source, spec.matrix).image_shape
    X, obs_names, var_names = _values(source, spec.matrix), source.obs_names, source.var_names(spec.matrix)
    findings = check_matrix(
        X,
        obs_names=obs_names,
        var_names=var_names,
        name=source.shown,
        matrix=spec.matrix,
        are_pixels=image_shape is not None,
        measured=spec.measured,
    )
    findings += check_shape(image_shape, name=source.shown, matrix=spec.matrix) if image_shape else ()
    raise_rejections(findings)
    if not source.is_canonical(spec.matrix):  # the values are summed by now
        findings = (*findings, not_canonical(source.shown, spec.matrix))
    labels, is_used, label_findings = _labels(source, spec, needs_labels=needs_labels)
    pair_ids = _pair_ids(source, spec.pair_key) if spec.pair_key else None
    columns, skipped = _columns(source)
    shown_by_labels = _seen_with_labels(source, spec, X, labels, columns) if needs_labels else ()
    release(X)
    facts = _facts(source, spec, var_names, sha256)
    excluded = [*source.excluded, *((obs_names[at], no_label(spec.label_name)) for at in np.flatnonzero(~is_used))]
    return CheckedData(
        X=X,
        obs_names=obs_names,
        var_names=var_names,
        labels=labels,
        columns=columns,
        feature_ids=source.feature_ids(spec.matrix),
        feature_columns=_feature_columns(source, spec.matrix, var_names),
        pair_ids=pair_ids,
        image_shape=image_shape,
        is_used=is_used,
        findings=(*source.findings, *findings, *label_findings, *shown_by_labels, *skipped),
        excluded=tuple(excluded),
        facts=facts,
        embeddings=source.embeddings(spec.matrix),
    )


def _values(source: Source, key: str) -> Any:
    """Matrix ``key``: a large sparse one that can be read in blocks goes from file to file."""
    header = matrix_header(source, key)
    n_stored = source.n_streamed(key) if header.is_sparse else 0
    if not is_worth_mapping(n_stored):
        return source.whole(key)
    return mapped_rows(source.rows(key, CHUNK_VALUES), header.shape[1], most_stored=n_stored)


def _labels(
    source: Source, spec: DataSpec, *, needs_labels: bool
) -> tuple[np.ndarray, np.ndarray, tuple[Finding, ...]]:
    """The label of each cell, whether it is used, and what is found in the labels."""
    findings: tuple[Finding, ...] = ()
    labels = np.full(len(source.obs_names), None, dtype=object)
    if needs_labels:
        counted = label_counts_of(source, spec.label_name)
        findings = check_label_counts(counted, name=source.shown, label_key=spec.label_name)
        raise_rejections(findings)
    if needs_labels or spec.label_name in source.column_names:
        labels = label_texts(source.column(spec.label_name))
    is_used = np.array([bool(each) or not needs_labels for each in labels], dtype=bool)
    n_missing = int((~is_used).sum())
    if n_missing and spec.missing_labels == "refuse":
        raise PsmatchError(
            f"{source.shown}, label column {display(spec.label_name)}: "
            f"{n_missing:,} of {plural(len(labels), 'cell')} have no label.",
            hint="Drop these cells (missing_labels), or fill in their labels.",
            code="PM-L02",
        )
    return labels, is_used, findings


def _seen_with_labels(
    source: Source, spec: DataSpec, X: Any, labels: np.ndarray, columns: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """Whether features differ between the labels, and whether one feature or column names them."""
    import pandas as pd

    shown, key, texts = source.shown, spec.label_name, labels.tolist()
    findings = check_confounding(texts, group_columns(pd.DataFrame(dict(columns))), name=shown, label_key=key)
    if judges_signal(spec.matrix, are_pixels=matrix_header(source, spec.matrix).image_shape is not None):
        signal = LabelSignal(texts, X.shape[1])
        signal.add(X)
        findings += check_label_signal(signal, name=shown, matrix=spec.matrix, label_key=key)
        telling = telling_features(texts, signal.moments, source.var_names(spec.matrix), read=lambda at: X[:, at])
        findings += check_telling_features(telling, name=shown, label_key=key)
    return findings


def _facts(source: Source, spec: DataSpec, var_names: list[str], sha256: str) -> Facts:
    """What the rules on two files need to know of this one, as it was before anything was decoded or dropped."""
    cells, listed = CellNames.of(source.obs_names)
    columns = []
    for name in source.column_names:
        is_listed = name == spec.label_name or is_condition(name)
        if name == spec.pair_key or is_pair_column(name) or is_listed:
            with suppress(PsmatchError):  # a column that cannot be read is left out, which is said
                columns.append(column_of(name, source.column(name), listed if is_listed else None))
    return Facts(
        name=source.shown,
        n_cells=len(source.obs_names),
        sha256=sha256,
        cells=cells,
        features=sketch(var_names),
        columns=tuple(columns),
        pair_key=spec.pair_key,
        declared_assay=declared_assay(spec.part, source.feature_types(spec.matrix) or (), spec.matrix),
    )


def _columns(source: Source) -> tuple[dict[str, Any], list[Finding]]:
    """All columns that can be read, and warnings about those that cannot."""
    columns: dict[str, Any] = {}
    skipped: list[Finding] = []
    for name in source.column_names:
        try:
            series = source.column(name)
        except PsmatchError as error:
            if error.code == "PM-X20":  # a decompression bomb is refused in any column
                raise
            skipped.append(warning(error.code, f"Column {display(name)} was left out: {error.problem}", error.hint))
            continue
        columns[name] = label_texts(series) if count_labels(series).kind == "mixed" else series.array
    return columns, skipped


def _feature_columns(source: Source, matrix: str, var_names: list[str]) -> pd.DataFrame | None:
    """The columns of the features that were read, in their order; None if there are none or their names are shared."""
    table = source.feature_table(matrix)
    if table is None or not table.shape[1]:
        return None
    if table.index.tolist() == var_names:
        return table
    return table.reindex(var_names) if table.index.is_unique else None


def _pair_ids(source: Source, pair_key: str) -> np.ndarray:
    if pair_key in source.column_names:
        return label_texts(source.column(pair_key))
    raise PsmatchError(
        f"{source.shown} has no pair column {display(pair_key)}.",
        hint=f"Choose one of its {plural(len(source.column_names), 'column')}, or none.",
        code="PM-P05",
    )
