"""A table of labels finds its cells: by a column anywhere, by the rest of a name, by wells; and never by accident."""

import pandas as pd
import pytest

from tests.data.readers.made_files import COUNTS, good_adata, look, refusal, warnings_of, write

KINDS = ["mock", "LPS", "IL4"] * 20
BARCODES = [
    "".join("ACGT"[(i * 7919 + 13 * k * i + k) // 4 ** (k % 3) % 4] for k in range(16)) + f"T{i:02d}" for i in range(60)
]


def named(names, **columns):
    adata = good_adata(**columns)
    adata.obs_names = names
    return adata


def label_table(path, **columns):
    pd.DataFrame(columns).iloc[::-1].to_csv(path, index=False)
    return path


def test_cells_are_named_in_any_column(tmp_path):
    data = write(tmp_path, named([f"AAAC{i:03d}-1" for i in range(60)]))
    labels = label_table(
        tmp_path / "calls.csv", treatment=KINDS, sample="s1", Barcode=[f"AAAC{i:03d}-1" for i in range(60)]
    )
    found = look(data, "treatment", labels_path=labels)
    assert dict(found.column("treatment").counts) == {"mock": 20, "LPS": 20, "IL4": 20}
    assert "column Barcode holds the cell names of good.h5ad" in warnings_of(found)


@pytest.mark.parametrize("form", ["{}", "{}.1", "lane1_{}-1", "{}-1-rna"])
def test_barcodes_are_the_same_but_for_an_ending_or_prefix(tmp_path, form):
    names = [f"{each[:-3]}{'ACGT'[i % 4]}{'ACGT'[i // 4 % 4]}{'ACGT'[i // 16]}" for i, each in enumerate(BARCODES)]
    data = write(tmp_path, named([f"{each}-1" for each in names], kind=[f"k{i % 3}" for i in range(60)]))
    labels = label_table(
        tmp_path / "calls.csv", cell=[form.format(each) for each in names], call=[f"k{i % 3}" for i in range(60)]
    )
    found = look(data, "call", labels_path=labels)
    assert found.column("call").listed == found.column("kind").listed
    assert "differ by an ending or prefix" in warnings_of(found) or form == "{}-1"


def test_a_plate_map_gives_each_cell_the_row_of_its_well(tmp_path):
    wells = [f"{'BCDE'[i % 4]}{i % 5 + 2:02d}" for i in range(60)]
    drug = {well: f"drug{'BCDE'.index(well[0])}" for well in wells}
    table = pd.DataFrame(COUNTS / 3, columns=[f"Cells_Texture_{i}" for i in range(20)])
    table.insert(0, "Metadata_Well", wells)
    table.to_csv(tmp_path / "cells.csv", index=False)
    labels = label_table(tmp_path / "map.csv", Well=list(drug), compound=list(drug.values()))
    found = look(tmp_path / "cells.csv", "compound", labels_path=labels)
    assert list(found.column("compound").listed) == [drug[well] for well in wells]
    assert "each cell gets the row of its Metadata_Well" in warnings_of(found)


def test_numbers_join_nothing_unless_both_columns_are_called_alike(tmp_path):
    data = write(tmp_path, good_adata(site=[i % 4 for i in range(60)]))
    labels = label_table(tmp_path / "map.csv", donor=[0, 1, 2, 3], arm=["a", "b", "a", "b"])
    assert "No cell name of good.h5ad" in refusal(data, label_key="arm", labels_path=labels)
    labels = label_table(tmp_path / "map.csv", Site=[0, 1, 2, 3], arm=["a", "b", "a", "b"])
    assert dict(look(data, "arm", labels_path=labels).column("arm").counts) == {"a": 30, "b": 30}


def test_row_numbers_without_a_name_are_a_column_with_one(tmp_path):
    names = [f"AAAC{i:03d}-1" for i in range(60)]
    data = write(tmp_path, named(names))
    pd.DataFrame({"CB": names, "arm": KINDS}).to_csv(tmp_path / "labels.csv")
    found = look(data, "arm", labels_path=tmp_path / "labels.csv")
    assert "" not in [each.name for each in found.columns]
    assert "column CB holds the cell names" in warnings_of(found)
