"""The clean copy: equal to what anndata reads from the original, complete or absent."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base import mapped_rows
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, checked_data, clean_copy, copy_into, inspect_file
from psmatch_core.data.readers.clean_copy import copy_here
from tests.data.readers.made_files import COUNTS, good_adata, readable, table, write


@pytest.fixture(params=["in memory", "from file to file"], autouse=True)
def way(request, monkeypatch):
    """Each law holds of small matrices and of those that go from file to file in blocks (of a few cells here)."""
    if request.param != "in memory":
        monkeypatch.setattr(mapped_rows, "LEAST_MAPPED", 1)
        for module in (mapped_rows, checked_data, clean_copy):
            monkeypatch.setattr(module, "CHUNK_VALUES", 50)
    return request.param


def copied(tmp_path, path, **keywords):
    """The copy, made without the child process."""
    spec = DataSpec(path=str(path), **{"label_key": "cell_type", **keywords})
    target = tmp_path / "copy.h5ad"
    copy_here(
        {"spec": spec.to_dict(), "partial": str(tmp_path / ".part"), "destination": str(target), "memory_mb": 1024}
    )
    return anndata.read_h5ad(target)


def refused(tmp_path, path, **keywords):
    with pytest.raises(PsmatchError) as caught:
        copied(tmp_path, path, **keywords)
    assert not (tmp_path / "copy.h5ad").exists()
    return readable(caught.value)


@pytest.mark.parametrize(
    "X", [COUNTS, COUNTS.astype(np.float64) / 3, sparse.csr_matrix(COUNTS), COUNTS.astype(np.int16)]
)
def test_copy_equals_what_anndata_reads(tmp_path, X):
    adata = good_adata(X, n=np.arange(60), flag=np.tile([True, False], 30), text=[f"t{i % 5}" for i in range(60)])
    adata.obs["maybe"] = pd.array([1, None] * 30, dtype="Int64")
    path = write(tmp_path, adata)
    original, copy = anndata.read_h5ad(path), copied(tmp_path, path)
    assert type(copy.X) is type(original.X)
    assert copy.X.dtype == original.X.dtype
    assert (copy.X != original.X).sum() == 0
    assert list(copy.var_names) == list(original.var_names)
    pd.testing.assert_frame_equal(copy.obs, original.obs, check_like=True)
    assert copy.uns["psmatch"]["n_dropped_without_label"] == 0


def test_only_the_chosen_matrix_is_copied(tmp_path):
    adata = good_adata(np.log1p(COUNTS))
    adata.layers["counts"] = COUNTS
    adata.obsm["X_pca"] = np.random.default_rng(0).normal(size=(60, 5))
    path = write(tmp_path, adata)
    assert np.array_equal(copied(tmp_path, path, matrix="layers/counts").X, COUNTS)
    embedded = copied(tmp_path, path, matrix="obsm/X_pca")
    assert embedded.shape == (60, 5)
    assert not embedded.layers
    assert not embedded.obsm


def test_cells_without_label_are_refused_or_dropped_and_counted(tmp_path):
    labels = pd.Categorical(["a", "b", None] * 20)
    path = write(tmp_path, good_adata(kind=labels))
    assert "label column kind: 20 of 60 cells have no label" in refused(tmp_path, path, label_key="kind")
    copy = copied(tmp_path, path, label_key="kind", missing_labels="drop")
    assert copy.n_obs == 40
    assert copy.uns["psmatch"]["n_dropped_without_label"] == 20
    excluded = json.loads(copy.uns["psmatch"]["excluded"])
    assert excluded[:2] == [[cell, "no label in column 'kind'"] for cell in ("cell2", "cell5")]
    assert np.array_equal(copy.X.toarray(), COUNTS[np.asarray(labels.codes) >= 0])
    assert list(copy.obs["kind"]) == [each for each in labels if each == each and each is not None]


def test_numeric_labels_become_the_same_text_in_every_type(tmp_path):
    for values in (np.tile([1, 2], 30), np.tile([1.0, 2.0], 30), np.tile(["1", "2"], 30)):
        copy = copied(tmp_path, write(tmp_path, good_adata(kind=values)), label_key="kind")
        assert list(copy.obs["kind"][:2]) == ["1", "2"]


def test_table_with_labels_in_a_second_file_is_joined_by_name(tmp_path):
    data = table(tmp_path, labels=False)
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,kind\n" + "".join(f"cell{i},{'AB'[i % 2]}\n" for i in reversed(range(60))))
    copy = copied(tmp_path, data, label_key="kind", labels_path=str(labels))
    assert list(copy.obs["kind"][:3]) == ["A", "B", "A"]
    assert np.array_equal(copy.X, COUNTS)


def test_pair_ids_are_text_on_both_sides(tmp_path):
    numbers = copied(tmp_path, write(tmp_path, good_adata(pair=np.arange(60))), pair_key="pair")
    assert list(numbers.obs["pair"][:2]) == ["0", "1"]
    (tmp_path / "copy.h5ad").unlink()
    assert "has no pair column other" in refused(tmp_path, tmp_path / "good.h5ad", pair_key="other")


def test_repeated_feature_names_get_numbers_and_are_reported(tmp_path):
    adata = good_adata()
    adata.var_names = ["G", "G", *adata.var_names[2:]]
    copy = copied(tmp_path, write(tmp_path, adata))
    assert list(copy.var_names[:2]) == ["G", "G-1"]
    assert "1 feature name is repeated: G" in " ".join(copy.uns["psmatch"]["warnings"])


def test_column_that_cannot_be_written_is_reported(tmp_path):
    path = table(tmp_path, change=lambda lines: [lines[0] + ",dose/time", *(line + ",low" for line in lines[1:])])
    copy = copied(tmp_path, path)
    assert list(copy.obs) == ["cell_type"]
    assert "Column dose/time was left out: HDF5 does not allow its name" in " ".join(copy.uns["psmatch"]["warnings"])


def test_changed_file_is_refused(tmp_path):
    path = write(tmp_path)
    known = inspect_file(DataSpec(path=str(path))).sha256
    assert copied(tmp_path, path, sha256=known).n_obs == 60
    (tmp_path / "copy.h5ad").unlink()
    write(tmp_path, good_adata(COUNTS + 1))
    assert "has changed since it was chosen" in refused(tmp_path, path, sha256=known)


def test_values_are_checked_whole(tmp_path):
    X = COUNTS.copy()
    X[59, 19] = np.inf
    said = refused(tmp_path, write(tmp_path, good_adata(X)))
    assert "1 infinite value in 1 of 20 features: GENE19 (1); the first in cell cell59" in said


def test_boxed_copy_leaves_the_file_and_nothing_else(tmp_path):
    path = write(tmp_path)
    target = tmp_path / "out" / "copy.h5ad"
    assert copy_into(DataSpec(path=str(path), label_key="cell_type"), target) == target
    assert [each.name for each in target.parent.iterdir()] == ["copy.h5ad"]
    with pytest.raises(PsmatchError):
        copy_into(DataSpec(path=str(path), label_key="none"), tmp_path / "none" / "copy.h5ad")
    assert not (tmp_path / "none" / "copy.h5ad").exists()


def test_a_fault_in_a_later_block_is_refused_in_the_same_words(tmp_path, way):
    for at, value in ((59, np.nan), (31, 1e300)):
        X = sparse.lil_matrix(COUNTS.astype(np.float64))
        X[at, 7] = value
        said = refused(tmp_path, write(tmp_path, good_adata(X.tocsr())))
        assert ("missing (NaN)" in said) == (at == 59)
        assert ("too large to compute with" in said) == (at == 31)
    broken = write(tmp_path)
    import h5py

    with h5py.File(broken, "r+") as file:
        file["X/indices"][-1] = 20
    assert "an index lies outside the matrix" in refused(tmp_path, broken)
