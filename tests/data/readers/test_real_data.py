"""The real data sets next to the checkout read equal to anndata, bit by bit, in every matrix and column."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import look

DATA = Path(__file__).parents[3].parent / "shared" / "data"
FILES = sorted(DATA.glob("*/mod*.h5ad"))

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FILES, reason="the real data sets are not beside the checkout (../shared/data)"),
]


def same(ours, theirs):
    if sparse.issparse(theirs):
        return all(np.array_equal(getattr(ours, part), getattr(theirs, part)) for part in ("data", "indices", "indptr"))
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_everything_equals_what_anndata_reads(path):
    adata = anndata.read_h5ad(path)
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=4096)
    theirs = {"X": adata.X, **{f"layers/{key}": value for key, value in adata.layers.items()}}
    theirs.update({f"obsm/{key}": value for key, value in adata.obsm.items()})
    assert {each.key for each in source.headers} == set(theirs)
    for key, matrix in theirs.items():
        assert same(source.whole(key), matrix), key
    assert source.obs_names == list(adata.obs_names)
    assert source.var_names("X") == list(adata.var_names)
    assert source.column_names == tuple(adata.obs)
    for name in source.column_names:
        expected = adata.obs[name].reset_index(drop=True)
        pd.testing.assert_series_equal(source.column(name), expected, check_names=False)
    source.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_summary_agrees_with_anndata(path):
    adata = anndata.read_h5ad(path)
    summary = look(path, label_key="label")
    assert (summary.n_cells, summary.n_features) == adata.shape
    assert dict(summary.column("label").counts) == adata.obs["label"].value_counts().to_dict()
    X = summary.matrix("X")
    assert (X.minimum, X.maximum) == (float(adata.X.min()), float(adata.X.max()))
