"""Shifts of labels: a known shift is found, NaN rows do not count, controls are found by name."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.data.controls import OTHERS
from psmatch_core.evaluation.shifts import label_shifts

FEATURES = np.array(["f0", "f1", "f2"])


def cells(names, seed, moved):
    rng = np.random.default_rng(seed)
    labels = np.repeat(names, 400)
    X = rng.normal(size=(labels.size, 3))
    X[labels == "KO"] += moved
    return X, labels


def test_a_known_shift_is_found_in_standard_deviations():
    X, labels = cells(["control", "KO"], 0, [2.0, 0, -1])
    found = label_shifts(X, labels, 10 * X + 5, labels, features=FEATURES)
    assert found.labels == ("KO",)
    assert found.controls == ("control",)
    assert found.measured[0] == pytest.approx(np.array([1.41, 0, -0.89]), abs=0.15)
    assert found.correlation[0] == pytest.approx(1, abs=0.01)


def test_equal_sides_explain_all_and_no_change_explains_nothing():
    X, labels = cells(["control", "KO"], 0, [2.0, 0, -1])
    assert label_shifts(X, labels, X, labels, features=FEATURES).explained == pytest.approx(1)
    still = np.where(labels[:, None] == "KO", X[labels == "control"].mean(axis=0), X)
    assert label_shifts(still, labels, X, labels, features=FEATURES).explained == pytest.approx(0, abs=1e-9)


def test_cells_without_a_match_do_not_count_and_sparse_is_the_same():
    X, labels = cells(["control", "KO"], 0, [2.0, 0, -1])
    full = label_shifts(X, labels, X, labels, features=FEATURES)
    some = X.copy()
    some[::3] = np.nan
    found = label_shifts(some, labels, sparse.csr_matrix(X), labels, features=FEATURES)
    assert found.measured == pytest.approx(full.measured)
    assert found.n_predicted[0] < full.n_predicted[0]
    assert not np.isnan(found.predicted).any()


def test_a_named_control_is_the_reference_whatever_the_other_labels_do():
    X, labels = cells(["control", "KO", "far"], 0, [2.0, 0, 0])
    X[labels == "far"] += 50
    found = label_shifts(X, labels, X, labels, features=FEATURES)
    assert set(found.labels) == {"KO", "far"}
    assert set(found.controls) == {"control"}
    moved = found.measured[found.labels.index("KO")] * X.std(axis=0)
    assert moved == pytest.approx(np.array([2.0, 0, 0]), abs=0.25)


def test_without_a_named_control_the_other_labels_serve():
    X, labels = cells(["B", "KO", "T"], 0, [3.0, 0, 0])
    found = label_shifts(X, labels, X, labels, features=FEATURES)
    assert set(found.controls) == {OTHERS}
    table = found.table().set_index("label")
    assert table["size"].idxmax() == "KO"


def test_labels_of_one_side_and_single_labels_are_left_out():
    X, labels = cells(["KO", "A"], 0, [1.0, 0, 0])
    only = labels == "KO"
    found = label_shifts(X, labels, X[only], labels[only], features=FEATURES)
    assert found.labels == ()
    assert found.table().empty
