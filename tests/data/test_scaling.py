"""Scaling: a few rows at a time, sparse or dense, gives what the whole matrix at once gives."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import arrays
from psmatch_core.data import scaling
from psmatch_core.data.scaling import moments, scaled, scaled_in_single


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
