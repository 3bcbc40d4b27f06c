"""Copying a file: the chosen matrix and columns are written as a clean h5ad. Runs in the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import CHUNK_VALUES
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.h5ad_elements import FAST_COMPRESSION, H5adContent, write_h5ad
from psmatch_core.base.mapped_rows import is_worth_mapping, mapped_rows, rows_of
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.checks import Facts, Finding, display, label_texts, unique_names
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.images import SHAPE_KEY, declared_shape
from psmatch_core.data.readers.checked_data import CheckedData, check_chosen
from psmatch_core.data.readers.data_spec import FEATURE_COLUMNS, DataSpec
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.h5_safety import library_errors
from psmatch_core.data.readers.h5_sparse import SparseRows, is_sparse_group
from psmatch_core.data.readers.h5_tables import Table
from psmatch_core.data.readers.inspection import file_hash, open_chosen

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 2**62  # of an array of a copy: the child that wrote it had a limit of memory
MAP = "psmatch_map_"  # in obsm and uns of a copy: the maps that came with the cells, and their names


def copy_here(request: Mapping[str, Any]) -> dict[str, Any]:
    """Write the copy that ``request`` describes (see ``copy_into``)."""
    spec = DataSpec.from_dict(request["spec"])
    with library_errors(shown_name(spec.path)):
        content = _read(spec, memory_mb=request["memory_mb"], needs_labels=request.get("needs_labels", True))
    target, partial = Path(request["destination"]), Path(request["partial"])
    write_h5ad(content, target, packing=FAST_COMPRESSION, partial=partial)  # gzip takes ten times as long
    return {"n_cells": len(content.obs), "n_features": len(content.var)}


def _read(spec: DataSpec, *, memory_mb: int, needs_labels: bool) -> H5adContent:
    source, _ = open_chosen(spec, shown_name(spec.path), memory_mb=memory_mb)
    try:
        content_hash = file_hash(Path(spec.path))
        if spec.sha256 and content_hash != spec.sha256:
            problem = f"{source.shown} has changed since it was chosen."
            raise PsmatchError(problem, hint="Choose the file again.", code="PM-F55")
        return _content(check_chosen(source, spec, sha256=content_hash, needs_labels=needs_labels), spec)
    finally:
        source.close()


def _content(data: CheckedData, spec: DataSpec) -> H5adContent:
    import pandas as pd

    from psmatch_core.data.original_columns import writable_columns

    columns, skipped = _writable(data.columns)
    columns = {name: _grouped(values) for name, values in columns.items()}
    if spec.label_name:
        columns[spec.label_name] = pd.Categorical(data.labels)
    if data.pair_ids is not None:
        columns[spec.pair_key] = _grouped(data.pair_ids)
    index = pd.Index(data.obs_names, name=None)
    obs = pd.DataFrame({name: pd.Series(values, index=index) for name, values in columns.items()}, index=index)
    ids = data.feature_ids
    var = pd.DataFrame({} if ids is None else {"feature_id": ids}, index=pd.Index(unique_names(data.var_names)))
    about = data.feature_columns
    X, maps = data.X, list(data.embeddings.items())
    if not data.is_used.all():
        X, obs = rows_of(X, data.is_used), obs[data.is_used]
        obs = obs.apply(lambda each: each.cat.remove_unused_categories() if hasattr(each, "cat") else each)
        maps = [(name, xy[data.is_used]) for name, xy in maps]
    findings = (*data.findings, *skipped)
    origin = {
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
    return H5adContent(
        X=X,
        obs=obs,
        var=var,
        uns={
            "psmatch": origin,
            **({} if data.image_shape is None else {SHAPE_KEY: np.array(data.image_shape)}),
            **{f"{MAP}{at}": name for at, (name, _) in enumerate(maps)},
        },
        obsm={f"{MAP}{at}": xy for at, (_, xy) in enumerate(maps)},  # by number: HDF5 does not allow every name
        varm={} if about is None else {FEATURE_COLUMNS: writable_columns(about).set_axis(var.index, axis=0)},
    )


def _grouped(values: Any) -> Any:
    """Texts of which some are the same as categories in their natural order (KO2 before KO10), as anndata has them."""
    import pandas as pd

    if isinstance(values, pd.Categorical) or pd.api.types.infer_dtype(values) not in ("string", "empty"):
        return values
    found = pd.Categorical(values)
    if len(found.categories) >= len(found):
        return values
    return found.reorder_categories(sorted(found.categories, key=_natural))


def _natural(text: str) -> list[str | int]:
    """Texts and whole numbers in turns, by which ``KO2`` is less than ``KO10``."""
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", text))]


def read_copy(path: Path, spec: DataSpec) -> CheckedData:
    """What :func:`copy_here` has checked and written for ``spec``; only cells that are used."""
    import h5py

    with h5py.File(path, "r") as file:
        obs, obs_names = _table(file["obs"])
        var, var_names = _table(file["var"])
        described = _table(file[f"varm/{FEATURE_COLUMNS}"])[0] if FEATURE_COLUMNS in file["varm"] else None
        uns, origin = file["uns"], file["uns/psmatch"]
        shape = uns[SHAPE_KEY][...] if SHAPE_KEY in uns else None
        embeddings = {_text(uns[key]): file[f"obsm/{key}"][...] for key in file["obsm"]}
        X = file["X"]
        return CheckedData(
            X=_values(SparseRows(X, path.name, "X", MOST_BYTES)) if is_sparse_group(X) else X[...],
            obs_names=obs_names,
            var_names=var_names,
            labels=label_texts(obs[spec.label_name]),
            columns={name: obs[name].array for name in obs.columns},
            feature_ids=var["feature_id"].tolist() if "feature_id" in var else None,
            feature_columns=var if described is None and var.shape[1] else described,
            pair_ids=label_texts(obs[spec.pair_key]) if spec.pair_key else None,
            image_shape=declared_shape({} if shape is None else {SHAPE_KEY: shape}, len(var_names)),
            is_used=np.ones(len(obs_names), dtype=bool),
            findings=from_plain(json.loads(_text(origin["findings"])), tuple[Finding, ...]),
            excluded=tuple((str(cell), str(reason)) for cell, reason in json.loads(_text(origin["excluded"]))),
            facts=from_plain(json.loads(_text(origin["facts"])), Facts),
            embeddings=embeddings,
        )


def _values(rows: SparseRows) -> Any:
    """The matrix of a copy; a large one goes from file to file, in the type that a modality has."""
    if not is_worth_mapping(rows.n_stored):
        return rows.whole()
    blocks = (each if each.dtype.kind == "f" else each.astype(np.float32) for each in rows.rows(CHUNK_VALUES))
    return mapped_rows(blocks, rows.shape[1], most_stored=rows.n_stored)


def _table(group: Any) -> tuple[pd.DataFrame, list[str]]:
    """A table of a copy, and the names of its rows ``(n,)``."""
    import pandas as pd

    table = Table(group, "copy", MOST_BYTES)
    names = table.names()
    columns = {name: table.column(name, len(names)).array for name in table.columns}
    return pd.DataFrame(columns, index=pd.Index(names)), names


def _text(item: Any) -> str:
    return str(item.asstr()[()])


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
