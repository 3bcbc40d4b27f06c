"""Codes for missing values: those put in are named with their features and entries, and good data hold none."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.data.checks.matrix import check_matrix
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.missing_codes import CODES, far_label_code

N, P = 80, 10
# Good values of each kind, without a code.
DATA = {
    "counts": lambda random: random.poisson(6.0, (N, P)),
    "sparse counts": lambda random: random.poisson(0.4, (N, P)),
    "z-scores": lambda random: random.normal(size=(N, P)),
    "logs": lambda random: np.log1p(random.poisson(5.0, (N, P))),
    "per cent": lambda random: np.round(random.uniform(0, 20, (N, P)), 1),
    "fractions": lambda random: random.uniform(0, 1, (N, P)),
}


def draw(seed, kind):
    return np.asarray(DATA[kind](np.random.default_rng(seed)), dtype=np.float64)


def said(X):
    names = [f"c{i}" for i in range(X.shape[0])], [f"gene{i}" for i in range(X.shape[1])]
    found = check_matrix(X, obs_names=names[0], var_names=names[1], name="file")
    return [str(each) for each in found if each.code == "PM-M36"]


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from([*DATA]),
    code=st.sampled_from([each for each in CODES.tolist() if abs(each) >= 99]),
    places=st.sets(st.tuples(st.integers(0, N // 2), st.integers(0, P - 1)), min_size=1, max_size=4),
)
def test_codes_are_named_with_their_features_and_entries(seed, kind, code, places):
    X = draw(seed, kind)
    places = {*places, *((at + N // 3, feature) for at, feature in places)}  # twice in a feature
    for at, feature in places:
        X[at, feature] = code
    scan = MatrixScan.of(X)
    found = scan.codes.far(N, is_whole=scan.is_whole)
    assert found == {code: Counter(feature for _, feature in places)}
    (message,) = said(X)
    assert f"{code:.10g} " in message
    assert f"({len(places):,} entr" in message
    assert len(message) <= 300


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from([*DATA]),
    code=st.sampled_from(CODES.tolist()),
    at=st.integers(0, N - 1),
    step=st.integers(1, N),
)
def test_dense_sparse_and_chunked_say_the_same(seed, kind, code, at, step):
    X = draw(seed, kind)
    X[at, 3] = X[(at + 7) % N, 5] = X[(at + 9) % N, 5] = code
    whole, stored, chunked = MatrixScan.of(X), MatrixScan.of(sparse.csr_matrix(X)), MatrixScan(P)
    for start in range(0, N, step):
        chunked.add(X[start : start + step])
    expected = whole.codes.far(N, is_whole=whole.is_whole)
    for other in (stored, chunked):
        assert other.codes.far(N, is_whole=other.is_whole) == expected
        np.testing.assert_array_equal(other.n_negative, whole.n_negative)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from([*DATA]))
def test_good_values_hold_no_code(seed, kind):
    assert not said(draw(seed, kind))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32), spread=st.floats(0.5, 3))
def test_heavy_tails_of_whole_numbers_hold_no_code(seed, spread):
    random = np.random.default_rng(seed)
    X = np.round(np.exp(random.normal(4, spread, (400, 40))))
    X[0] = CODES[CODES > 90][seed % 6]  # among values of its size
    X[1] = 1.3 * X[0]
    assert not said(X)


GOOD = {
    "two answers": lambda X: X.__setitem__((slice(None), 2), np.where(np.arange(N) % 4, 1, -1)),
    "one of two answers": lambda X: X.__setitem__((slice(None), 2), np.where(np.arange(N) % 4, 0, 999)),
    "differences": lambda X: X.__setitem__((slice(None), slice(0, 4)), np.arange(N)[:, None] % 7 - 3),
    "saturated": lambda X: X.__setitem__((slice(3), 2), 65535),
    "one burst of 99": lambda X: X.__setitem__((3, 2), 99),
}


@pytest.mark.parametrize("name", GOOD)
def test_values_that_mean_something_are_no_codes(name):
    X = draw(1, "counts")
    GOOD[name](X)
    assert not said(X)


@pytest.mark.parametrize("code", [-1, -9])
def test_a_short_code_in_an_area_is_told_beside_negative_features(code):
    X = draw(2, "z-scores")
    X[:, 4] = np.random.default_rng(3).uniform(200, 900, N)
    X[[5, 9], 4] = code
    (message,) = said(X)
    assert f"{code} stands far from all other values (2 entries: gene4 (2))" in message


@pytest.mark.parametrize("labels", [["1", "2", "3", "9999"], ["0", "1", "2", "-999"], ["10", "20", "30", "40", "999"]])
def test_a_label_may_be_a_code(labels):
    assert far_label_code(dict.fromkeys(labels, 9)) == labels[-1]


@pytest.mark.parametrize(
    "labels",
    [["1", "2", "3"], ["97", "98", "99"], ["0", "500", "999"], ["a", "1", "9999"], ["0", "9999"], ["-1", "0", "1"]],
)
def test_other_labels_are_no_codes(labels):
    assert far_label_code(dict.fromkeys(labels, 9)) == ""
