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
from tests.data.readers.made_files import look, refusal

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
