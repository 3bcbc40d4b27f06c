"""Array helpers: sparse and dense give the same, copies are read-only, and chunks cover every row once."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base.arrays import nan_mean, read_only, row_chunks, to_dense

X = np.array([[0, 1.5], [2, 0], [0, 0]], dtype=np.float32)


@pytest.mark.parametrize("matrix", [X, X.tolist(), sparse.csr_matrix(X), sparse.csc_array(X)])
def test_sparse_and_dense_give_the_same_array(matrix):
    dense = to_dense(matrix)
    assert np.array_equal(dense, X)
    assert dense.dtype == np.float64


def test_dense_keeps_the_type_on_request():
    assert to_dense(sparse.csr_matrix(X), dtype=None).dtype == np.float32


def test_a_read_only_array_is_a_copy():
    mine = np.arange(3)
    copy = read_only(mine)
    mine[0] = 9
    assert copy.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        copy[0] = 9


def test_the_mean_skips_missing_values():
    assert nan_mean([1, np.nan, 3]) == 2
    assert np.isnan(nan_mean([np.nan]))
    assert np.isnan(nan_mean([]))


@pytest.mark.parametrize(("n", "m", "at_once"), [(10, 3, 7), (10, 3, 30), (10, 100, 7), (0, 3, 7), (5, 0, 2)])
def test_chunks_cover_every_row_once_and_are_small(n, m, at_once):
    spans = list(row_chunks(n, m, at_once))
    assert [row for start, stop in spans for row in range(start, stop)] == list(range(n))
    assert all((stop - start) * m <= at_once or stop - start == 1 for start, stop in spans)
