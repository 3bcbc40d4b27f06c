"""Copying a file: the chosen matrix and columns are written as a clean h5ad. Runs in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.checks import Facts, Finding, display, label_texts, unique_names
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.images import SHAPE_KEY, declared_shape
from psmatch_core.data.readers.checked_data import CheckedData, check_chosen
from psmatch_core.data.readers.data_spec import FEATURE_COLUMNS, DataSpec
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.h5_safety import library_errors
from psmatch_core.data.readers.inspection import file_hash, open_chosen

MAP = "psmatch_map_"  # in obsm and uns of a copy: the maps that came with the cells, and their names


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
        return _as_anndata(check_chosen(source, spec, sha256=content_hash, needs_labels=needs_labels), spec)
    finally:
        source.close()


def _as_anndata(data: CheckedData, spec: DataSpec) -> Any:
    import anndata  # takes a second: only where a copy is written
    import pandas as pd

    from psmatch_core.data.original_columns import writable_columns

    columns, skipped = _writable(data.columns)
    if spec.label_name:
        columns[spec.label_name] = pd.Categorical(data.labels)
    if data.pair_ids is not None:
        columns[spec.pair_key] = data.pair_ids
    index = pd.Index(data.obs_names, name=None)
    obs = pd.DataFrame({name: pd.Series(values, index=index) for name, values in columns.items()}, index=index)
    ids = data.feature_ids
    var = pd.DataFrame({} if ids is None else {"feature_id": ids}, index=pd.Index(unique_names(data.var_names)))
    adata = anndata.AnnData(X=data.X, obs=obs, var=var)
    if data.feature_columns is not None:
        adata.varm[FEATURE_COLUMNS] = writable_columns(data.feature_columns).set_axis(adata.var_names, axis=0)
    for at, (name, xy) in enumerate(data.embeddings.items()):
        adata.obsm[f"{MAP}{at}"] = xy  # by number: HDF5 does not allow every name
        adata.uns[f"{MAP}{at}"] = name
    if data.image_shape is not None:
        adata.uns[SHAPE_KEY] = np.array(data.image_shape)
    if not data.is_used.all():
        adata = adata[data.is_used].copy()
    findings = (*data.findings, *skipped)
    adata.uns["psmatch"] = {
        "source_name": data.facts.name,
        "sha256": data.facts.sha256,
        "matrix": spec.matrix,
        "label_key": spec.label_name,
        "n_dropped_without_label": int((~data.is_used).sum()),
        "excluded": json.dumps(data.excluded),
        "warnings": np.array([str(each) for each in findings], dtype=object),
        "findings": json.dumps(to_plain(findings)),
        "facts": json.dumps(to_plain(data.facts)),
    }
    return adata


def read_copy(path: Path, spec: DataSpec) -> CheckedData:
    """What :func:`copy_here` has checked and written for ``spec``; only cells that are used."""
    import anndata

    adata = anndata.read_h5ad(path)
    origin, ids = adata.uns["psmatch"], adata.var.get("feature_id")
    described = adata.varm.get(FEATURE_COLUMNS)
    if described is None and adata.var.shape[1]:
        described = adata.var
    pair_ids = label_texts(adata.obs[spec.pair_key]) if spec.pair_key else None
    return CheckedData(
        X=adata.X,
        obs_names=adata.obs_names.tolist(),
        var_names=adata.var_names.tolist(),
        labels=label_texts(adata.obs[spec.label_name]),
        columns={name: adata.obs[name].array for name in adata.obs.columns},
        feature_ids=None if ids is None else [str(each) for each in ids],
        feature_columns=described,
        pair_ids=pair_ids,
        image_shape=declared_shape(adata.uns, adata.n_vars),
        is_used=np.ones(adata.n_obs, dtype=bool),
        findings=from_plain(json.loads(str(origin["findings"])), tuple[Finding, ...]),
        excluded=tuple((str(cell), str(reason)) for cell, reason in json.loads(str(origin["excluded"]))),
        facts=from_plain(json.loads(str(origin["facts"])), Facts),
        embeddings={str(adata.uns[key]): np.asarray(xy) for key, xy in adata.obsm.items() if key.startswith(MAP)},
    )


def _writable(columns: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """The columns that HDF5 can hold, and warnings about the others."""
    kept = {name: values for name, values in columns.items() if name and "/" not in name}
    return kept, [
        warning(
            "PM-F59",
            f"Column {display(name)} was left out: HDF5 does not allow its name.",  # it would make a group of it
            "Rename the column if you need it.",
        )
        for name in columns
        if name not in kept
    ]
