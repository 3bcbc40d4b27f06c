"""Normalised counts are scanpy's, bit by bit, without loading scanpy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import arrays
from psmatch_core.data import normalisation
from psmatch_core.data.normalisation import normalized

NO_IDF = np.zeros(0)


def counts(dtype: type = np.float32) -> np.ndarray:
    """Counts ``(400, 90)`` with a cell that has none."""
    X = np.random.default_rng(0).poisson(0.7, size=(400, 90)).astype(dtype)
    X[7] = 0
    return X


@pytest.mark.parametrize("as_stored", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("scale", [1.0, 0.37], ids=["whole", "fractions"])
@pytest.mark.parametrize("target_sum", [1e4, 61.0])
@pytest.mark.filterwarnings("ignore:Some cells have zero counts")
def test_logged_counts_are_those_of_scanpy(as_stored, scale, target_sum, monkeypatch):
    import scanpy as sc
    from anndata import AnnData

    X = as_stored(counts(np.float64) * scale)
    theirs = AnnData(X.astype(np.float32, copy=True))
    sc.pp.normalize_total(theirs, target_sum=target_sum)
    sc.pp.log1p(theirs)
    for at_once in (arrays.CHUNK_VALUES, 90 * 7):  # all rows at a time, and seven
        monkeypatch.setattr(
            normalisation, "row_chunks", lambda n, d, at_once=at_once: arrays.row_chunks(n, d, at_once=at_once)
        )
        mine = normalized(X, "log1p", target_sum, NO_IDF)
        assert mine.dtype == theirs.X.dtype == np.float32
        assert sparse.issparse(mine) == sparse.issparse(X)
        np.testing.assert_array_equal(arrays.to_dense(mine, None), arrays.to_dense(theirs.X, None))


def test_a_normalised_cell_has_the_target_as_its_sum_and_an_empty_one_stays_empty():
    X = counts()
    back = np.expm1(normalized(X, "log1p", 500.0, NO_IDF).astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(back, np.where(X.sum(axis=1) > 0, 500.0, 0.0), rtol=1e-5)


def test_the_counts_themselves_stay_as_they_are():
    for X in (counts(), sparse.csr_matrix(counts())):
        before = arrays.to_dense(X, None).copy()
        normalized(X, "log1p", 1e4, NO_IDF)
        np.testing.assert_array_equal(arrays.to_dense(X, None), before)


def test_normalising_loads_no_scanpy():
    program = (
        "import sys, numpy as np; from psmatch_core.data.normalisation import normalized;"
        "normalized(np.ones((2, 3)), 'log1p', 1e4, np.zeros(0)); print('scanpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_logged_counts_share_the_places_of_cells_that_refuse_to_be_written_to_and_of_no_others():
    for X, is_shared in ((arrays.frozen(sparse.csr_matrix(counts())), True), (sparse.csr_matrix(counts()), False)):
        before = X.toarray()
        logged = normalized(X, "log1p", 1e4, NO_IDF)
        assert np.shares_memory(logged.indices, X.indices) == is_shared
        assert not np.shares_memory(logged.data, X.data)
        np.testing.assert_array_equal(X.toarray(), before)
        np.testing.assert_array_equal(logged.toarray(), normalized(counts(), "log1p", 1e4, NO_IDF))
