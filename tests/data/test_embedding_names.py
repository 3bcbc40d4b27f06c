"""Which matrices and columns place cells: embeddings and positions of every kind, and no plate, dose or feature."""

from __future__ import annotations

import pytest

from psmatch_core.data.embedding_names import coordinate_columns, is_embedding


@pytest.mark.parametrize(
    ("name", "n_columns"),
    [("X_umap", 2), ("UMAP", 2), ("X_pca", 50), ("PCA", 30), ("spatial", 2), ("spatial3d", 3), ("X_scVI", 10),
     ("X_draw_graph_fa", 2), ("wnn.umap", 2), ("lsi", 40), ("my map", 2)],
)  # fmt: skip
def test_an_embedding_is_known_by_its_name_or_its_few_columns(name: str, n_columns: int) -> None:
    assert is_embedding(name, n_columns)


@pytest.mark.parametrize(
    ("name", "n_columns"), [("protein_expression", 25), ("X_umap", 1), ("counts", 2000), ("X_features", 1500)]
)
def test_features_in_obsm_are_no_embedding(name: str, n_columns: int) -> None:
    assert not is_embedding(name, n_columns)


@pytest.mark.parametrize(
    "pair",
    [("UMAP_1", "UMAP_2"), ("umap-1", "umap-2"), ("UMAP1", "UMAP2"), ("wnnUMAP_1", "wnnUMAP_2"), ("tSNE_1", "tSNE_2"),
     ("x", "y"), ("X", "Y"), ("x_centroid", "y_centroid"), ("CenterX", "CenterY"), ("pos.x", "pos.y"),
     ("array_col", "array_row"), ("pxl_col_in_fullres", "pxl_row_in_fullres"), ("CenterX_px", "CenterY_px"),
     ("PC_1", "PC_2")],
)  # fmt: skip
@pytest.mark.parametrize("is_reversed", [False, True])
def test_two_columns_that_place_cells_are_found_in_any_order(pair: tuple[str, str], is_reversed: bool) -> None:
    names = ["n_counts", *(pair[::-1] if is_reversed else pair), "batch"]
    assert list(coordinate_columns(names).values()) == [pair]


@pytest.mark.parametrize(
    "names", [["plate_1", "plate_2"], ["dose 1", "dose 2"], ["x"], ["row"], ["guide_1", "guide_2"]]
)
def test_numbered_and_single_columns_place_nothing(names: list[str]) -> None:
    assert coordinate_columns(names) == {}
