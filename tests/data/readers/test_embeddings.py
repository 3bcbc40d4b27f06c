"""Maps that come with the cells: found in every format that can hold them, with the cells that are used, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest

from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.clean_copy import read_copy
from psmatch_core.workspace import files
from psmatch_core.workspace.predictions import load_embeddings, save_embeddings
from psmatch_core.workspace.run_folder import RunFolder
from tests.conftest import make_adata

N = 40


@pytest.fixture
def adata() -> anndata.AnnData:
    adata, draw = make_adata(n=N), np.random.default_rng(0)
    adata.obsm["X_umap"] = draw.normal(size=(N, 2)).astype(np.float32)
    adata.obsm["X_pca"] = draw.normal(size=(N, 20))
    adata.obsm["spatial"] = draw.integers(0, 5000, size=(N, 2))
    adata.obsm["protein_expression"] = draw.poisson(3, size=(N, 12)).astype(np.float32)  # features, not a place
    adata.obs["depth"] = draw.integers(1, 9, size=N)
    return adata


def as_h5ad(adata: anndata.AnnData, folder: Path) -> Path:
    adata.write_h5ad(folder / "cells.h5ad")
    return folder / "cells.h5ad"


def as_zarr(adata: anndata.AnnData, folder: Path) -> Path:
    adata.write_zarr(folder / "cells.zarr")
    return folder / "cells.zarr"


def checked(path: Path, folder: Path, **settings: object) -> Modality:
    spec = DataSpec(path=str(path), label_key="label", **settings)  # type: ignore[arg-type]
    copy_into(spec, folder / "copy.h5ad")
    return Modality.from_checked(read_copy(folder / "copy.h5ad", spec), spec, "RNA")


@pytest.mark.parametrize("write", [as_h5ad, as_zarr])
def test_a_file_keeps_the_maps_of_its_cells(
    adata: anndata.AnnData, tmp_path: Path, write: Callable[[anndata.AnnData, Path], Path]
) -> None:
    found = checked(write(adata, tmp_path), tmp_path).embeddings
    assert set(found) == {"X_umap", "X_pca", "spatial"}
    for name, xy in found.items():
        assert xy == pytest.approx(np.asarray(adata.obsm[name])[:, :2], rel=1e-6)


def test_an_object_in_memory_has_the_same_maps(adata: anndata.AnnData, tmp_path: Path) -> None:
    here = Modality.from_anndata(adata, label_key="label", name="RNA").embeddings
    assert set(here) == {"X_umap", "X_pca", "spatial"}
    assert here["X_pca"] == pytest.approx(adata.obsm["X_pca"][:, :2])


def test_maps_follow_the_cells_that_are_used(adata: anndata.AnnData, tmp_path: Path) -> None:
    """By a rule, by a missing label, and by a selection later on."""
    adata.obs["label"] = adata.obs["label"].astype(object)
    adata.obs.iloc[3, adata.obs.columns.get_loc("label")] = None
    path = as_h5ad(adata, tmp_path)
    found = checked(path, tmp_path, cells=("depth > 4",), missing_labels="drop")
    kept = np.flatnonzero((adata.obs["depth"] > 4).to_numpy() & (np.arange(N) != 3))
    assert found.embeddings["X_umap"] == pytest.approx(adata.obsm["X_umap"][kept])
    fewer = found.select(np.arange(kept.size) % 2 == 0, "every other")
    assert fewer.embeddings["spatial"] == pytest.approx(adata.obsm["spatial"][kept[::2]])


def test_the_matrix_that_holds_the_features_is_no_map(adata: anndata.AnnData, tmp_path: Path) -> None:
    assert set(checked(as_h5ad(adata, tmp_path), tmp_path, matrix="obsm/X_pca").embeddings) == {"X_umap", "spatial"}


def test_maps_change_neither_fingerprint_nor_equality_of_what_is_matched(adata: anndata.AnnData) -> None:
    with_maps = Modality.from_anndata(adata, label_key="label", name="RNA")
    for name in list(adata.obsm):
        del adata.obsm[name]
    assert Modality.from_anndata(adata, label_key="label", name="RNA").fingerprint == with_maps.fingerprint


def test_a_run_keeps_them_and_finds_pairs_of_columns_too(adata: anndata.AnnData, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    modality = Modality.from_anndata(adata, label_key="label", name="RNA")
    save_embeddings(folder, "source", modality)
    columns = adata.obs[["depth"]].assign(tSNE_1=np.arange(N) * 1.5, tSNE_2=-np.arange(N), plate_1=1, plate_2=2)
    files.COLUMNS.write(folder, columns, which="source")
    found = load_embeddings(folder, "source")
    assert set(found) == {"X_umap", "X_pca", "spatial", "t_sne"}
    assert found["X_umap"] == pytest.approx(adata.obsm["X_umap"])
    assert found["t_sne"] == pytest.approx(np.column_stack([np.arange(N) * 1.5, -np.arange(N)]))
    assert load_embeddings(folder, "target") == {}
