"""The reader of text tables: nothing is shifted, lost, filled in or renamed without a warning."""

import gzip
import itertools

import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.readers.delimited_rows import as_numbers
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import COUNTS, look, refusal, table, warnings_of


def edit(line, old, new):
    """A change of one line of a table."""

    def change(lines):
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new, 1)
        return lines

    return change


def read(path, *text_columns):
    return open_source(path, path.name, text_columns=text_columns, memory_mb=1024)[0]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t"), ("a.txt", ";")])
def test_table_reads_back_equal(tmp_path, name, separator):
    path = table(tmp_path, name, separator=separator)
    source = read(path)
    assert np.array_equal(source.whole("X"), COUNTS)
    assert source.obs_names[:2] == ["cell0", "cell1"]
    assert source.var_names("X")[:2] == ["GENE0", "GENE1"]
    assert list(source.column("cell_type")[:3]) == ["B cell", "T cell", "Mono"]
    summary = look(path)
    assert summary.findings == ()
    assert [each.name for each in summary.label_candidates] == ["cell_type"]


def test_decimals_are_read_to_the_last_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=(60, 3))
    path = tmp_path / "a.csv"
    path.write_text(
        "cell,a,b,c\n" + "".join(f"c{i}," + ",".join(map(repr, map(float, row))) + "\n" for i, row in enumerate(values))
    )
    assert np.array_equal(read(path).whole("X"), values)


def test_gzipped_table_reads_like_a_plain_one(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(table(tmp_path).read_bytes()))
    assert np.array_equal(read(path).whole("X"), COUNTS)
    assert look(path).findings == ()


