"""Array files: a matrix written column after column is the matrix, and one column of it is read alone."""

import io

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import array_files, arrays
from psmatch_core.base.array_files import write_by_columns

X = np.random.default_rng(0).poisson(0.4, size=(11, 7)).astype(np.float64)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_matrix, np.float32])
@pytest.mark.parametrize("at_once", [1, 25, 1000])
def test_what_is_written_a_few_columns_at_a_time_is_the_matrix(make, at_once, monkeypatch, tmp_path):
    monkeypatch.setattr(array_files, "row_chunks", lambda n, d: arrays.row_chunks(n, d, at_once))
    with open(tmp_path / "X.npy", "wb") as stream:
        write_by_columns(stream, make(X))
    again = np.load(tmp_path / "X.npy", mmap_mode="r", allow_pickle=False)
    assert again.dtype == np.float32
    assert again.flags.f_contiguous
    np.testing.assert_array_equal(again, X)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_empty_matrix_keeps_its_shape(shape):
    stream = io.BytesIO()
    write_by_columns(stream, np.zeros(shape))
    stream.seek(0)
    assert np.load(stream).shape == shape
