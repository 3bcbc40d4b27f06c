"""Multinomial ridge regression: scikit-learn's answer, whatever the precision, the order and the parts of the cells."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression

from psmatch_core.base.cores import CORES_VARIABLE, a_core
from psmatch_core.base.progress import silent
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.classifiers import linear, multinomial
from psmatch_core.classification.classifiers.base import centered, stratified_folds
from psmatch_core.classification.classifiers.multinomial import GRADIENT_TOLERANCE, MultinomialRidge


def cells(n_labels, seed=0, n=240, d=12):
    draw = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_labels), draw.integers(0, n_labels, n - n_labels)])
    X = draw.normal(size=(n, d)) + draw.normal(scale=0.8, size=(n_labels, d))[y]
    return X.astype(np.float32), y


@pytest.mark.parametrize("n_labels", [2, 3, 7])
@pytest.mark.parametrize("strength", [1e-3, 0.1, 3.0])
def test_it_is_scikit_learns_logistic_regression(n_labels, strength, monkeypatch):
    monkeypatch.setattr(multinomial, "GRADIENT_TOLERANCE", 1e-7)
    X, y = cells(n_labels)
    X = X.astype(np.float64)
    model = MultinomialRidge(((X, y),), n_labels)
    model.fit(strength)
    known = LogisticRegression(C=strength, tol=1e-9, max_iter=5000).fit(X, y)
    scores = known.decision_function(X)
    expected = np.stack([-scores / 2, scores / 2], axis=1) if n_labels == 2 else scores
    assert model.converged
    np.testing.assert_allclose(model.logits(X), centered(expected), atol=1e-3)


@pytest.mark.parametrize("n_labels", [2, 5])
def test_a_path_in_single_precision_is_scikit_learns_within_a_thousandth_of_a_nat(n_labels):
    X, y = cells(n_labels, seed=3)
    model = MultinomialRidge(((X, y),), n_labels)
    known = LogisticRegression(tol=GRADIENT_TOLERANCE, max_iter=300, warm_start=True)
    for strength in (1 / 240, 10 / 240, 100 / 240):
        model.fit(strength)
        known.set_params(C=strength).fit(X, y)
    loss = -np.log(known.predict_proba(X)[np.arange(y.size), y]).mean()
    logits = model.logits(X)
    ours = (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(y.size), y]).mean()
    assert abs(ours - loss) < 1e-3


def test_the_gradient_is_that_of_the_loss():
    X, y = cells(3, n=30, d=4)
    model = MultinomialRidge(((X[:13].astype(float), y[:13]), (X[13:].astype(float), y[13:])), 3)
    at = np.random.default_rng(1).normal(size=5 * 3)
    error = check_grad(lambda v: model._loss(v, 0.1, 30)[0], lambda v: model._loss(v, 0.1, 30)[1], at)
    assert error < 1e-5


def test_parts_and_blocks_and_sparsity_change_nothing(monkeypatch):
    X, y = cells(4)
    X[np.abs(X) < 0.5] = 0
    whole = MultinomialRidge(((X, y),), 4)
    parted = MultinomialRidge(((X[:100], y[:100]), (X[100:], y[100:])), 4)
    stored = MultinomialRidge(((sparse.csr_matrix(X), y),), 4)
    whole.fit(0.1)
    monkeypatch.setattr(multinomial, "ROWS_AT_ONCE", 17)
    for other in (parted, stored):
        other.fit(0.1)
        np.testing.assert_allclose(other.logits(X), whole.logits(X), atol=2e-3)


def test_shifted_rows_are_read_as_the_dense_matrix(monkeypatch):
    X, y = cells(4)
    X[np.abs(X) < 0.5] = 0
    shift = np.linspace(-1, 1, X.shape[1], dtype=np.float32)
    stored = ShiftedRows(sparse.csr_matrix(X), shift)
    monkeypatch.setattr(multinomial, "SHIFTED_ROWS", 17)
    dense, found = (MultinomialRidge(((each, y),), 4) for each in (X + shift, stored))
    for each in (dense, found):
        each.fit(0.1)
    np.testing.assert_allclose(found.logits(stored), dense.logits(X + shift), atol=2e-3)


def test_shares_of_the_cells_change_nothing_but_the_rounding_and_cores_not_even_that(monkeypatch):
    X, y = cells(4)
    alone = MultinomialRidge(((X, y),), 4)
    alone.fit(0.1)
    monkeypatch.setattr(multinomial, "SHARE_ROWS", 17)
    found = []
    for n_cores in (1, 3):
        monkeypatch.setenv(CORES_VARIABLE, str(n_cores))
        shared = MultinomialRidge(((X, y),), 4)
        assert len(shared._shares) == -(-y.size // 17)
        with a_core():
            shared.fit(0.1)
        found.append(shared.weights)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], alone.weights, atol=2e-3)


def test_a_path_may_go_on_in_another_model_of_the_same_cells():
    X, y = cells(3)
    first, used, fresh = (MultinomialRidge(((X, y),), 3) for _ in range(3))
    for each in (first, used):
        each.fit(0.01)
    fresh.start_at(first.end)
    for each in (used, fresh):
        each.fit(10.0)
    np.testing.assert_array_equal(used.weights, fresh.weights)
    first.fit(10.0)
    np.testing.assert_array_equal(first.weights, fresh.weights)  # whose fit has not changed where it started


def test_a_label_without_cells_gets_the_lowest_intercept():
    X, y = cells(3)
    model = MultinomialRidge(((X, np.array([0, 2, 3])[y]),), 5)
    model.fit(0.1)
    assert not model.weights[:, [1, 4]].any()
    assert (model.intercepts[[1, 4]] == model.intercepts.min()).all()


def test_it_says_that_it_did_not_converge(monkeypatch):
    monkeypatch.setattr(multinomial, "MAX_ITERATIONS", 1)
    X, y = cells(3)
    model = MultinomialRidge(((X, y),), 3)
    model.fit(1.0)
    assert not model.converged


@pytest.mark.parametrize("n_labels", [2, 6])
def test_a_fit_that_starts_at_that_of_a_sample_ends_where_any_fit_ends(monkeypatch, n_labels):
    monkeypatch.setattr(multinomial, "GRADIENT_TOLERANCE", 1e-7)
    X, y = cells(n_labels, n=400)
    parts = ((X[:150].astype(float), y[:150]), (X[150:].astype(float), y[150:]))
    anew, started = (MultinomialRidge(parts, n_labels) for _ in range(2))
    anew.fit(0.1)
    started.start_at_a_sample(0.1)
    assert np.abs(started.end).max() > 0
    assert not np.array_equal(started.end, anew.end)
    started.fit(0.1)
    np.testing.assert_allclose(started.logits(X), anew.logits(X), atol=1e-3)


def test_the_sample_holds_a_cell_of_every_label_and_an_eighth_of_large_ones():
    y = np.array([3] * 17 + [0] + [5] * 8 + [3] * 7)
    some = multinomial._of_each_label(y, 8)
    assert np.array_equal(some, np.sort(some))
    assert {int(label): int((y[some] == label).sum()) for label in np.unique(y)} == {0: 1, 3: 3, 5: 1}


def test_very_many_cells_start_at_a_sample_and_fewer_do_not(monkeypatch):
    X, y = cells(3)
    monkeypatch.setattr(linear, "MANY_FITTED", X.shape[1])
    folds, used = stratified_folds(y, 3, seed=0), []
    usual = MultinomialRidge.start_at_a_sample
    monkeypatch.setattr(
        MultinomialRidge, "start_at_a_sample", lambda self, strength: used.append(1) or usual(self, strength)
    )
    found = []
    for least in (y.size + 1, y.size):
        monkeypatch.setattr(linear, "VERY_MANY_CELLS", least)
        fitted = linear.LinearClassifier(strength=0.1).fit(X, y, n_labels=3, folds=folds, seed=0, progress=silent)
        found.append((len(used), fitted))
    assert [n for n, _ in found] == [0, folds.n_folds + 1]
    np.testing.assert_allclose(found[1][1].logits(X), found[0][1].logits(X), atol=0.05)