def test_cut_off_or_damaged_gzip_is_refused(tmp_path):
    data = gzip.compress(table(tmp_path).read_bytes())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[: len(data) // 2])
    assert "is incomplete (truncated)" in refusal(path)
    path.write_bytes(data[:200] + bytes(64) + data[264:])
    assert "gzip content cannot be decompressed" in refusal(path)


SAID = {
    "tabs": ({"name": "a.csv", "separator": "\t"}, "separated by tabs, not by commas as its name says"),
    "utf-16": ({"encoding": "utf-16"}, "was read as UTF-16"),
    "latin-1": (
        {"encoding": "latin-1", "change": edit(0, "GENE3", "µ-globin")},
        "not encoded as UTF-8",
    ),
    "comment": ({"change": lambda lines: ["# from FlowJo", *lines]}, "skipped 1 comment line before the header"),
    "no header": ({"header": False, "labels": False}, "has no header"),
    "repeated column": ({"change": edit(0, "GENE1,", "GENE0,")}, "1 feature name is repeated: GENE0"),
    "names like missing": ({"change": edit(1, "cell0,", "NA,")}, "read like missing values: NA"),
    "not gzipped": ({"name": "a.csv.gz"}, "although its name says that it is compressed with gzip"),
}


@pytest.mark.parametrize("case", SAID)
def test_awkward_table_is_read_right_and_is_reported(tmp_path, case):
    keywords, words = SAID[case]
    path = table(tmp_path, **keywords)
    summary = look(path, label_key="" if keywords.get("labels") is False else "cell_type")
    assert words in warnings_of(summary)
    assert len(summary.findings) == 1
    assert np.array_equal(read(path).whole("X"), COUNTS)


def test_decimal_comma_is_read_as_such_and_is_reported(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("cell\ta\tb\n" + "".join(f"c{i}\t{i},333\t{i}\n" for i in range(40)))
    assert read(path).whole("X")[3, 0] == 3.333
    assert "decimal comma" in warnings_of(look(path, label_key=""))


def test_numbers_in_quotes_with_commas_are_refused_not_taken_for_labels(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("cell,a,b,c\n" + "".join(f'c{i},"1,{200 + i}",{i},{i}\n' for i in range(40)))
    assert "column a holds numbers written with commas or other marks, such as 1,200" in refusal(path, label_key="")


def test_line_of_any_length_is_read(tmp_path):
    genes = [f"chr{i % 22}:{i}-{i + 500}" for i in range(12_000)]  # a line of 200,000 characters
    path = tmp_path / "peaks.csv"
    lines = [
        ",".join(["cell", *genes]),
        *(",".join([f"c{i}", *("01"[(i * j) % 7 > 3] for j in range(12_000))]) for i in range(5)),
    ]
    path.write_text("\n".join(lines))
    assert read(path).var_names("X") == genes


def test_spaces_around_column_names_are_removed_and_reported(tmp_path):
    path = table(tmp_path, change=lambda lines: [lines[0].replace(",", ", "), *lines[1:]])
    assert "spaces around column names were removed" in warnings_of(look(path))
    assert read(path).var_names("X")[0] == "GENE0"


@pytest.mark.parametrize(("ending", "start"), [("\r\n", ""), ("\r", ""), ("\n", "\ufeff"), ("\r\n", "sep=,\r\n")])
def test_line_ends_and_marks_of_other_programs_change_nothing(tmp_path, ending, start):
    path = table(tmp_path)
    path.write_bytes((start + path.read_text().replace("\n", ending)).encode())
    assert np.array_equal(read(path).whole("X"), COUNTS)
    assert look(path).findings == ()


def test_missing_cell_names_are_made_up_and_reported(tmp_path):
    path = table(tmp_path, labels=False, change=lambda lines: [line.partition(",")[2] for line in lines])
    source = read(path)
    assert source.obs_names[:2] == ["cell_1", "cell_2"]
    assert np.array_equal(source.whole("X"), COUNTS)
    assert "has no cell names" in warnings_of(look(path, label_key=""))


def test_corner_left_out_as_r_does_shifts_nothing(tmp_path):
    path = table(tmp_path, change=lambda lines: [lines[0].removeprefix("cell,"), *lines[1:]])
    assert read(path).var_names("X")[0] == "GENE0"
    assert np.array_equal(read(path).whole("X"), COUNTS)


def test_trailing_separator_shifts_nothing(tmp_path):
    path = table(tmp_path, change=lambda lines: [lines[0], *(line + "," for line in lines[1:])])
    assert read(path).obs_names[0] == "cell0"
    assert np.array_equal(read(path).whole("X"), COUNTS)


def test_separator_at_the_end_of_every_line_makes_no_column(tmp_path):
    path = table(tmp_path, change=lambda lines: [line + "," for line in lines])
    assert read(path).column_names == ("cell_type",)
    assert np.array_equal(read(path).whole("X"), COUNTS)


def test_numbers_too_long_for_whole_ones_become_decimals(tmp_path):
    path = table(tmp_path, change=edit(1, f",{COUNTS[0, 0]:g},", ",99999999999999999999999,"))
    assert read(path).whole("X")[0, 0] == 1e23


def test_index_numbers_of_pandas_are_cell_names_and_are_reported(tmp_path):
    def numbered(lines):
        rows = [f"{i}," + line.partition(",")[2] for i, line in enumerate(lines[1:])]
        return ["," + lines[0].partition(",")[2], *rows]

    path = table(tmp_path, change=numbered)
    assert read(path).obs_names[:3] == ["0", "1", "2"]
    assert "all cell names are whole numbers (0, 1 and 58 more)" in warnings_of(look(path))


BARCODES = ["AAACCTGAGA" + "".join(each) for each in itertools.islice(itertools.product("ACGT", repeat=3), 60)]


def swapped(lines):
    """Rows for columns; the cells get barcodes."""
    columns = list(zip(*(line.split(",") for line in lines), strict=True))
    return [
        ",".join([columns[0][0], *(f"{barcode}-1" for barcode in BARCODES)]),
        *(",".join(each) for each in columns[1:]),
    ]


def test_transposed_table_is_reported(tmp_path):
    assert "looks transposed" in warnings_of(look(table(tmp_path, labels=False, change=swapped), label_key=""))


REFUSED = {
    "open quote": (edit(5, "cell4", '"cell4'), "the quotation mark in line 6 is never closed"),
    "short row": (
        lambda lines: [*lines[:9], lines[9].rpartition(",")[0], *lines[10:]],
        "line 10 has 21 fields, the other rows have 22",
    ),
    "long row": (lambda lines: [*lines[:9], lines[9] + ",1,2,3", *lines[10:]], "line 10 has 25 fields"),
    "long first row": (lambda lines: [lines[0], lines[1] + ",1,2", *lines[2:]], "line 2 has 24 fields"),
    "text in a feature": (
        edit(4, ",".join(f"{x:g}" for x in COUNTS[3, :3]), "ERROR 42,1,1"),
        "column GENE0, cell cell3: the text ERROR 42 is not a number",
    ),
    "empty field": (
        edit(4, ",".join(f"{x:g}" for x in COUNTS[3, :2]), ",1"),
        "1 missing (NaN) value in 1 of 20 features: GENE0 (1); the first in cell cell3",
    ),
    "nan": (
        edit(4, ",".join(f"{x:g}" for x in COUNTS[3, :2]), "nan,1"),
        "1 missing (NaN) value in 1 of 20 features: GENE0 (1)",
    ),
    "inf": (
        edit(4, ",".join(f"{x:g}" for x in COUNTS[3, :2]), "inf,1"),
        "1 infinite value in 1 of 20 features: GENE0 (1)",
    ),
    "repeated cells": (edit(2, "cell1,", "cell0,"), "1 cell name used more than once (duplicates): cell0"),
    "no cell name": (edit(2, "cell1,", ","), "1 cell name of 60 is empty"),
    "header only": (lambda lines: lines[:1], "is empty: no row follows the header"),
    "one column": (lambda lines: [line.partition(",")[0] for line in lines], "has only one column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unreadable_table_is_refused_with_its_line_or_cell(tmp_path, case):
    change, words = REFUSED[case]
    text = refusal(table(tmp_path, change=change))
    assert words in text


def test_table_without_numbers_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("cell,cell_type\n" + "".join(f"c{i},B\n" for i in range(40)))
    assert "has no feature" in refusal(path)


def test_numeric_label_column_is_taken_from_the_features_when_chosen(tmp_path):
    def numbered(lines):
        return [
            lines[0].replace("cell_type", "kind"),
            *(line.replace("B cell", "1").replace("T cell", "2").replace("Mono", "3") for line in lines[1:]),
        ]

    path = table(tmp_path, change=numbered)
    assert look(path, label_key="").n_features == 21
    summary = look(path, label_key="kind")
    assert summary.n_features == 20
    assert dict(summary.column("kind").counts) == {"1": 20, "2": 20, "3": 20}


def test_numeric_column_named_like_an_annotation_is_no_feature_and_is_reported(tmp_path):
    path = table(tmp_path, change=edit(0, "GENE7", "leiden"))
    summary = look(path)
    assert summary.n_features == 19
    assert "column leiden holds numbers but counts as annotation" in warnings_of(summary)


def test_codes_with_leading_zeros_stay_text(tmp_path):
    path = table(tmp_path, change=lambda lines: [line.replace("B cell", "01").replace("T cell", "1") for line in lines])
    assert dict(look(path).column("cell_type").counts) == {"01": 20, "1": 20, "Mono": 20}


@pytest.mark.parametrize("missing", ["NA", "<NA>", "nan", "NULL", "#N/A"])
def test_a_number_that_is_missing_is_no_label(tmp_path, missing):
    def numbered(lines):
        codes = {"B cell": "1", "T cell": "2", "Mono": missing}
        return [lines[0], *(line.replace(label := line.split(",")[1], codes[label]) for line in lines[1:])]

    column = look(table(tmp_path, change=numbered)).column("cell_type")
    assert dict(column.counts) == {"1": 20, "2": 20}
    assert column.n_missing == 20


def test_labels_come_from_a_second_table(tmp_path):
    data = table(tmp_path, labels=False)
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,kind\n" + "".join(f"cell{i},{'AB'[i % 3 > 0]}\n" for i in reversed(range(60))))
    summary = look(data, label_key="kind", labels_path=labels)
    assert dict(summary.column("kind").counts) == {"B": 40, "A": 20}
    assert summary.findings == ()


def test_codes_in_a_second_table_stay_text(tmp_path):
    data = table(tmp_path, labels=False)
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,guide,dose\n" + "".join(f"cell{i},{i % 2:03d},{i % 2}.0\n" for i in range(60)))
    summary = look(data, label_key="guide", labels_path=labels)
    assert dict(summary.column("guide").counts) == {"000": 30, "001": 30}
    assert dict(summary.column("dose").counts) == {"0": 30, "1": 30}


def test_second_table_that_fits_in_part_is_reported_and_one_that_fits_not_at_all_is_refused(tmp_path):
    data = table(tmp_path, labels=False)
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,kind\nother,A\n" + "".join(f"cell{i},{'AB'[i % 2]}\n" for i in range(50)))
    warnings = warnings_of(look(data, label_key="kind", labels_path=labels))
    assert "10 cells of good.csv not in labels.csv, so without a label: cell50" in warnings
    assert "10 of 60 cells have no label (missing)" in warnings
    assert "1 row of labels.csv is for a cell that good.csv does not have" in warnings
    labels.write_text("cell,kind\n" + "".join(f"x{i},A\n" for i in range(50)))
    assert "No cell name of good.csv (such as cell0, cell1 and 58 more) is in the first column" in refusal(
        data, label_key="kind", labels_path=labels
    )
    labels.write_text("cell,kind\ncell0,A\ncell0,B\n")
    assert "cell name cell0 is used twice" in refusal(data, label_key="kind", labels_path=labels)


@pytest.mark.parametrize("huge", ["1e999", "9" * 400])
def test_numbers_beyond_the_largest_are_no_surprise_in_an_annotation(huge):
    assert as_numbers(pd.Series(["1", huge, ""], dtype=object)).tolist()[:2] == [1.0, float(huge)]


@pytest.mark.parametrize(
    ("separator", "rule"), [("|", "---|:---|---:|:---:"), (",", "-----,----,---,---"), ("\t", "====\t==\t===\t==")]
)
def test_a_line_of_dashes_below_the_names_is_no_cell(tmp_path, separator, rule):
    rows = [
        ["barcode", "ko", "ACTB", "MYC"],
        *([f"c{i}", "AB"[i % 2], f"{i / 7:.3f}", f"{i / 3:.3f}"] for i in range(20)),
    ]
    lines = [separator.join(row) for row in rows]
    plain, ruled = tmp_path / "plain.txt", tmp_path / "ruled.txt"
    plain.write_text("\n".join(lines) + "\n")
    ruled.write_text("\n".join([lines[0], rule, *lines[1:]]) + "\n")
    without, found = look(plain, "ko"), look(ruled, "ko")
    assert found.n_cells == without.n_cells == 20
    assert any("the line of dashes below the column names was left out" in each.problem for each in found.findings)
    assert not any("dashes" in each.problem for each in without.findings)
