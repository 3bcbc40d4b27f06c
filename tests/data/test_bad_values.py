"""Missing and infinite values: nothing finite changes, everything left is finite, sparse and dense agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.bad_values import DROP_CELLS, DROP_FEATURES, FILL, mend
from psmatch_core.data.modality import Modality

BAD = (np.nan, np.inf, -np.inf)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    X = random.poisson(1.0, (draw(st.integers(4, 20)), draw(st.integers(2, 8)))).astype(np.float64)
    for _ in range(draw(st.integers(1, 10))):
        X[random.integers(X.shape[0]), random.integers(X.shape[1])] = random.choice(BAD)
    return X


@settings(deadline=None)
@given(matrices(), st.sampled_from([DROP_FEATURES, FILL, DROP_CELLS]), st.floats(0, 1))
def test_only_bad_values_change_and_none_is_left(X: np.ndarray, how: str, most_missing: float) -> None:
    mended = mend(X, how, most_missing)
    assert mended is not None
    assert np.isfinite(mended.X).all()
    before = X[np.ix_(mended.cells, mended.features)]
    is_good = np.isfinite(before)
    np.testing.assert_array_equal(mended.X[is_good], before[is_good])
    if how != FILL:
        assert is_good.all()
        assert not mended.filled.any()
    if how != DROP_CELLS:
        assert mended.cells.all()
    np.testing.assert_array_equal(mended.n_bad, (~np.isfinite(X)).sum(axis=0))


@settings(deadline=None)
@given(matrices(), st.sampled_from([DROP_FEATURES, FILL, DROP_CELLS]), st.floats(0, 1))
def test_sparse_and_dense_give_the_same(X: np.ndarray, how: str, most_missing: float) -> None:
    dense, stored = mend(X, how, most_missing), mend(sparse.csr_matrix(X), how, most_missing)
    assert dense is not None
    assert stored is not None
    np.testing.assert_array_equal(dense.X, stored.X.toarray())
    np.testing.assert_array_equal(dense.features, stored.features)
    np.testing.assert_array_equal(dense.cells, stored.cells)


def test_the_median_is_that_of_the_finite_values_of_the_feature() -> None:
    X = np.array([[1.0, 5.0], [2.0, np.nan], [9.0, 7.0], [np.inf, 8.0]])
    mended = mend(X, FILL, 0.5)
    assert mended is not None
    np.testing.assert_array_equal(mended.X, [[1, 5], [2, 7], [9, 7], [2, 8]])


@pytest.mark.parametrize(("share", "kept"), [(0.25, [True, True]), (0.24, [False, True])])
def test_a_feature_that_lacks_more_than_the_share_is_left_out(share: float, kept: list[bool]) -> None:
    X = np.array([[np.nan, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
    for how in (FILL, DROP_CELLS):
        mended = mend(X, how, share)
        assert mended is not None
        assert mended.features.tolist() == kept


@pytest.mark.parametrize("X", [np.ones((3, 2)), np.ones((3, 2), np.uint8), sparse.csr_matrix(np.eye(3))])
def test_a_matrix_without_bad_values_is_left_alone(X: np.ndarray) -> None:
    assert mend(X, FILL, 0.05) is None


def test_the_finding_names_the_features_with_their_counts_most_first() -> None:
    X = np.ones((100, 4))
    X[:50, 1], X[0, 2], X[:3, 3] = np.nan, np.inf, np.nan
    mended = mend(X, FILL, 0.05)
    assert mended is not None
    said = mended.finding("a.csv, matrix X", ["A", "B", "C", "D"]).problem
    assert "3 features of 4 with missing or infinite values" in said
    assert "1 feature left out: B (50); 2 features filled with their median: D (3), C (1)" in said


@pytest.mark.parametrize(("how", "shape"), [(DROP_FEATURES, (40, 4)), (FILL, (40, 5)), (DROP_CELLS, (39, 5))])
def test_an_object_in_memory_is_mended_as_a_file_is(how: str, shape: tuple[int, int]) -> None:
    X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    X[7, 2] = np.nan
    adata = AnnData(X, obs=pd.DataFrame({"label": ["A", "B"] * 20}, index=[f"c{i}" for i in range(40)]))
    with pytest.raises(PsmatchError, match=r"1 missing \(NaN\) value in 1 of 5 features"):
        Modality.from_anndata(adata, label_key="label", name="RNA")
    modality = Modality.from_anndata(adata, label_key="label", name="RNA", bad_values=how)
    assert modality.X.shape == shape
    assert any(each.code == "PM-M37" for each in modality.findings)
    assert modality.excluded == ((("c7", "it has missing or infinite values"),) if how == DROP_CELLS else ())
