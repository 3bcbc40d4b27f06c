"""Shifted rows: what is chosen of them is what is chosen of the dense matrix, and nobody can change it."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base.arrays import read_only_matrix, to_dense
from psmatch_core.base.shifted_rows import LARGEST_SPARSE_SHARE, ShiftedRows


def shifted(n=23, d=7, seed=0, share=0.3):
    draw = np.random.default_rng(seed)
    stored = sparse.random(n, d, density=share, format="csr", dtype=np.float32, random_state=draw)
    return ShiftedRows(stored, draw.normal(size=d).astype(np.float32))


def rows(n):
    spans = st.slices(n).filter(lambda each: (each.step or 1) > 0)
    places = st.lists(st.integers(0, n - 1), max_size=2 * n).map(lambda each: np.array(each, dtype=np.intp))
    masks = st.lists(st.booleans(), min_size=n, max_size=n).map(lambda each: np.array(each, dtype=bool))
    return st.one_of(spans, places, masks)


@settings(deadline=None, max_examples=80)
@given(rows=rows(23), columns=st.one_of(st.just(slice(None)), rows(7)), again=rows(23))
def test_what_is_chosen_is_chosen_of_the_dense_matrix(rows, columns, again):
    X = shifted()
    dense = X.stored.toarray() + X.shift
    np.testing.assert_array_equal(X[rows].toarray(), dense[rows])
    np.testing.assert_array_equal(X[rows, columns].toarray(), dense[rows][:, columns])
    np.testing.assert_array_equal(X[again][:5].toarray(), dense[again][:5])
    assert X[rows, columns].shape == dense[rows][:, columns].shape


def test_it_is_an_array_of_single_precision_where_one_is_asked_for():
    X = shifted()
    assert (X.shape, X.ndim, X.dtype) == ((23, 7), 2, np.float32)
    np.testing.assert_array_equal(np.asarray(X), X.toarray())
    assert np.asarray(X, dtype=np.float64).dtype == np.float64
    assert to_dense(X, None).dtype == np.float32


def test_a_run_of_rows_shares_the_memory_of_the_whole():
    X = shifted()
    assert np.shares_memory(X[5:20].stored.data, X.stored.data)
    assert np.shares_memory(X[5:20].stored.indices, X.stored.indices)
    assert np.shares_memory(X[5:8].stored.data, X.stored.data)  # a small one too


def test_nobody_can_change_it():
    X = read_only_matrix(shifted())
    for part in X.parts.values():
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


@pytest.mark.parametrize("share", [0.0, 0.05, 0.19, 0.21, 1.0])
def test_products_are_those_of_the_dense_matrix_whether_many_values_are_stored_or_few(share):
    X, draw = shifted(60, 11, seed=3, share=share), np.random.default_rng(1)
    dense, of_columns, of_rows = np.float64(X.toarray()), draw.normal(size=(11, 4)), draw.normal(size=(60, 4))
    assert (X.stored.nnz > LARGEST_SPARSE_SHARE * 60 * 11) == (share > LARGEST_SPARSE_SHARE)
    np.testing.assert_allclose(X @ np.float32(of_columns), dense @ of_columns, atol=2e-5)
    np.testing.assert_allclose(X.transposed_times(np.float32(of_rows)), dense.T @ of_rows, atol=1e-4)
    assert (X @ np.float32(of_columns)).dtype == X.transposed_times(np.float32(of_rows)).dtype == np.float32
