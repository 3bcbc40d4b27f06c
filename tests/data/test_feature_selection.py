"""The most variable features are scanpy's, bit by bit, without loading scanpy."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base import mapped_rows
from psmatch_core.data.feature_selection import _dispersions, _moments_of_counts, variable_features
from psmatch_core.data.lsi import inverse_frequencies
from psmatch_core.data.normalisation import NormalizedRows


def logged(n, d, seed, how, dtype=np.float32):
    """Normalised counts ``(n, d)`` of features with very different means, some of them always 0."""
    draw = np.random.default_rng(seed)
    X = sparse.csr_matrix(draw.poisson(0.5 * draw.lognormal(-1, 1.5, d), size=(n, d)).astype(dtype))
    X = (0.37 * X).astype(dtype).log1p() if how == "none" else X
    return NormalizedRows(X, how, 7.0, inverse_frequencies(X))


def scores_of_scanpy(values, n_top_genes=10):
    import numba
    import scanpy as sc
    from anndata import AnnData

    blocks = list(values.blocks())
    X = sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.vstack(blocks)
    adata = AnnData(X, var=pd.DataFrame(index=[f"g{at}" for at in range(X.shape[1])]))
    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)  # its sums depend on the number of threads in the last digits
    try:
        found = sc.pp.highly_variable_genes(adata, n_top_genes=n_top_genes, flavor="seurat", inplace=False)
    finally:
        numba.set_num_threads(n_threads)
    return found["dispersions_norm"].to_numpy(dtype=float), np.flatnonzero(found["highly_variable"])


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(5, 200),
    d=st.integers(30, 300),
    seed=st.integers(0, 10**6),
    how=st.sampled_from(["log1p", "none", "tfidf"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@pytest.mark.filterwarnings("ignore")
def test_scores_are_those_of_scanpy_in_blocks_of_any_size(n, d, seed, how, dtype):
    values = logged(n, d, seed, how, dtype)
    expected, chosen = scores_of_scanpy(values)
    with pytest.MonkeyPatch.context() as patch:
        for at_once in (10**7, 97):
            patch.setattr(mapped_rows, "CHUNK_VALUES", at_once)
            np.testing.assert_array_equal(_dispersions(*_moments_of_counts(values)), expected)
    finite = np.nan_to_num(expected, nan=-np.inf)
    if np.isfinite(finite).sum() > 10 and np.unique(finite).size == finite.size:  # it breaks ties in its own way
        np.testing.assert_array_equal(variable_features(values, 10), chosen)


@pytest.mark.filterwarnings("ignore")
def test_scores_of_dense_values_are_those_of_scanpy():
    X = logged(90, 120, 3, "none").X.toarray()
    values = NormalizedRows(X)
    np.testing.assert_array_equal(_dispersions(*_moments_of_counts(values)), scores_of_scanpy(values)[0])


def test_values_that_are_no_logarithms_are_chosen_by_their_variance():
    draw = np.random.default_rng(0)
    X = sparse.csr_matrix(draw.poisson(500.0, size=(60, 8)).astype(np.float32))  # e^500 is infinite
    X.data[X.indices == 5] *= 3
    X.data[X.indices == 2] *= 2
    assert variable_features(NormalizedRows(X), 2).tolist() == [2, 5]


def test_choosing_features_loads_no_scanpy():
    program = (
        "import sys, numpy as np; from psmatch_core.data.feature_selection import variable_features;"
        "from psmatch_core.data.normalisation import NormalizedRows;"
        "variable_features(NormalizedRows(np.random.default_rng(0).random((30, 9))), 3); print('scanpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
