"""Parquet and feather: read back equal to what pandas and pyarrow wrote, with the cells named where they are."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from psmatch_core.data.readers import DataSpec, copy_into
from tests.data.readers.made_files import look, refusal, warnings_of

N = 30


def frame() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "Metadata_Plate": pd.Categorical(np.array(["P1", "P2"])[np.arange(N) % 2]),
            "Metadata_gene": np.array(["STAT1", "MYC", "NT"])[np.arange(N) % 3],
            "Metadata_time": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="D"),
            "is_control": np.arange(N) % 3 == 2,
            **{f"Cells_Texture_{i}": draw.normal(size=N).astype(np.float32) for i in range(3)},
            "Cells_Count_spots": pd.array([*range(N - 1), None], dtype="Int64"),
        }
    )


WRITERS = {
    "pandas, index counts": lambda path: frame().to_parquet(path),
    "pandas, named cells": lambda path: frame().set_index(pd.Index([f"c{i}" for i in range(N)])).to_parquet(path),
    "row groups": lambda path: parquet.write_table(
        pa.Table.from_pandas(frame(), preserve_index=False), path, row_group_size=7, compression="zstd"
    ),
    "feather": lambda path: frame().to_feather(path),
    "feather, uncompressed": lambda path: feather.write_feather(frame(), path, compression="uncompressed"),
    "a column of names": lambda path: (
        frame().assign(barcode=[f"c{i}" for i in range(N)])[["barcode", *frame().columns]].to_parquet(path, index=False)
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_was_written_is_read_back(tmp_path: Path, writer: str) -> None:
    path = tmp_path / "profiles.parquet"
    WRITERS[writer](path)
    summary = look(path, "Metadata_gene", bad_values="fill")
    assert (summary.format, summary.n_cells, summary.n_features) == ("parquet/feather", N, 4)
    assert summary.cell_names[0] == ("c0" if "name" in writer else "cell_1")
    assert summary.column("Metadata_gene").counts == {"MYC": 10, "NT": 10, "STAT1": 10}
    assert summary.column("Metadata_Plate").counts == {"P1": 15, "P2": 15}


def test_the_copy_holds_the_values(tmp_path: Path) -> None:
    path = tmp_path / "profiles.parquet"
    frame().to_parquet(path)
    spec = DataSpec(str(path), label_key="Metadata_gene", bad_values="drop features")
    copy = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert copy.var_names.tolist() == ["Cells_Texture_0", "Cells_Texture_1", "Cells_Texture_2"]
    np.testing.assert_array_equal(copy.X, frame()[copy.var_names.tolist()].to_numpy())


def test_columns_of_lists_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    frame().assign(outline=[[1.0, 2.0]] * N).to_parquet(path)
    summary = look(path, "Metadata_gene")
    assert any("1 column of lists left out: outline" in each.problem for each in summary.findings)


@pytest.mark.parametrize("cut", [0.3, 0.9])
@pytest.mark.parametrize("writer", ["pandas, index counts", "feather"])
def test_a_cut_table_is_refused(tmp_path: Path, cut: float, writer: str) -> None:
    path = tmp_path / "cut.parquet"
    WRITERS[writer](path)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    assert "is damaged: its table cannot be read" in refusal(path, label_key="")


def test_a_table_without_rows_is_empty(tmp_path: Path) -> None:
    frame().head(0).to_parquet(tmp_path / "none.parquet")
    assert "is empty" in refusal(tmp_path / "none.parquet", label_key="")


LISTS = {
    "lists": pa.list_(pa.float32()),
    "large lists": pa.large_list(pa.float64()),
    "lists of one length": pa.list_(pa.float32(), 4),
    "lists of whole numbers": pa.list_(pa.int16()),
}


@pytest.mark.parametrize("ending", ["parquet", "feather"])
@pytest.mark.parametrize("kind", LISTS)
def test_embeddings_in_one_column_are_the_features(tmp_path: Path, kind: str, ending: str) -> None:
    values = np.random.default_rng(0).integers(-9, 9, (N, 4))
    columns = {"cell_id": [f"c{i}" for i in range(N)], "gene": ["MYC", "NT", "STAT1"] * (N // 3)}
    table = pa.table({**columns, "dino": pa.array(values.tolist(), type=LISTS[kind])})
    path = tmp_path / f"it.{ending}"
    (parquet.write_table if ending == "parquet" else feather.write_feather)(table, path)
    summary = look(path, "gene")
    assert summary.n_features == 4
    assert "column dino holds 4 numbers for each cell, which are the features" in warnings_of(summary)
    copy = anndata.read_h5ad(copy_into(DataSpec(str(path), label_key="gene"), tmp_path / "copy.h5ad"))
    np.testing.assert_array_equal(copy.X, values)
    assert copy.var_names.tolist() == ["dino_1", "dino_2", "dino_3", "dino_4"]
    assert copy.obs_names.tolist() == columns["cell_id"]


@pytest.mark.parametrize("lists", [[[1.0], [1.0, 2.0]] * (N // 2), [["a", "b"]] * N, [[1.0, 2.0], None] * (N // 2)])
def test_lists_that_are_no_vectors_are_no_features(tmp_path: Path, lists: list) -> None:
    table = pa.table({"cell_id": [f"c{i}" for i in range(N)], "gene": ["MYC", "NT"] * (N // 2), "it": lists})
    parquet.write_table(table, tmp_path / "it.parquet")
    assert "has no features" in refusal(tmp_path / "it.parquet", label_key="gene")


def test_lists_as_text_are_refused_with_what_to_do(tmp_path: Path) -> None:
    frame = pd.DataFrame({"cell": [f"c{i}" for i in range(N)], "gene": "MYC", "it": ["[0.5, 1.25, -3]"] * N})
    frame.to_csv(tmp_path / "it.csv", index=False)
    said = refusal(tmp_path / "it.csv", label_key="gene")
    assert "it.csv has no features: column it holds lists as text. → Write one column for each number" in said


@pytest.mark.parametrize("order", [("plate", "well", "cell"), ("cell", "plate", "well"), ("plate", "well")])
def test_of_several_levels_of_an_index_one_names_the_cells(tmp_path: Path, order: tuple[str, ...]) -> None:
    levels = {"plate": ["P1"] * N, "well": [f"{'AB'[i % 2]}{i % 5 + 1:02d}" for i in range(N)]}
    levels["cell"] = [f"obj_{i:x}z" for i in range(N)]
    made = frame()[["Metadata_gene", "Cells_Texture_0", "Cells_Texture_1"]]
    made.index = pd.MultiIndex.from_arrays([levels[each] for each in order], names=order)
    made.to_parquet(tmp_path / "levels.parquet")
    found = look(tmp_path / "levels.parquet", "Metadata_gene")
    assert found.n_features == 2
    assert found.cell_names[:1] == (("obj_0z",) if "cell" in order else ("cell_1",))
    assert {"plate", "well"} <= {each.name for each in found.columns}
