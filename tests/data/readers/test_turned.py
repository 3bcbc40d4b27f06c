"""A file with cells in its columns is read turned where a table of labels shows it, and only there."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.inputs import read_input
from tests.data.readers.made_files import COUNTS, look, refusal, warnings_of

CELLS = [f"{each}-1" for each in ("".join("ACGT"[i // 4**k % 4] for k in range(16)) for i in range(60))]
GENES = [f"GENE{i}" for i in range(COUNTS.shape[1])]
KINDS = ["mock", "LPS", "IL4"] * 20


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    pd.DataFrame({"cell": CELLS, "kind": KINDS}).iloc[::-1].to_csv(path, index=False)
    return path


def genes_in_rows(place, form, cells=CELLS):
    turned = pd.DataFrame(COUNTS.T.astype(int), index=pd.Index(GENES, name="GENE"), columns=cells)
    path = place / f"counts.{form}"
    if form == "h5ad":
        obs, var = pd.DataFrame({"chromosome": "chr1"}, index=GENES), pd.DataFrame(index=cells)
        anndata.AnnData(sparse.csr_matrix(COUNTS.T.astype("f4")), obs=obs, var=var).write_h5ad(path)
    elif form == "parquet":
        turned.to_parquet(path)
    else:
        turned.to_csv(path, sep="\t" if "t" in form.partition(".")[0] else ",")
    return path


@pytest.mark.parametrize("form", ["csv", "txt.gz", "parquet", "h5ad"])
def test_the_values_are_those_of_the_file_with_cells_in_rows(tmp_path, labels, form):
    path = genes_in_rows(tmp_path, form)
    found = look(path, "kind", labels_path=labels)
    assert "it is read turned" in warnings_of(found)
    assert (found.n_cells, found.n_features) == (60, 20)
    assert dict(found.column("kind").counts) == {"mock": 20, "LPS": 20, "IL4": 20}
    modality = read_input(DataSpec(path=str(path), labels_path=str(labels), label_key="kind"), side="source")
    X = modality.X.toarray() if sparse.issparse(modality.X) else modality.X
    np.testing.assert_array_equal(X, COUNTS)
    assert list(modality.obs_names) == CELLS
    assert list(modality.var_names) == GENES
    assert list(modality.labels) == KINDS


def test_columns_of_a_gene_are_kept_as_its_columns(tmp_path, labels):
    path = genes_in_rows(tmp_path, "h5ad")
    modality = read_input(DataSpec(path=str(path), labels_path=str(labels), label_key="kind"), side="source")
    assert list(modality.var["chromosome"]) == ["chr1"] * 20


def test_an_ending_of_the_barcodes_does_not_hide_it(tmp_path, labels):
    found = look(genes_in_rows(tmp_path, "csv", [each[:-2] for each in CELLS]), "kind", labels_path=labels)
    assert "it is read turned" in warnings_of(found)
    assert dict(found.column("kind").counts) == {"mock": 20, "LPS": 20, "IL4": 20}


def test_nothing_is_turned_without_a_table_that_names_the_cells(tmp_path):
    path = genes_in_rows(tmp_path, "csv")
    assert "give a table with the labels of the cells" in warnings_of(look(path, label_key=""))
    other = tmp_path / "other.csv"
    other.write_text("cell,kind\n" + "".join(f"{each[::-1]}X,a\n" for each in CELLS))
    assert "No cell name of counts.csv" in refusal(path, label_key="kind", labels_path=other)


def test_a_table_of_genes_turns_no_file_with_cells_in_rows(tmp_path):
    data = tmp_path / "cells.csv"
    pd.DataFrame(COUNTS, index=CELLS, columns=GENES).to_csv(data)
    genes = tmp_path / "genes.csv"
    pd.DataFrame({"gene": GENES, "kind": ["a", "b"] * 10}).to_csv(genes, index=False)
    assert "No cell name of cells.csv" in refusal(data, label_key="kind", labels_path=genes)
