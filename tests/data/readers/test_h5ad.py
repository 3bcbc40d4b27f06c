"""The h5ad reader: files of anndata read back equal, and every kind of damage has its message."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import (
    COUNTS,
    STORAGES,
    broken,
    good_adata,
    look,
    refusal,
    replaced,
    warnings_of,
    write,
)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    "keywords", [{}, {"compression": "gzip"}, {"compression": "lzf"}], ids=["plain", "gzip", "lzf"]
)
def test_values_names_and_labels_equal_anndatas(tmp_path, storage, keywords):
    adata = good_adata(STORAGES[storage])
    path = write(tmp_path, adata, **keywords)
    source, name = open_source(path, "a.h5ad", text_columns=(), memory_mb=1024)
    X = source.whole("X")
    expected = adata.X.toarray() if sparse.issparse(adata.X) else adata.X
    assert name == "h5ad"
    assert np.array_equal(X.toarray() if sparse.issparse(X) else X, expected)
    rows = [each.toarray() if sparse.issparse(each) else each for each in source.rows("X", 100)]
    assert len(rows) > 1 or keywords
    assert np.array_equal(np.vstack(rows), expected)
    assert source.obs_names == list(adata.obs_names)
    assert source.var_names("X") == list(adata.var_names)
    assert list(source.column("cell_type")) == list(adata.obs["cell_type"])


def test_all_matrices_are_listed_with_their_kind(tmp_path):
    adata = good_adata(np.log1p(COUNTS))
    adata.layers["counts"] = sparse.csr_matrix(COUNTS)
    adata.obsm["X_pca"] = np.random.default_rng(1).normal(size=(60, 5)) * 3 + 1
    adata.obsm["table"] = pd.DataFrame({"a": np.arange(60)}, index=adata.obs_names)
    adata.raw = good_adata(np.hstack([COUNTS, COUNTS]))
    summary = look(write(tmp_path, adata))
    kinds = {each.key: (each.n_features, each.kind) for each in summary.matrices}
    assert kinds == {
        "X": (20, "logged"),
        "layers/counts": (20, "counts"),
        "obsm/X_pca": (5, "real"),
        "obsm/table": (1, "unusable"),
        "raw": (40, "counts"),
    }
    assert summary.matrix("obsm/X_pca").feature_names[0] == "X_pca_1"
    assert summary.findings == ()
    assert (summary.n_cells, summary.n_features) == (60, 20)


def test_a_stack_in_obsm_and_flat_pixels_in_x_are_images(tmp_path):
    stack = np.random.default_rng(0).integers(0, 256, (60, 3, 5, 7), dtype=np.uint8)
    adata = good_adata(stack.reshape(60, -1))
    adata.uns["image_shape"] = np.array([3, 5, 7])
    adata.obsm["photos"] = stack / 255
    path = write(tmp_path, adata)
    summary = look(path)
    assert {each.key: each.size_text for each in summary.matrices} == {
        "X": "images, 3 × 5 × 7",
        "obsm/photos": "images, 3 × 5 × 7",
    }
    assert summary.findings == ()
    source, _ = open_source(path, "a.h5ad", text_columns=(), memory_mb=1024)
    for key, expected in (("X", stack), ("obsm/photos", stack / 255)):
        assert np.array_equal(source.whole(key), expected.reshape(60, -1))
        assert np.array_equal(np.vstack(list(source.rows(key, 500))), expected.reshape(60, -1))
    assert source.var_names("obsm/photos")[-1] == "photos c2 y04 x06"
    copied = anndata.read_h5ad(
        copy_into(DataSpec(path=str(path), label_key="cell_type", matrix="obsm/photos"), tmp_path / "copy.h5ad")
    )
    assert tuple(copied.uns["image_shape"]) == (3, 5, 7)
    assert np.array_equal(copied.X, (stack / 255).reshape(60, -1))


def test_a_declared_shape_that_does_not_fit_makes_no_images(tmp_path):
    adata = good_adata()
    adata.uns["image_shape"] = np.array([3, 5, 7])
    assert look(write(tmp_path, adata)).matrix("X").size_text == "20 features"


def test_columns_of_every_type_are_summarised(tmp_path):
    adata = good_adata(
        number=np.tile([1, 2], 30),
        flag=np.tile([True, False], 30),
        maybe=pd.array([1, None] * 30, dtype="Int64"),
        yes=pd.array([True, None] * 30, dtype="boolean"),
        score=np.linspace(0, 1, 60),
        text=[f"t{i % 4}" for i in range(60)],
        barcode=[f"AAAC{i}" for i in range(60)],
    )
    summary = look(write(tmp_path, adata))
    assert dict(summary.column("cell_type").counts) == {"B cell": 20, "Mono": 20, "T cell": 20}
    assert {each.name: each.kind for each in summary.columns} == {
        "cell_type": "text",
        "number": "whole numbers",
        "flag": "true or false",
        "maybe": "whole numbers",
        "yes": "true or false",
        "score": "decimal numbers",
        "text": "text",
        "barcode": "text",
    }
    assert [each.name for each in summary.label_candidates] == ["cell_type", "number", "flag", "text"]
    assert summary.column("maybe").n_missing == 30
    assert "only one label" in summary.column("maybe").note
    assert "every cell has its own value" in summary.column("barcode").note


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([None], "has no label column kind; available: cell_type."),
        (np.linspace(0, 1, 60), "continuous decimal numbers"),
        ([f"c{i}" for i in range(60)], "every cell has its own value"),
        (["a"] * 60, "only one label, a"),
    ],
    ids=["missing", "continuous", "unique", "single"],
)
def test_unsuitable_label_column_is_refused_by_name(tmp_path, values, words):
    columns = {} if len(values) == 1 else {"kind": values}
    assert words in refusal(write(tmp_path, good_adata(**columns)), label_key="kind")


def test_labels_of_the_columns_of_a_transposed_matrix_are_said_to_be_there(tmp_path):
    adata = good_adata()
    turned = anndata.AnnData(adata.X.T, obs=pd.DataFrame(index=adata.var_names), var=adata.obs)
    said = refusal(write(tmp_path, turned), label_key="cell_type")
    assert "there are no annotation columns" in said
    assert "describes the columns of the matrix (var): transpose it if those are cells" in said
    assert "Load the labels from a second file" in refusal(write(tmp_path, turned), label_key="elsewhere")


def test_missing_labels_are_counted(tmp_path):
    summary = look(write(tmp_path, good_adata(kind=pd.Categorical(["a", "b", None] * 20))), label_key="kind")
    assert "20 of 60 cells have no label (missing)" in warnings_of(summary)
    assert "nan" not in summary.column("kind").counts


def test_unusable_values_are_refused(tmp_path):
    X = COUNTS.copy()
    X[3, 4] = np.nan
    assert "1 missing (NaN) value in 1 of 20 features: GENE4 (1); the first in cell cell3" in refusal(
        write(tmp_path, good_adata(X))
    )
    duplicated = good_adata()
    duplicated.obs_names = ["c0", "c0", *duplicated.obs_names[2:]]
    assert "1 cell name used more than once" in refusal(write(tmp_path, duplicated))
    assert "has only 1 feature" in refusal(write(tmp_path, good_adata(COUNTS[:, :1])))


def test_bad_x_does_not_hide_a_good_layer(tmp_path):
    adata = good_adata(np.where(COUNTS == 0, np.nan, COUNTS))
    adata.layers["counts"] = COUNTS
    path = write(tmp_path, adata)
    summary = look(path)
    assert any(each.code == "PM-M01" for each in summary.findings)
    assert summary.matrix("layers/counts").findings == ()
    assert look(path, matrix="layers/counts").findings == ()
    assert "missing (NaN)" in refusal(path, matrix="X")
    assert "has no matrix layers/spliced; it has X, layers/counts" in refusal(path, matrix="layers/spliced")


def test_fewer_cells_than_features_and_zero_variance_are_reported(tmp_path):
    X = COUNTS[:15].copy()
    X[:, 2] = 1
    warnings = warnings_of(look(write(tmp_path, good_adata(X))))
    assert "more features than cells (20 features, 15 cells)" in warnings
    assert "1 feature of 20 constant" in warnings
    assert "only 15 cells" in warnings


def test_no_matrix_at_all_is_refused(tmp_path):
    path = broken(write(tmp_path), lambda file: file.__delitem__("X"))
    assert "holds no matrix: X is empty" in refusal(path)


def test_repeated_sparse_entries_are_summed_and_reported(tmp_path):
    path = write(tmp_path)
    with h5py.File(path) as file:
        indices = file["X/indices"][...]
    indices[1] = indices[0]
    summary = look(broken(path, replaced("X/indices", indices)))
    assert "sparse entries are unsorted or repeated" in warnings_of(summary)


def test_old_layouts_are_decoded_and_reported(tmp_path):
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = COUNTS
        obs = np.zeros(60, dtype=[("index", "S10"), ("cell_type", "i1")])
        obs["index"] = [f"cell{i}" for i in range(60)]
        obs["cell_type"] = np.tile([0, 1], 30)
        file["obs"] = obs
        file["var"] = np.array([(f"G{i}",) for i in range(20)], dtype=[("index", "S10")])
        file["uns/cell_type_categories"] = np.array([b"B cell", b"T cell"])
    summary = look(path)
    assert dict(summary.column("cell_type").counts) == {"B cell": 30, "T cell": 30}
    assert "written by an old version of anndata" in warnings_of(summary)


def test_layout_of_anndata_0_7_is_decoded(tmp_path):
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = COUNTS
        for table, names in (("obs", [f"cell{i}" for i in range(60)]), ("var", [f"G{i}" for i in range(20)])):
            group = file.create_group(table)
            group.attrs.update({"_index": "_index", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
            group["_index"] = np.array(names, dtype=object)
        file["obs"].attrs["column-order"] = np.array(["cell_type"], dtype=object)
        texts = file.create_dataset("obs/__categories/cell_type", data=np.array(["B cell", "T cell"], dtype=object))
        codes = file.create_dataset("obs/cell_type", data=np.tile([0, 1, -1], 20).astype(np.int8))
        codes.attrs["categories"] = texts.ref
    column = look(path).column("cell_type")
    assert dict(column.counts) == {"B cell": 20, "T cell": 20}
    assert column.n_missing == 20
    assert [each.name for each in look(path).columns] == ["cell_type"]
