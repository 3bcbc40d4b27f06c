"""Compiled products of stored values: scipy's own numbers, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base.shifted_rows import LEAST_COMPILED, ShiftedRows
from psmatch_core.base.sparse_products import ByFeature, times


def stored_and_dense(n, d, width, share, seed):
    draw = np.random.default_rng(seed)
    stored = sparse.random(n, d, density=share, format="csr", dtype=np.float32, random_state=draw)
    of_columns, of_rows = (draw.normal(size=(each, width)).astype(np.float32) for each in (d, n))
    return stored, of_columns, of_rows


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 90),
    d=st.integers(1, 40),
    width=st.integers(1, 70),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**16),
)
def test_products_are_those_of_scipy_bit_by_bit(n, d, width, share, seed):
    stored, of_columns, of_rows = stored_and_dense(n, d, width, share, seed)
    np.testing.assert_array_equal(times(stored, of_columns), stored @ of_columns)
    np.testing.assert_array_equal(ByFeature.of(stored).transposed_times(of_rows), stored.T @ of_rows)


def test_the_order_of_the_columns_in_a_row_is_kept():
    stored = sparse.csr_matrix(
        (np.array([1e8, 1, -1e8, 3], dtype=np.float32), np.array([2, 0, 1, 0]), np.array([0, 3, 4])), shape=(2, 3)
    )  # columns 2, 0, 1 of the first row: in another order its sum would be another one
    ones = np.ones((3, 20), dtype=np.float32)
    np.testing.assert_array_equal(times(stored, ones), stored @ ones)
    np.testing.assert_array_equal(ByFeature.of(stored).transposed_times(ones[:2]), stored.T @ ones[:2])


@pytest.mark.parametrize("width", [LEAST_COMPILED - 1, LEAST_COMPILED, 100])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_shifted_rows_sorted_once_give_what_they_give_unsorted(width, share):
    stored, of_columns, of_rows = stored_and_dense(60, 30, width, share, 0)
    X = ShiftedRows(stored, np.linspace(-1, 1, 30, dtype=np.float32))
    by_feature = X[10:50].by_feature(width)
    assert (by_feature is None) == (share > 0.2 or width < LEAST_COMPILED)
    found = X[10:50].transposed_times(of_rows[10:50], by_feature)
    np.testing.assert_array_equal(found, X[10:50].transposed_times(of_rows[10:50]))
    if share < 0.2:
        np.testing.assert_array_equal(X @ of_columns, stored @ of_columns + X.shift @ of_columns)


def test_more_rows_than_two_bytes_can_name_are_refused():
    with pytest.raises(ValueError, match="65,537 rows cannot be sorted together"):
        ByFeature.of(sparse.csr_matrix((2**16 + 1, 2), dtype=np.float32))
