"""A sample of cells: bounded, evenly spaced, the same for dense and sparse chunks, and its figures per cell."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data import cell_sample
from psmatch_core.data.cell_sample import CellSample, SampleCollector


def sampled(X, *, chunk=7, is_sparse=False, upto=None):
    collector = SampleCollector(X.shape[0], X.shape[1], is_sparse=is_sparse)
    for start in range(0, upto or X.shape[0], chunk):
        rows = X[start : min(start + chunk, upto or X.shape[0])]
        collector.add(sparse.csr_matrix(rows) if is_sparse else rows)
    return collector.sample([f"g{at}" for at in range(X.shape[1])])


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 40), p=st.integers(1, 9), chunk=st.integers(1, 50), is_sparse=st.booleans())
def test_a_small_matrix_is_taken_whole_however_it_is_read(n, p, chunk, is_sparse):
    X = np.random.default_rng(n * p).poisson(0.7, (n, p)).astype(float)
    found = sampled(X, chunk=chunk, is_sparse=is_sparse)
    assert (found.n_sampled, found.n_read, found.n_cells) == (n, n, n)
    np.testing.assert_array_equal(found.totals, X.sum(axis=1))
    np.testing.assert_array_equal(found.features_per_cell, (X > 0).sum(axis=1))
    np.testing.assert_array_equal(found.feature(f"g{p - 1}"), X[:, p - 1])
    assert found.has_zeros == (X == 0).any()


def test_a_large_matrix_gives_cells_from_its_beginning_to_its_end(monkeypatch):
    monkeypatch.setattr(cell_sample, "MOST_CELLS", 10)
    X = np.arange(1000.0)[:, None] + 1
    found = sampled(X, chunk=64)
    taken = found.feature("g0") - 1
    assert (taken[0], taken[-1], taken.size) == (0, 999, 10)
    assert np.ptp(np.diff(taken)) <= 1
    assert found.medians.sample_text == "from 10 of 1,000 cells"


def test_a_file_read_in_part_says_of_how_many_cells_the_sample_is():
    found = sampled(np.ones((100, 2)), upto=30, chunk=10)
    assert (found.n_sampled, found.n_read, found.n_cells) == (30, 30, 100)


def test_the_values_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(cell_sample, "MOST_VALUES", 3_000)
    monkeypatch.setattr(cell_sample, "FEWEST_CELLS", 5)
    X = np.ones((500, 100))
    for is_sparse in (False, True):
        found = sampled(X, is_sparse=is_sparse, chunk=100)
        assert found.values.size <= 3_000
        assert found.n_sampled == 30


def test_missing_and_infinite_values_are_shares_and_enter_no_sum():
    X = np.array([[1.0, np.nan, 2.0], [np.inf, np.nan, 0.0], [3.0, 4.0, 5.0], [0.0, 1.0, 1.0]])
    found = sampled(X)
    np.testing.assert_allclose(found.missing_per_feature, [0.25, 0.5, 0.0])
    np.testing.assert_allclose(found.missing_per_cell, [1 / 3, 2 / 3, 0, 0])
    np.testing.assert_array_equal(found.totals, [3, 0, 12, 2])
    np.testing.assert_array_equal(found.feature("g1"), [4, 1])


def test_a_sample_is_written_and_read(tmp_path):
    X = np.random.default_rng(0).poisson(1.0, (50, 4)).astype(float)
    found = CellSample.load(sampled(X).save(tmp_path / "sample.npz"))
    np.testing.assert_array_equal(found.totals, X.sum(axis=1))
    assert found.names == ("g0", "g1", "g2", "g3")
    with pytest.raises(PsmatchError):
        CellSample.load(tmp_path / "other.npz")


def test_nothing_read_gives_no_sample():
    assert SampleCollector(5, 3, is_sparse=False).finish(["a", "b", "c"]) is None
