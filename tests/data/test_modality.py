"""Every modality is valid; invalid data are refused with subject, rule, what was found and what to do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from tests.conftest import make_adata, make_modality


def refuse(adata: AnnData, **settings: object) -> PsmatchError:
    with pytest.raises(PsmatchError) as caught:
        Modality.from_anndata(adata, **{"label_key": "label", "name": "RNA", **settings})
    assert len(str(caught.value)) <= 400
    return caught.value


def test_arrays_are_read_only():
    modality = make_modality()
    for array in (modality.X, modality.labels, modality.obs_names):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_sparse_stays_sparse_and_equal():
    adata = make_adata()
    dense = Modality.from_anndata(adata, label_key="label", name="RNA")
    adata.X = sparse.csr_matrix(adata.X)
    kept = Modality.from_anndata(adata, label_key="label", name="RNA")
    assert sparse.issparse(kept.X)
    assert np.array_equal(kept.X.toarray(), dense.X)


def test_fingerprint_sees_every_change():
    adata = make_adata()
    prints = {Modality.from_anndata(adata, label_key="label", name="RNA").fingerprint}
    for change in ("value", "label", "cell", "feature"):
        other = make_adata()
        if change == "value":
            other.X[3, 2] += 1e-3
        elif change == "label":
            other.obs["label"] = ["B", *other.obs["label"].iloc[1:]]
        elif change == "cell":
            other.obs_names = ["renamed", *other.obs_names[1:]]
        else:
            other.var_names = ["renamed", *other.var_names[1:]]
        prints.add(Modality.from_anndata(other, label_key="label", name="RNA").fingerprint)
    adata.obs["cell"] = adata.obs_names
    paired = Modality.from_anndata(adata, label_key="label", name="RNA", pair_key="cell")
    assert paired.fingerprint in prints  # known pairs only evaluate: no training depends on them
    assert len(prints) == 5
    other = replace(paired, pair_ids=paired.pair_ids[::-1].copy())
    assert len({paired.pair_fingerprint, other.pair_fingerprint, replace(paired, pair_ids=None).pair_fingerprint}) == 3


def test_selected_cells_keep_all_that_belongs_to_them():
    adata = make_adata()
    adata.obs["batch"] = [f"batch {i}" for i in range(adata.n_obs)]
    adata.obs["cell"] = adata.obs_names
    modality = Modality.from_anndata(adata, label_key="label", name="RNA", pair_key="cell")
    keep = np.arange(modality.n_cells) % 3 == 0
    chosen = modality.select(keep, "every third")
    assert chosen.obs["batch"].tolist() == [f"batch {i}" for i in np.flatnonzero(keep)]
    for name in ("X", "labels", "obs_names", "pair_ids"):
        assert np.array_equal(getattr(chosen, name), getattr(modality, name)[keep])
    assert chosen.excluded == tuple((name, "every third") for name in modality.obs_names[~keep])


def test_fingerprint_does_not_see_the_name_given():
    assert make_modality("RNA").fingerprint == make_modality("ADT").fingerprint


@pytest.mark.parametrize("matrix", ["layers/counts", "obsm/X_pca", "raw"])
def test_the_chosen_matrix_is_taken(matrix):
    adata = make_adata()
    adata.raw = adata.copy()
    adata.layers["counts"] = np.abs(adata.X) + 1
    adata.obsm["X_pca"] = np.asarray(adata.X[:, :3])
    wanted = {"layers/counts": adata.layers["counts"], "obsm/X_pca": adata.obsm["X_pca"], "raw": adata.raw.X}[matrix]
    assert np.allclose(Modality.from_anndata(adata, label_key="label", name="RNA", matrix=matrix).X, wanted)


def test_missing_matrix_names_the_available():
    error = refuse(make_adata(), matrix="layers/counts")
    assert "no matrix layers/counts; it has X" in error.problem


def test_missing_label_column_names_the_available():
    error = refuse(make_adata(), label_key="cell_type")
    assert "no label column cell_type" in error.problem
    assert "available: label" in error.problem


def test_missing_labels_are_counted_and_the_user_chooses():
    adata = make_adata()
    adata.obs["label"] = pd.Series(["A", None, np.nan, *adata.obs["label"].iloc[3:]], index=adata.obs_names)
    assert "2 of 60 cells have no label" in refuse(adata).problem
    kept = Modality.from_anndata(adata, label_key="label", name="RNA", missing_labels="drop")
    assert kept.n_cells == 58
    assert [cell for cell, _ in kept.excluded] == list(adata.obs_names[1:3])
    assert all("no label" in reason for _, reason in kept.excluded)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    adata = make_adata()
    adata.X[4, 1] = bad
    assert "RNA" in refuse(adata).problem


def test_duplicated_cell_names_are_refused():
    adata = make_adata()
    adata.obs_names = ["twice", "twice", *adata.obs_names[2:]]
    assert "twice" in refuse(adata).problem


def test_all_unique_and_numeric_labels_are_refused():
    adata = make_adata()
    adata.obs["label"] = [f"id{i}" for i in range(60)]
    assert refuse(adata).hint
    adata.obs["label"] = np.random.default_rng(0).random(60)
    assert "number" in str(refuse(adata))


def test_numbers_and_their_text_are_one_label():
    adata = make_adata(labels=("1", "2"))
    for labels in (adata.obs["label"].astype(int), adata.obs["label"].astype(float), adata.obs["label"]):
        adata.obs["label"] = labels
        assert Modality.from_anndata(adata, label_key="label", name="RNA").label_names == ("1", "2")


def test_left_out_cells_are_listed_with_their_reason():
    modality = make_modality(n=30)
    kept = modality.select(modality.labels != "A", "too few")
    assert kept.n_cells == 20
    assert {cell for cell, _ in kept.excluded} == set(modality.obs_names[modality.labels == "A"])
    assert set(modality.obs_names) == {*kept.obs_names, *(cell for cell, _ in kept.excluded)}
