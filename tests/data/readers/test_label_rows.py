"""A table of labels finds its cells: by a column anywhere, by the rest of a name, by wells; and never by accident."""

from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from psmatch_core.data.readers.wells import well_of, wells_among
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


WRITTEN = {
    "A1": lambda row, column: f"{chr(64 + row)}{column}",
    "a01": lambda row, column: f"{chr(96 + row)}{column:02d}",
    "A001": lambda row, column: f"{chr(64 + row)}{column:03d}",
    "A - 1": lambda row, column: f"{chr(64 + row)} - {column}",
    "r01c01": lambda row, column: f"r{row:02d}c{column:02d}",
    "R1-C1": lambda row, column: f"R{row}-C{column}",
}


@pytest.mark.parametrize(
    "text", ["", "A", "12", "A0", "A49", "AG1", "Q1", "TP53", "CD4", "IL2", "B12345", "A1B2", "r1", "r40c1"]
)
def test_what_is_no_well_is_none(text):
    assert well_of(text) is None


@settings(deadline=None)
@given(row=st.integers(1, 16), column=st.integers(1, 48), way=st.sampled_from([*WRITTEN]))
def test_a_well_is_the_same_in_all_ways_to_write_it(row, column, way):
    assert well_of(WRITTEN[way](row, column)) == f"{chr(64 + row)}{column:02d}"


def placed(n_rows=6, n_columns=5, n_plates=1):
    """For each of 60 cells its plate, row and column."""
    return [(i % n_plates, i // n_plates % n_rows + 1, i % n_columns + 1) for i in range(60)]


def drug(plate, row, column):
    return f"drug{(row * 2 + column + 3 * plate) % 4}"


def screen(folder, places, way, **columns):
    return write(
        folder, named([f"c{i:x}y" for i in range(60)], Well=[WRITTEN[way](r, c) for _, r, c in places], **columns)
    )


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    here=st.sampled_from([*WRITTEN]),
    there=st.sampled_from([*WRITTEN]),
    n_plates=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_wells_and_plates_join_however_they_are_written(tmp_path_factory, here, there, n_plates, seed):
    folder = tmp_path_factory.mktemp("wells")
    places = placed(n_plates=n_plates)
    plates = {"Plate": [f"P{plate}" for plate, _, _ in places]} if n_plates > 1 or seed % 2 else {}
    data = screen(folder, places, here, **plates)
    every = sorted(set(places))
    Random(seed).shuffle(every)
    layout = {"Plate_ID": [f"P{plate}" for plate, _, _ in every]} if plates else {}
    layout["position"] = [WRITTEN[there](row, column) for _, row, column in every]
    labels = label_table(folder / "layout.csv", **layout, compound=[drug(*each) for each in every])
    found = look(data, "compound", labels_path=labels)
    assert list(found.column("compound").listed) == [drug(*each) for each in places]
    assert "PM-L36" in {each.code for each in found.findings}


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    way=st.sampled_from([*WRITTEN]),
    corner=st.sampled_from(["", "row", "compound", "siRNA", "Plate 7"]),
    separator=st.sampled_from(",;\t"),
    zeros=st.booleans(),
    size=st.sampled_from([(8, 12), (6, 5), (16, 24)]),
)
def test_a_map_drawn_as_a_plate_is_read(tmp_path_factory, way, corner, separator, zeros, size):
    folder = tmp_path_factory.mktemp("drawn")
    places = placed()
    data = screen(folder, places, way)
    head = [corner, *(f"{c + 1:02d}" if zeros else str(c + 1) for c in range(size[1]))]
    rows = [[chr(65 + r), *(drug(0, r + 1, c + 1) for c in range(size[1]))] for r in range(size[0])]
    labels = folder / "map.csv"
    labels.write_text("\n".join(separator.join(row) for row in [head, *rows]) + "\n")
    key = corner if corner in ("compound", "siRNA") else "condition"
    found = look(data, key, labels_path=labels)
    assert list(found.column(key).listed) == [drug(*each) for each in places]
    assert "drawn as a plate" in warnings_of(found)


def test_a_table_of_one_plate_gives_nothing_to_the_cells_of_another(tmp_path):
    places = placed(n_plates=2)
    data = screen(tmp_path, places, "a01", Metadata_Plate=[f"P{plate}" for plate, _, _ in places])
    every = sorted({each for each in places if each[0] == 0})
    labels = label_table(
        tmp_path / "layout.csv",
        Metadata_Plate=["P0"] * len(every),
        Well=[WRITTEN["a01"](row, column) for _, row, column in every],
        compound=[drug(*each) for each in every],
    )
    found = look(data, "compound", labels_path=labels)
    assert list(found.column("compound").listed) == [drug(*each) if each[0] == 0 else "" for each in places]
    assert found.column("compound").n_missing == 30


def test_wells_that_cannot_be_given_to_cells_are_refused_with_what_to_do(tmp_path):
    every = [(plate, row, column) for plate in (0, 1) for row in range(1, 7) for column in range(1, 6)]
    labels = label_table(
        tmp_path / "layout.csv",
        Plate=[f"P{plate}" for plate, _, _ in every],
        Well=[WRITTEN["A1"](row, column) for _, row, column in every],
        compound=[drug(*each) for each in every],
    )
    said = refusal(screen(tmp_path, placed(), "a01"), label_key="compound", labels_path=labels)
    assert "a well stands in several rows" in said
    assert "column plate" in said
    said = refusal(write(tmp_path, name="no_wells.h5ad"), label_key="compound", labels_path=labels)
    assert "has no column of wells" in said


def test_a_column_holds_wells_only_where_nine_in_ten_of_its_entries_are_wells():
    wells = [f"{row}{column}" for row in "ABC" for column in (1, 2, 3)]
    for others, is_one in ((1, True), (2, False), (40, False)):
        mixed = [*wells, *(f"TP{at}x" for at in range(others)), None, ""]
        assert (wells_among({"what": mixed}) is not None) == is_one
    found = wells_among({"gene": ["B7", "C8", "D9", *(f"TP{at}x" for at in range(8))], "site": [*wells, None, "x"]})
    assert found.columns == ("site",)
    assert found.texts == ["A01", "A02", "A03", "B01", "B02", "B03", "C01", "C02", "C03", None, None]
    assert wells_among({"what": ["A1", "A2"] * 9}) is None  # two wells may be the names of two groups
