"""loom files by their specification (loompy writes the same groups): cells are rows here, and everything reads back."""

import h5py
import numpy as np
import pytest

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import COUNTS, broken, good_adata, look, refusal, warnings_of

TEXT = h5py.string_dtype()
CELLS = [f"cell{i}" for i in range(60)]
GENES = [f"GENE{i}" for i in range(20)]
IDS = [f"ENSG{i:011d}" for i in range(20)]
PCA = np.random.default_rng(0).normal(size=(60, 3))


def write(folder, *, genes=GENES, **more):
    """As loompy's create writes it, with the attributes and layers of scVelo and SCope."""
    path = folder / "a.loom"
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=COUNTS.T, chunks=(8, 16), compression="gzip")
        file.create_dataset("layers/spliced", data=COUNTS.T / 2)
        for place, names in (("col_attrs/CellID", CELLS), ("row_attrs/Gene", genes), ("row_attrs/Accession", IDS)):
            file.create_dataset(place, data=names, dtype=TEXT)
        file.create_dataset("col_attrs/cell_type", data=good_adata().obs["cell_type"].tolist(), dtype=TEXT)
        file["col_attrs/n_umi"] = COUNTS.sum(1)
        file["col_attrs/X_pca"] = PCA
        file["col_attrs/Embedding"] = np.array([tuple(each) for each in PCA[:, :2]], dtype=[("_X", "f4"), ("_Y", "f4")])
        file.create_group("row_graphs"), file.create_group("col_graphs")
        file.create_dataset("attrs/LOOM_SPEC_VERSION", data="3.0.0", dtype=TEXT)
        for place, values in more.items():
            file[place] = values
    return path


def test_everything_reads_back_with_cells_in_rows(tmp_path):
    path = write(tmp_path)
    summary = look(path)
    assert (summary.format, summary.n_cells, summary.n_features, summary.findings) == ("loom", 60, 20, ())
    assert {each.key: each.n_features for each in summary.matrices} == {
        "X": 20, "layers/spliced": 20, "obsm/X_pca": 3, "obsm/Embedding": 2,
    }  # fmt: skip
    assert summary.matrix("obsm/Embedding").feature_names == ("Embedding_X", "Embedding_Y")
    assert [each.name for each in summary.columns] == ["cell_type", "n_umi"]
    source, _ = open_source(path, "a.loom", text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X"), COUNTS)
    rows = list(source.rows("X", 100))
    assert len(rows) == 4
    assert np.array_equal(np.vstack(rows), COUNTS)
    assert np.array_equal(source.whole("layers/spliced"), COUNTS / 2)
    assert np.array_equal(source.whole("obsm/X_pca"), PCA)
    assert np.allclose(source.whole("obsm/Embedding"), PCA[:, :2])
    assert {name: xy.shape for name, xy in source.embeddings("X").items()} == {"X_pca": (60, 2), "Embedding": (60, 2)}
    assert (source.obs_names, source.var_names("X"), source.feature_ids("X")) == (CELLS, GENES, IDS)
    source.close()


def test_genes_of_one_name_get_their_ids_and_a_copy_has_them(tmp_path):
    import anndata

    path = write(tmp_path, genes=["TBCE", "TBCE", *GENES[2:]])
    copied = anndata.read_h5ad(copy_into(DataSpec(path=str(path), label_key="cell_type"), tmp_path / "copy.h5ad"))
    assert copied.var_names[:3].tolist() == [f"TBCE ({IDS[0]})", f"TBCE ({IDS[1]})", "GENE2"]
    assert copied.var["feature_id"].tolist() == IDS
    assert np.array_equal(copied.X, COUNTS)


def without(place):
    def change(file):
        del file[place]

    return change


def shortened(place):
    def change(file):
        values = file[place][:-3]
        del file[place]
        file[place] = values

    return change


DAMAGE = {
    "no cell names": (without("col_attrs/CellID"), "without names of cells: col_attrs has none of CellID"),
    "no matrix": (without("matrix"), "without its matrix"),
    "matrix of other cells": (shortened("matrix"), "17 columns for 20 feature names"),
    "column of another length": (shortened("col_attrs/cell_type"), "57 for 60 rows"),
    "no genes": (
        lambda file: (without("row_attrs/Gene")(file), without("row_attrs/Accession")(file)),
        "names of genes",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_files_are_refused_in_words(tmp_path, case):
    change, words = DAMAGE[case]
    assert words in refusal(broken(write(tmp_path), change), matrix="X")


def test_a_damaged_column_is_left_out_and_told(tmp_path):
    path = broken(write(tmp_path), shortened("col_attrs/n_umi"))
    assert "n_umi has size 57 for 60 rows" in warnings_of(look(path))
