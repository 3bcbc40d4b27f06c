"""Array helpers: sparse and dense give the same, copies are read-only, and chunks cover every row once."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base.arrays import frozen, nan_mean, read_only, read_only_matrix, row_chunks, to_dense

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


def test_a_sparse_matrix_that_nobody_can_write_to_is_not_copied_and_any_other_is():
    mine = read_only_matrix(sparse.csr_matrix(X))
    assert read_only_matrix(mine) is mine
    logged = frozen(sparse.csr_matrix((np.log1p(mine.data), mine.indices, mine.indptr), shape=mine.shape))
    assert read_only_matrix(logged) is logged
    unsorted = frozen(sparse.csr_matrix(X + 1)[:, [1, 0]])
    for other in (sparse.csr_matrix(X), mine[:2], frozen(mine.astype(int)), unsorted):
        copy = read_only_matrix(other)
        assert not any(np.shares_memory(getattr(copy, part), getattr(other, part)) for part in ("data", "indices"))
    whole = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    part = sparse.csr_matrix((3, 2), dtype=np.float32)
    part.data, part.indices, part.indptr = whole[:2], np.array([1, 0], dtype=np.int32), np.array([0, 1, 2, 2])
    for each in (part.data, part.indices, part.indptr):
        each.setflags(write=False)
    copy = read_only_matrix(part)  # of an array that can be written to
    whole[0] = 9
    assert copy[0, 1] == 1


def test_what_is_frozen_refuses_to_be_written_to():
    for matrix in (X.copy(), sparse.csr_matrix(X)):
        assert frozen(matrix) is matrix
        for part in (matrix.data, matrix.indices) if sparse.issparse(matrix) else (matrix,):
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 1


def test_the_mean_skips_missing_values():
    assert nan_mean([1, np.nan, 3]) == 2
    assert np.isnan(nan_mean([np.nan]))
    assert np.isnan(nan_mean([]))


@pytest.mark.parametrize(("n", "m", "at_once"), [(10, 3, 7), (10, 3, 30), (10, 100, 7), (0, 3, 7), (5, 0, 2)])
def test_chunks_cover_every_row_once_and_are_small(n, m, at_once):
    spans = list(row_chunks(n, m, at_once))
    assert [row for start, stop in spans for row in range(start, stop)] == list(range(n))
    assert all((stop - start) * m <= at_once or stop - start == 1 for start, stop in spans)
