"""Labels given away: by a feature that spells them out or a batch of their own; markers and shared batches are not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.given_away import given_away
from tests.conftest import make_modality

N = 90


def cells(X=None, **columns):
    base = make_modality("RNA", n=N, seed=1)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 4)) if X is None else X
    obs = pd.DataFrame(columns, index=base.obs_names) if columns else None
    return replace(base, X=values, var_names=np.array([f"f{i}" for i in range(values.shape[1])]), obs=obs)


def y():
    return np.unique(make_modality("RNA", n=N, seed=1).labels, return_inverse=True)[1]


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize(
    "leak",
    [
        lambda y: y.astype(float),  # the label as a number
        lambda y: (y == 1).astype(float),  # one-hot
        lambda y: np.where(y == 1, np.random.default_rng(1).integers(1, 40, y.size), 0).astype(float),  # its own guide
        lambda y: np.where(y == 1, -3.5, 2.0),  # two constants
    ],
)
def test_a_feature_that_spells_the_label_out_is_found(leak, wrap):
    X = np.abs(np.random.default_rng(0).normal(size=(N, 4)))
    X[:, 2] = leak(y())
    found = given_away(cells(wrap(X))).by_feature
    assert found.get("B") == "f2"
    assert set(found.values()) == {"f2"}


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix])
def test_markers_and_constant_features_are_not_blamed(wrap):
    rng = np.random.default_rng(0)
    marker = np.where(y() == 1, rng.poisson(6, N), 0).astype(float)
    marker[np.flatnonzero(y() == 1)[0]] = 0  # a dropout
    leaky = np.where(y() == 2, rng.poisson(9, N) + 1, 0).astype(float)
    leaky[np.flatnonzero(y() == 0)[0]] = 1  # ambient
    X = np.column_stack([marker, leaky, np.ones(N), rng.normal(size=N)])
    assert given_away(cells(wrap(X))).by_feature == {}


@pytest.mark.parametrize(
    "column", ["tray", "Operator", "batch", "Plate", "donor_id", "sample", "seq_lane", "run1", "library-prep day"]
)
def test_a_batch_of_its_own_is_found(column):
    found = given_away(cells(**{column: np.array(["p1", "p2", "p3"])[y()]})).by_batch
    assert set(found) == {"A", "B", "C"}
    assert found["B"] == (column, "p2")


def test_only_the_label_whose_batch_holds_nothing_else_is_named():
    found = given_away(cells(batch=np.where(y() == 1, "p2", "p1"))).by_batch
    assert set(found) == {"B"}


@pytest.mark.parametrize(
    "columns",
    [
        {"batch": ["p1", "p2"] * (N // 2)},  # crossed with the labels
        {"batch": ["p1"] * N},  # one batch
        {"sample": [f"s{i}" for i in range(N)]},  # a name for each cell
        {"cell_type": "from the labels"},  # not a batch by its name
        {"stimulation": "from the labels"},
    ],
)
def test_shared_batches_and_other_columns_are_not_blamed(columns):
    filled = {
        key: np.array(["a", "b", "c"])[y()] if value == "from the labels" else value for key, value in columns.items()
    }
    assert given_away(cells(**filled)).by_batch == {}


def test_guides_with_counts_in_other_cells_flag_their_labels():
    rng = np.random.default_rng(2)
    guides = np.where(rng.random((N, 3)) < 0.1, 1, 0)
    guides[np.arange(N), y()] = rng.integers(10, 50, N)
    modality = cells(np.column_stack([rng.normal(size=(N, 4)), guides]).astype(float))
    named = replace(modality, var_names=np.array(["f0", "f1", "f2", "f3", "A_1", "B_1", "C_1"]))
    assert given_away(named).by_feature == {"A": "A_1", "B": "B_1", "C": "C_1"}
