"""Types of features: those of assays are recognised however they are spelled, and nothing else is taken for one."""

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.feature_types import check_feature_types, kind_of_type, types_of_features
from psmatch_core.data.modality import Modality
from tests.conftest import make_adata


@pytest.mark.parametrize(
    ("kind", "names"),
    {
        "genes": ["Gene Expression", "gene_expression", "GEX", "rna", "RNA", "scRNA"],
        "proteins": ["Antibody Capture", "ADT", "protein", "Antibody-derived tags", "ab"],
        "guides": ["CRISPR Guide Capture", "crispr", "sgRNA", "gRNA", "guides", "GDO"],
        "tags": ["Multiplexing Capture", "HTO", "hashtag oligos", "CMO", "CellPlex"],
        "peaks": ["Peaks", "ATAC", "chromatin accessibility"],
        "antigens": ["Antigen Capture"],
        "others": ["Custom"],
        "": ["protein_coding", "lncRNA", "pseudogene", "snoRNA", "TRUE", "", "highly variable", "gene", "chr1"],
    }.items(),
)
def test_types_are_recognised_by_a_grammar(kind, names):
    assert {kind_of_type(each) for each in names} == {kind}


@pytest.mark.parametrize("column", ["feature_types", "feature_type", "modality"])
def test_only_columns_with_two_kinds_are_types(column):
    types = ["Gene Expression", "Antibody Capture", "Custom"]
    assert types_of_features({column: types}) == types
    assert types_of_features({column: pd.Categorical([*types[:2], None])}) == [*types[:2], "without a type"]
    assert types_of_features({column: ["Gene Expression"] * 3}) == ["Gene Expression"] * 3
    assert types_of_features({column: ["protein_coding", "lncRNA", "protein_coding"]}) is None
    assert types_of_features({"something else": types}) is None


def test_guides_and_tags_are_named_as_what_gives_labels_away():
    (found,) = check_feature_types(["Peaks"] * 3 + ["Gene Expression"] * 2, name="one.h5ad")
    assert found.code == "PM-F37"
    assert "one.h5ad holds 2 types of features in one matrix: Peaks 3, Gene Expression 2." in found.problem
    assert "give the label away" not in found.problem
    for naming in ("CRISPR Guide Capture", "HTO"):
        (found,) = check_feature_types(["Gene Expression", naming], name="one.h5ad")
        assert f"{naming} can give the label away: it says which guide or tag a cell has." in found.problem
    for types in ([], ["Peaks"] * 3, ["rna", "lncRNA", "protein_coding"]):
        assert check_feature_types(types, name="one.h5ad") == ()


def test_an_annotated_object_is_told_as_a_file_is():
    adata = make_adata(n=60)
    types = ["Gene Expression"] * (adata.n_vars - 1) + ["CRISPR Guide Capture"]
    adata.var["feature_types"] = types

    def codes(**how):
        return [each.code for each in Modality.from_anndata(adata, label_key="label", name="RNA", **how).findings]

    assert codes().count("PM-F37") == 1
    adata.obsm["X_pca"] = np.random.default_rng(0).normal(size=(60, 5))
    assert "PM-F37" not in codes(matrix="obsm/X_pca")
    adata.raw = anndata.AnnData(X=adata.X, obs=adata.obs, var=adata.var)
    adata.var = adata.var.drop(columns="feature_types")
    assert "PM-F37" not in codes()
    assert "PM-F37" in codes(matrix="raw")
