"""Cells chosen by rule and labels of several columns: in the summary, in the copy, and in every matrix of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.pipeline.inputs import read_input
from tests.data.readers.made_files import look

N = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    obs = pd.DataFrame(
        {
            "drug": np.array(["SAHA", "Trametinib", "Vehicle"])[np.arange(N) % 3],
            "dose": np.where(np.arange(N) % 3 == 2, 0.0, np.where(np.arange(N) % 2, 10.0, 100.0)),
            "fraction": np.arange(N) / N,
            "donor": np.array(["D1", "D2"])[np.arange(N) // 30],
        },
        index=[f"cell{i}" for i in range(N)],
    )
    adata = anndata.AnnData(sparse.csr_matrix(draw.poisson(3, (N, 8)).astype(np.float32)), obs=obs)
    adata.layers["dense"] = draw.normal(size=(N, 8))
    adata.obsm["X_pca"] = draw.normal(size=(N, 3))
    adata.write_h5ad(tmp_path / "screen.h5ad")
    return tmp_path / "screen.h5ad"


def test_the_rules_reach_every_matrix_column_and_count(path: Path) -> None:
    summary = look(path, "drug", cells=("fraction >= 0.25", "donor = D1"))
    assert summary.n_cells == 15
    assert summary.cell_names[0] == "cell15"
    assert not any(each.kind == "unusable" for each in summary.matrices)
    assert sum(summary.column("drug").counts.values()) == 15
    (said,) = [each for each in summary.findings if each.code == "PM-C04"]
    assert "45 cells of 60 left out by rule: 15 by fraction >= 0.25; 30 by donor = D1" in said.problem


@pytest.mark.parametrize("matrix", ["X", "layers/dense", "obsm/X_pca"])
def test_the_copy_holds_the_rows_of_the_chosen_cells(path: Path, tmp_path: Path, matrix: str) -> None:
    whole = anndata.read_h5ad(path)[15:30]
    spec = DataSpec(str(path), label_key="drug", matrix=matrix, cells=("fraction >= 0.25", "donor = D1"))
    copy = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    expected = {"X": whole.X, "layers/dense": whole.layers["dense"], "obsm/X_pca": whole.obsm["X_pca"]}[matrix]
    dense = [each.toarray() if sparse.issparse(each) else np.asarray(each) for each in (copy.X, expected)]
    np.testing.assert_array_equal(*dense)
    assert copy.obs_names.tolist() == whole.obs_names.tolist()


def test_every_cell_left_out_is_listed_with_its_rule(path: Path) -> None:
    modality = read_input(DataSpec(str(path), label_key="drug", cells=("donor = D2",)), side="source")
    assert modality.n_cells + len(modality.excluded) == N
    assert modality.excluded[0] == ("cell0", "it does not meet the rule donor = D2")


def test_a_label_of_two_columns(path: Path) -> None:
    summary = look(path, "drug", label_with=("dose",))
    assert summary.label_key == "drug × dose"
    expected = {"SAHA | 100": 10, "SAHA | 10": 10, "Trametinib | 10": 10, "Trametinib | 100": 10, "Vehicle | 0": 20}
    assert summary.column("drug × dose").counts == expected
    modality = read_input(DataSpec(str(path), label_key="drug", label_with=("dose",)), side="source")
    assert modality.label_counts == expected
    assert modality.label_key == "drug × dose"


def test_numbers_of_two_files_make_the_same_label(path: Path, tmp_path: Path) -> None:
    adata = anndata.read_h5ad(path)
    adata.obs["dose"] = [f"{each:.1f}" for each in adata.obs["dose"]]
    adata.write_h5ad(tmp_path / "text.h5ad")
    counts = [
        look(each, "drug", label_with=("dose",)).column("drug × dose").counts for each in (path, tmp_path / "text.h5ad")
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"cells": ("fraction > 2",)}, "no cell meets the rules"),
        ({"cells": ("frac > 2",)}, "no column frac"),
        ({"label_with": ("conc",)}, "no label column conc"),
    ],
)
def test_what_cannot_be_done_is_told(path: Path, settings: dict, what: str) -> None:
    with pytest.raises(PsmatchError, match=what):
        look(path, "drug", **settings)


def with_dose(path: Path, dose: object) -> Path:
    """The same file with other doses."""
    adata = anndata.read_h5ad(path)
    adata.obs["dose"] = dose
    adata.write_h5ad(path)
    return path


@pytest.mark.parametrize("as_text", [False, True])
def test_a_control_without_any_dose_keeps_its_label(path: Path, as_text: bool) -> None:
    doses = np.where(np.arange(N) % 3 == 2, np.nan, 10.0)
    found = look(
        with_dose(path, ["" if np.isnan(each) else f"{each:g}" for each in doses] if as_text else doses),
        "drug",
        label_with=("dose",),
    )
    assert found.column("drug × dose").counts == {"SAHA | 10": 20, "Trametinib | 10": 20, "Vehicle": 20}
    (said,) = [each for each in found.findings if each.code == "PM-C09"]
    assert "of cells without dose, 20 (Vehicle 20) keep their label, since none of it has one" in said.problem
    assert "controls" in said.hint


def test_a_cell_without_the_dose_of_its_label_has_no_label(path: Path) -> None:
    doses = np.where(np.arange(N) % 3 == 2, np.nan, 10.0)
    doses[[0, 3, 1]] = np.nan  # two of SAHA, one of Trametinib
    with_dose(path, doses)
    found = look(path, "drug", label_with=("dose",))
    column = found.column("drug × dose")
    assert column.counts == {"Vehicle": 20, "Trametinib | 10": 19, "SAHA | 10": 18}
    assert column.n_missing == 3
    (said,) = [each.problem for each in found.findings if each.code == "PM-C09"]
    assert "3 (SAHA 2, Trametinib 1) have no label, since others of their label have it" in said
    assert "20 (Vehicle 20) keep their label" in said
    spec = DataSpec(str(path), label_key="drug", label_with=("dose",))
    with pytest.raises(PsmatchError, match="3 of 60 cells have no label"):
        read_input(spec, side="source")
    modality = read_input(replace(spec, missing_labels="drop"), side="source")
    assert modality.n_cells == N - 3
    assert {cell for cell, _ in modality.excluded} == {"cell0", "cell1", "cell3"}
    assert any(each.code == "PM-C09" for each in modality.findings)


def test_each_further_column_counts_by_itself(path: Path) -> None:
    adata = anndata.read_h5ad(path)
    adata.obs["time"] = np.where(np.arange(N) % 3 == 1, "", "24h")  # Trametinib has none
    adata.write_h5ad(path)
    counts = look(path, "drug", label_with=("dose", "time")).column("drug × dose × time").counts
    assert set(counts) == {
        "SAHA | 10 | 24h",
        "SAHA | 100 | 24h",
        "Trametinib | 10",
        "Trametinib | 100",
        "Vehicle | 0 | 24h",
    }


def test_a_dose_that_all_cells_have_says_nothing(path: Path) -> None:
    found = look(path, "drug", label_with=("dose",))
    assert not [each for each in found.findings if each.code == "PM-C09"]


def test_a_rule_on_a_feature_says_how_it_becomes_annotation(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"cell": [f"c{at}" for at in range(N)], "gene": ["A", "B"] * (N // 2)})
    frame["grna_frac"] = draw.uniform(size=N).round(2)
    frame[["CD3", "CD4"]] = draw.normal(size=(N, 2))
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(PsmatchError, match="grna_frac is a feature, and cells are chosen by annotation") as caught:
        look(tmp_path / "t.csv", "gene", cells=("grna_frac > 0.5",))
    assert "role annotation" in caught.value.hint
    found = look(tmp_path / "t.csv", "gene", cells=("grna_frac > 0.5",), roles=(("grna_frac", "annotation"),))
    assert found.n_cells == int((frame["grna_frac"] > 0.5).sum())
