"""The matrix that is chosen in an AnnData object, and the names of its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.feature_names import FeatureNames, choose_names, naming_list, numbered_names, text_lists
from psmatch_core.data.images import ImageShape, declared_shape, flattened, pixel_names

if TYPE_CHECKING:
    from anndata import AnnData


def no_such_matrix(shown: str, matrix: str, available: Sequence[str]) -> PsmatchError:
    """The error that the data called ``shown`` have no matrix called so, or none at all."""
    if not available:
        problem = f"{shown} holds no matrix: X is empty, and there is no layer, raw or obsm matrix."
        return PsmatchError(problem, hint="Save the file with its values in X or in a layer.", code="PM-M19")
    problem = f"{shown} has no matrix {display(matrix)}; it has {name_list(available, 8)}."
    return PsmatchError(problem, hint="Choose one of these.", code="PM-M19")


def chosen_matrix(adata: AnnData, matrix: str, name: str) -> tuple[Any, FeatureNames, ImageShape | None]:
    """The matrix ``(n_cells, n_features)`` called ``matrix``, its features, and their image shape if they are pixels.

    Raises
    ------
    PsmatchError
        If the object, called ``name``, has no such matrix.
    """
    kind, _, key = matrix.partition("/")
    layers = [f"layers/{each}" for each in adata.layers]
    embeddings = [f"obsm/{each}" for each in adata.obsm]
    available = (
        (["X"] if adata.X is not None else []) + (["raw"] if adata.raw is not None else []) + layers + embeddings
    )
    if matrix not in available:
        raise no_such_matrix(name, matrix, available)
    if kind == "raw":
        return in_memory(adata.raw.X), choose_names(adata.raw.var_names.tolist(), adata.raw.var), None
    if kind != "obsm":
        X, shape = (adata.X, declared_shape(adata.uns, adata.n_vars)) if kind == "X" else (adata.layers[key], None)
        return in_memory(X), choose_names(adata.var_names.tolist(), adata.var), shape
    values = in_memory(adata.obsm[key])
    if np.ndim(values) == 4:
        flat, shape = flattened(np.asarray(values))
        return flat, FeatureNames(pixel_names(shape, key)), shape
    if isinstance(values, pd.DataFrame):
        numbers = values.select_dtypes(["number", "bool", "boolean"])
        left_out = tuple(str(each) for each in values.columns if each not in numbers.columns)
        features = FeatureNames([str(each) for each in numbers.columns], left_out=left_out)
        return numbers.to_numpy(dtype=float, na_value=np.nan), features, None
    lists = text_lists(adata.uns)
    naming = naming_list(key, values.shape[1], {each: len(texts) for each, texts in lists.items()})
    return values, FeatureNames(lists[naming] if naming else numbered_names(key, values.shape[1])), None


def in_memory(values: Any) -> Any:
    """The matrix itself, where an object in backed mode holds a matrix on disk; sparse stays sparse."""
    if hasattr(values, "to_memory"):
        return values.to_memory()
    is_array = isinstance(values, np.ndarray | pd.DataFrame) or not hasattr(values, "chunks")
    return values if is_array else values[...]  # an array of h5py or zarr


def feature_columns(adata: AnnData, matrix: str, names: np.ndarray) -> pd.DataFrame | None:
    """The columns of the features of a matrix, under their names here; None for those that no table describes."""
    if matrix.startswith("obsm/"):
        return None
    table = adata.raw.var if matrix == "raw" else adata.var
    return table.set_axis(pd.Index(names), axis=0) if table.shape[1] else None
