"""A file with several types of features: all together with a finding, or one type as if it were alone in the file."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, copy_into, inspect_file

TYPES = ["Gene Expression"] * 5 + ["Antibody Capture"] * 3 + ["CRISPR Guide Capture"] * 2


@pytest.fixture(params=["sparse", "dense"])
def file(request, tmp_path):
    """60 cells of which every matrix has all types in mixed order, and raw only genes."""
    rng = np.random.default_rng(3)
    order = rng.permutation(len(TYPES))
    X = rng.poisson(3.0, (60, len(TYPES))).astype(np.float32)
    wrap = sparse.csr_matrix if request.param == "sparse" else np.asarray
    names = [f"{TYPES[at][0]}{at}" for at in order]
    var = pd.DataFrame({"feature_types": [TYPES[at] for at in order], "gene_ids": [f"id{at}" for at in order]}, names)
    obs = pd.DataFrame({"label": np.array(["A", "B"])[np.arange(60) % 2]}, [f"c{i}" for i in range(60)])
    adata = anndata.AnnData(wrap(X), obs, var, layers={"twice": wrap(2 * X)}, obsm={"X_pca": X[:, :2].copy()})
    genes = adata[:, adata.var["feature_types"] == "Gene Expression"].copy()
    adata.raw = genes
    adata.write_h5ad(tmp_path / "all.h5ad")
    return adata, tmp_path / "all.h5ad"


def spec_of(path, **how):
    return DataSpec(path=str(path), label_key="label", **how)


def test_all_types_together_are_told(file):
    summary = inspect_file(spec_of(file[1]))
    assert summary.n_features == 10
    assert {each.name: each.n_features for each in summary.parts} == {
        "Gene Expression": 5, "Antibody Capture": 3, "CRISPR Guide Capture": 2,
    }  # fmt: skip
    assert [each.code for each in summary.findings].count("PM-F37") == 1


@pytest.mark.parametrize("part", sorted(set(TYPES)))
@pytest.mark.parametrize("matrix", ["X", "layers/twice"])
def test_one_type_is_read_as_if_it_were_alone(file, tmp_path, part, matrix):
    adata, path = file
    spec = spec_of(path, part=part, matrix=matrix)
    summary = inspect_file(spec)
    kept = np.asarray(adata.var["feature_types"] == part)
    assert summary.n_features == kept.sum()
    assert len(summary.parts) == 3
    assert "PM-F37" not in [each.code for each in summary.findings]
    copied = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert copied.var_names.tolist() == adata.var_names[kept].tolist()
    assert copied.var["feature_id"].tolist() == adata.var["gene_ids"][kept].tolist()
    expected = (adata.X if matrix == "X" else adata.layers["twice"])[:, kept]
    dense = expected.toarray() if sparse.issparse(expected) else expected
    read = Modality.from_anndata(copied, label_key="label", name="one").X
    assert np.array_equal(read.toarray() if sparse.issparse(read) else read, dense)


def test_matrices_without_this_type_are_not_offered_and_those_without_types_stay(file):
    _, path = file
    keys = [each.key for each in inspect_file(spec_of(path, part="Antibody Capture")).matrices]
    assert set(keys) == {"X", "layers/twice", "obsm/X_pca"}
    keys = [each.key for each in inspect_file(spec_of(path, part="Gene Expression")).matrices]
    assert "raw" in keys


def test_a_type_that_is_not_there_is_refused_with_those_that_are(file):
    with pytest.raises(PsmatchError, match="has no modality Peaks; it has Gene Expression") as caught:
        inspect_file(spec_of(file[1], part="Peaks"))
    assert caught.value.code == "PM-F48"


def test_types_of_one_kind_make_no_parts(tmp_path):
    var = pd.DataFrame({"feature_type": ["protein_coding", "lncRNA"] * 3}, [f"g{i}" for i in range(6)])
    obs = pd.DataFrame({"label": ["A", "B"] * 30}, [f"c{i}" for i in range(60)])
    anndata.AnnData(np.random.default_rng(0).normal(size=(60, 6)), obs, var).write_h5ad(tmp_path / "one.h5ad")
    summary = inspect_file(spec_of(tmp_path / "one.h5ad"))
    assert summary.parts == ()
    assert "PM-F37" not in [each.code for each in summary.findings]
