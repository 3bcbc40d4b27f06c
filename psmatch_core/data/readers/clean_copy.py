"""Copying a file: the chosen matrix and columns are written as a clean h5ad. Runs in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.records import to_plain
from psmatch_core.data.assays import declared_assay
from psmatch_core.data.checks import (
    CellNames,
    Facts,
    Finding,
    check_matrix,
    column_of,
    count_labels,
    display,
    is_condition,
    is_pair_column,
    label_texts,
    no_label,
    raise_rejections,
    sketch,
    unique_names,
)
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.checks.label_column import check_label_counts
from psmatch_core.data.checks.matrix import not_canonical
from psmatch_core.data.images import SHAPE_KEY
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.data_spec import FEATURE_COLUMNS, DataSpec
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.h5_safety import library_errors
from psmatch_core.data.readers.inspection import file_hash, label_counts_of, matrix_header, open_chosen


def copy_here(request: Mapping[str, Any]) -> dict[str, Any]:
    """Write the copy that ``request`` describes (see ``copy_into``)."""
    spec = DataSpec.from_dict(request["spec"])
    with library_errors(shown_name(spec.path)):
        adata = _read(spec, memory_mb=request["memory_mb"], needs_labels=request.get("needs_labels", True))
    with disk.replacing(Path(request["destination"]), Path(request["partial"])) as partial:
        adata.write_h5ad(partial, compression="lzf")  # read back once, and soon: gzip takes ten times as long
    return {"n_cells": int(adata.n_obs), "n_features": int(adata.n_vars)}


def _read(spec: DataSpec, *, memory_mb: int, needs_labels: bool) -> Any:
    source, _ = open_chosen(spec, shown_name(spec.path), memory_mb=memory_mb)
    try:
        content_hash = file_hash(Path(spec.path))
        if spec.sha256 and content_hash != spec.sha256:
            problem = f"{source.shown} has changed since it was chosen."
            raise PsmatchError(problem, hint="Choose the file again.", code="PM-F55")
        return _clean(source, spec, content_hash, needs_labels=needs_labels)
    finally:
        source.close()


def _clean(source: Source, spec: DataSpec, content_hash: str, *, needs_labels: bool) -> Any:
    import anndata  # takes a second: only where a copy is written
    import pandas as pd

    image_shape = matrix_header(source, spec.matrix).image_shape
    label_findings: tuple[Finding, ...] = ()
    labels = np.full(len(source.obs_names), None, dtype=object)
    if needs_labels:
        counted = label_counts_of(source, spec.label_name)
        label_findings = check_label_counts(counted, name=source.shown, label_key=spec.label_name)
        raise_rejections(label_findings)
    if needs_labels or spec.label_name in source.column_names:
        labels = label_texts(source.column(spec.label_name))
    is_labelled = np.array([each is not None or not needs_labels for each in labels], dtype=bool)  # (n_cells,)
    n_dropped = int((~is_labelled).sum())
    if n_dropped and spec.missing_labels == "refuse":
        raise PsmatchError(
            f"{source.shown}, label column {display(spec.label_name)}: "
            f"{n_dropped:,} of {len(labels):,} cells have no label.",
            hint="Choose to drop these cells, or fill in their labels.",
            code="PM-L02",
        )
    X, obs_names, var_names = source.whole(spec.matrix), source.obs_names, source.var_names(spec.matrix)
    findings = check_matrix(
        X,
        obs_names=obs_names,
        var_names=var_names,
        name=source.shown,
        matrix=spec.matrix,
        are_pixels=image_shape is not None,
        measured=spec.measured,
    )
    raise_rejections(findings)
    if not source.is_canonical(spec.matrix):  # the values are summed by now
        findings = (*findings, not_canonical(source.shown, spec.matrix))
    columns, skipped = _columns(source, spec.label_name)
    if spec.label_name:
        columns[spec.label_name] = pd.Categorical(labels)
    if spec.pair_key:
        columns[spec.pair_key] = _pair_ids(source, spec.pair_key)
    index = pd.Index(obs_names, name=None)
    obs = pd.DataFrame({name: pd.Series(values, index=index) for name, values in columns.items()}, index=index)
    ids = source.feature_ids(spec.matrix)
    var = pd.DataFrame({} if ids is None else {"feature_id": ids}, index=pd.Index(unique_names(var_names)))
    adata = anndata.AnnData(X=X, obs=obs, var=var)
    described = _feature_columns(source, spec.matrix, var_names)
    if described is not None:
        adata.varm[FEATURE_COLUMNS] = described.set_axis(adata.var_names, axis=0)
    if image_shape is not None:
        adata.uns[SHAPE_KEY] = np.array(image_shape)
    excluded = [*source.excluded, *((obs_names[at], no_label(spec.label_name)) for at in np.flatnonzero(~is_labelled))]
    if n_dropped:
        adata = adata[is_labelled].copy()
    warnings = [*source.findings, *findings, *label_findings, *skipped]
    adata.uns["psmatch"] = {
        "source_name": source.shown,
        "sha256": content_hash,
        "matrix": spec.matrix,
        "label_key": spec.label_name,
        "n_dropped_without_label": n_dropped,
        "excluded": json.dumps(excluded),
        "warnings": np.array([str(each) for each in warnings], dtype=object),
        "findings": json.dumps(to_plain(tuple(warnings))),
        "facts": json.dumps(to_plain(_facts(source, spec, var_names, content_hash))),
    }
    return adata


def _facts(source: Source, spec: DataSpec, var_names: list[str], content_hash: str) -> Facts:
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
        sha256=content_hash,
        cells=cells,
        features=sketch(var_names),
        columns=tuple(columns),
        pair_key=spec.pair_key,
        declared_assay=declared_assay(spec.part, source.feature_types(spec.matrix) or (), spec.matrix),
    )


def _columns(source: Source, label_key: str) -> tuple[dict[str, Any], list[Finding]]:
    """All other columns that can be written, and warnings about those that cannot."""
    columns: dict[str, Any] = {}
    skipped: list[Finding] = []
    for name in source.column_names:
        if name == label_key:
            continue
        try:
            series = source.column(name)
        except PsmatchError as error:
            skipped.append(warning(error.code, f"Column {display(name)} was left out: {error.problem}", error.hint))
            continue
        if "/" in name or not name:  # HDF5 would make a group of it
            problem = f"Column {display(name)} was left out: HDF5 does not allow its name."
            skipped.append(warning("PM-F59", problem, "Rename the column if you need it."))
            continue
        columns[name] = label_texts(series) if count_labels(series).kind == "mixed" else series.array
    return columns, skipped


def _feature_columns(source: Source, matrix: str, var_names: list[str]) -> Any:
    """The columns of the features that were read, in their order; None if there are none or their names are shared."""
    table = source.feature_table(matrix)
    if table is None or not table.shape[1] or not table.index.is_unique or not set(var_names) <= set(table.index):
        return None
    from psmatch_core.data.original_columns import writable_columns  # imports pandas: only where a copy is written

    return writable_columns(table.loc[var_names])


def _pair_ids(source: Source, pair_key: str) -> Any:
    if pair_key not in source.column_names:
        raise PsmatchError(
            f"{source.shown} has no pair column {display(pair_key)}.",
            hint=f"Choose one of its {plural(len(source.column_names), 'column')}, or none.",
            code="PM-P05",
        )
    return label_texts(source.column(pair_key))
