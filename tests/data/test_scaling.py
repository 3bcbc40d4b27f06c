"""Scaling: a few rows at a time, sparse or dense, gives what the whole matrix at once gives."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import arrays
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.data import scaling
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.scaling import moments, scaled, scaled_features, scaled_in_single
from tests.conftest import make_modality


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(scaling, "row_chunks", lambda n, d: arrays.row_chunks(n, d, at_once=7 * d))


def counts(seed=0, n=50, d=9):
    draw = np.random.default_rng(seed)
    X = draw.poisson(0.7, size=(n, d)).astype(np.float32)
    X[:, 3] = 2.0  # without variance
    X[0, 1] = 400.0  # clipped
    return X


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("scale", [True, False])
def test_rows_at_a_time_are_the_whole(make, scale):
    X = make(counts())
    mean, spread = moments(X)
    whole = scaled(X, mean, spread, scale)
    found = scaled_in_single(X, mean, spread, scale)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, whole.astype(np.float32))
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(9, 3)))[0]
    np.testing.assert_allclose(scaled_in_single(X, mean, spread, scale, axes=axes), whole @ axes, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0.3, 4.7, 1e-3, 8191.7])
def test_a_constant_feature_has_no_spread_stored_either_way(value):
    X = np.random.default_rng(2).gamma(1.0, size=(300, 4)).astype(np.float32)
    X[:, 2] = value
    dense, stored = moments(X), moments(sparse.csr_matrix(X))
    assert dense[1][2] == stored[1][2] == 0
    np.testing.assert_allclose(dense, stored, rtol=1e-6)


def test_nothing_of_all_cells_is_in_double_precision(monkeypatch):
    sizes = []

    def watched(X, *rest):
        sizes.append(X.shape[0])
        return scaled(X, *rest)

    monkeypatch.setattr(scaling, "scaled", watched)
    X = counts()
    scaled_in_single(X, *moments(X), True)
    assert max(sizes) <= 7
    assert sum(sizes) == 50


def test_many_sparse_cells_stay_sparse_and_are_the_same(monkeypatch):
    monkeypatch.setattr(scaling, "MANY_SCALED", 100)
    monkeypatch.setattr(scaling, "CLIP", 3.0)
    X = counts()
    X[X < 2] = 0
    mean, spread = moments(X)
    found = scaled_features(sparse.csr_matrix(X), mean, spread)
    assert isinstance(found, ShiftedRows)
    assert found.stored.nnz == np.count_nonzero(X)
    np.testing.assert_allclose(found.toarray(), scaled_in_single(X, mean, spread, True), atol=2e-6)
    assert abs(found.toarray()).max() == scaling.CLIP


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_what_takes_less_memory_is_made(monkeypatch, share):
    monkeypatch.setattr(scaling, "MANY_SCALED", 100)
    X = sparse.random(60, 8, density=share, format="csr", dtype=np.float32, random_state=0)
    assert isinstance(scaled_features(X, *moments(X)), ShiftedRows) == (share < scaling.LARGEST_SHARE)
    assert not isinstance(scaled_features(X.toarray(), *moments(X)), ShiftedRows)


def test_preprocessed_counts_stay_sparse_and_know_their_content(monkeypatch):
    cells = make_modality(n=60)
    draw = np.random.default_rng(0)
    cells = cells.with_features(sparse.csr_matrix(draw.poisson(0.3, size=(60, 20)).astype(np.float32)), range(20))
    fitted = Preprocessing().fit(cells)
    dense = fitted.transform(cells)
    monkeypatch.setattr(scaling, "MANY_SCALED", 100)
    monkeypatch.setattr(scaling, "LARGEST_SHARE", 0.5)
    stored = fitted.transform(cells)
    assert isinstance(stored.X, ShiftedRows)
    np.testing.assert_allclose(stored.X.toarray(), dense.X, atol=2e-6)
    assert stored.fingerprint == fitted.transform(cells).fingerprint
    assert stored.fingerprint != stored.select(np.arange(60) > 0, "left out").fingerprint
