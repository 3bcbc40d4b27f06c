"""Names of features: symbols where the index holds ids, both kept; lists of uns that name the columns of an array."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.feature_names import choose_names, naming_list, with_ids
from psmatch_core.data.modality import Modality
from psmatch_core.pipeline import result_files
from tests.data.readers.made_files import COUNTS, good_adata

SYMBOLS = [f"GENE{i}" for i in range(20)]
IDS = {
    "human": [f"ENSG{i:011d}" for i in range(20)],
    "mouse with versions": [f"ENSMUSG{i:011d}.{i}" for i in range(20)],
    "fly": [f"FBgn{i:07d}" for i in range(20)],
    "row numbers": [str(i) for i in range(20)],
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
@pytest.mark.parametrize("column", ["feature_name", "gene_symbols", "gene_short_name", "Symbol"])
def test_symbols_are_the_names_and_ids_stay_beside_them(ids, column):
    found = choose_names(ids, {column: pd.Series(SYMBOLS, dtype="category"), "biotype": ["x"] * 20})
    assert (found.names, found.ids) == (SYMBOLS, ids)


def test_a_gene_without_a_symbol_keeps_its_id_and_a_shared_symbol_gets_it():
    ids = IDS["human"]
    for missing in (None, np.nan, pd.NA, ""):
        symbols = [missing, "TBCE", "TBCE", *SYMBOLS[3:]]
        names = choose_names(ids, {"feature_name": symbols}).names
        assert names[:4] == [ids[0], f"TBCE ({ids[1]})", f"TBCE ({ids[2]})", "GENE3"]


def test_names_stay_where_the_index_holds_names():
    assert choose_names(SYMBOLS, {"feature_name": IDS["human"]}).names == SYMBOLS
    assert choose_names(SYMBOLS, {"gene_ids": IDS["human"]}).ids == IDS["human"]
    assert choose_names(IDS["human"], {"feature_name": IDS["fly"]}).names == IDS["human"]
    assert choose_names(IDS["human"], {}) == choose_names(IDS["human"], {"feature_name": ["a"]})


def test_a_list_of_uns_names_an_array_by_its_first_word_or_where_it_is_the_only_one():
    assert naming_list("protein_counts", 24, {"protein_names": 24, "gene_names": 24}) == "protein_names"
    assert naming_list("X_adt", 24, {"adt.features": 24, "gene_names": 24}) == "adt.features"
    assert naming_list("adt", 24, {"protein_names": 24, "gene_names": 120, "colors": 24}) == "protein_names"
    assert naming_list("adt", 24, {"protein_names": 24, "gene_names": 24}) is None
    assert naming_list("X_pca", 24, {"protein_names": 24}) is None
    assert naming_list("adt", 24, {"protein_names": 25}) is None
    assert naming_list("spatial", 2, {"protein_names": 2}) is None
    assert naming_list("adt", 2, {"condition_names": 2, "cell_type_labels": 2}) is None
    assert naming_list("adt", 2, {"condition_names": 2, "marker_names": 2}) == "marker_names"


def annotated(**columns):
    adata = good_adata()
    adata.var = pd.DataFrame({"feature_name": SYMBOLS}, index=IDS["human"])
    adata.obsm["protein"] = pd.DataFrame(
        {"CD3": COUNTS[:, 0], "CD4": COUNTS[:, 1], "note": ["x"] * 60}, index=adata.obs_names
    )
    adata.obsm["adt"] = COUNTS[:, :3].copy()
    adata.uns["adt_names"] = ["CD3", "CD4", "CD8"]
    return adata


def test_python_sees_the_same_names_and_a_column_of_text_is_told():
    adata = annotated()
    modality = Modality.from_anndata(adata, label_key="cell_type", name="RNA")
    assert modality.var_names.tolist() == SYMBOLS
    assert modality.feature_ids.tolist() == IDS["human"]
    assert Modality.from_anndata(adata, label_key="cell_type", name="P", matrix="obsm/adt").var_names[2] == "CD8"
    protein = Modality.from_anndata(adata, label_key="cell_type", name="P", matrix="obsm/protein")
    assert protein.var_names.tolist() == ["CD3", "CD4"]
    assert np.array_equal(protein.X, COUNTS[:, :2])
    assert any(each.code == "PM-F71" and "1 column without numbers left out: note" in each.problem
               for each in protein.findings)  # fmt: skip


def test_ids_follow_their_features_through_a_choice_and_a_file(tmp_path):
    modality = Modality.from_anndata(annotated(), label_key="cell_type", name="RNA")
    chosen = modality.with_features(modality.X[:, [3, 1]], modality.var_names[[3, 1]])
    assert chosen.feature_ids.tolist() == [IDS["human"][3], IDS["human"][1]]
    assert modality.with_features(modality.X[:, :2], ["PC1", "PC2"]).feature_ids is None
    path = tmp_path / "m.npz"
    result_files.save(chosen, path)
    again = result_files.load_modality(path)
    assert again.feature_ids.tolist() == chosen.feature_ids.tolist()
    assert again.fingerprint == chosen.fingerprint


def test_a_table_gets_the_ids_behind_the_names():
    table = with_ids(pd.DataFrame({"feature": ["all", "A"], "r2": [0.5, 0.2]}), {"A": "ENSG01"})
    assert list(table.columns) == ["feature", "feature_id", "r2"]
    assert table["feature_id"].tolist() == ["", "ENSG01"]
    assert list(with_ids(pd.DataFrame({"feature": ["A"]}), {}).columns) == ["feature"]
