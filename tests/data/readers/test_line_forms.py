"""Tables whose fields spaces part, and tables whose lines stand in quotation marks: read alike, or refused by line."""

import csv
import gzip
import io

import numpy as np
import pytest

from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.line_forms import LineForm, find_form
from tests.data.readers.made_files import COUNTS, look, refusal, table

SPACED = "PM-F81"


def rows_of(folder, **keywords):
    return [line.split(",") for line in table(folder, "plain.csv", **keywords).read_text().splitlines()]


def quoted(field):
    return f'"{field}"' if " " in field else field


def aligned(rows, gap, align=str.ljust):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [(" " * gap).join(align(each, n) for each, n in zip(row, widths, strict=True)) for row in rows]
    return [line.rstrip() for line in lines]


def as_r_writes(rows):
    marked = [[each if each.replace(".", "").isdigit() else f'"{each}"' for each in row] for row in rows]
    return [" ".join(row[1 if i == 0 else 0 :]) for i, row in enumerate(marked)]


# Every way to write the same table with spaces.
FORMS = {
    "one space": lambda rows: [" ".join(map(quoted, row)) for row in rows],
    "three spaces": lambda rows: ["   ".join(map(quoted, row)) for row in rows],
    "spaces at both ends": lambda rows: ["  " + " ".join(map(quoted, row)) + "  " for row in rows],
    "aligned left": lambda rows: aligned([[*map(quoted, row)] for row in rows], 1),
    "aligned right": lambda rows: aligned([[*map(quoted, row)] for row in rows], 1, str.rjust),
    "labels with a space, two between": lambda rows: aligned(rows, 2),
    "as R writes": as_r_writes,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spaces_part_columns_as_commas_do(tmp_path, form, end, packed):
    data = end.join([*FORMS[form](rows_of(tmp_path)), ""]).encode()
    path = tmp_path / ("spaced.txt.gz" if packed else "spaced.txt")
    path.write_bytes(gzip.compress(data) if packed else data)
    source = open_source(path, path.name, text_columns=("cell_type",), memory_mb=1024)[0]
    plain = open_source(tmp_path / "plain.csv", "plain.csv", text_columns=("cell_type",), memory_mb=1024)[0]
    assert np.array_equal(source.whole("X"), COUNTS)
    assert (source.obs_names, source.var_names("X")) == (plain.obs_names, plain.var_names("X"))
    assert list(source.column("cell_type")) == list(plain.column("cell_type"))
    assert [each.code for each in look(path).findings] == [SPACED]


def test_each_line_in_quotation_marks_is_a_table(tmp_path):
    rows = rows_of(tmp_path)
    out = io.StringIO()
    for row in rows:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([",".join(row)])
    path = tmp_path / "quoted.csv"
    path.write_text(out.getvalue())
    source = open_source(path, path.name, text_columns=("cell_type",), memory_mb=1024)[0]
    assert np.array_equal(source.whole("X"), COUNTS)
    assert [each.code for each in look(path).findings] == [SPACED]


@pytest.mark.parametrize("line", [1, 7, 30, 49, 55, 60])
def test_a_row_with_another_number_of_fields_is_named(tmp_path, line):
    lines = FORMS["one space"](rows_of(tmp_path))
    lines[line] += " 7"
    path = tmp_path / "spaced.txt"
    path.write_text("\n".join(lines) + "\n")
    error = refusal(path)
    assert error.endswith("[PM-F21]")
    assert f"line {line + 1} has" in error


def test_blank_lines_and_comments_keep_the_number_of_a_line(tmp_path):
    lines = FORMS["one space"](rows_of(tmp_path))
    lines[20] += " 7"
    path = tmp_path / "spaced.txt"
    path.write_text("\n".join(["# from R", *lines[:5], "", *lines[5:]]) + "\n")
    assert "line 23 has" in refusal(path)


def test_labels_with_spaces_are_not_shifted(tmp_path):
    path = tmp_path / "spaced.txt"
    path.write_text("\n".join(" ".join(row) for row in rows_of(tmp_path)) + "\n")
    error = refusal(path)
    assert error.endswith("[PM-F21]")
    assert "separated by spaces" in error


PLAIN = {
    "commas with spaces": ["cell, type, G1", "a 1, B cell, 3", "b 2, T cell, 4", "c 3, NK cell, 5"],
    "tabs": ["cell\ttype x", "a 1\tB", "b 2\tT", "c 3\tB"],
    "semicolons in prose": ["cell name;cell type", "A one;B cell", "A two;B cell", "A three;T cell"],
    "a list of cell types": ["cell type", "B cell", "T cell", "B cell"],
    "prose": ["Dear all of you", "this is some text", "that has four words", "in each line here"],
    "uneven": ["cell G1 G2", "a 1 2", "b 1", "c 1 2"],
    "one line": ["a b c"],
    "single words": ["cell", "a", "b", "c"],
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_in_doubt_is_not_parted_by_spaces(name):
    assert find_form(PLAIN[name]) is LineForm.PLAIN


def test_a_table_of_labels_may_have_spaces(tmp_path):
    rows = [[row[0], row[1].split()[0]] for row in rows_of(tmp_path)]
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(" ".join(row) for row in rows) + "\n")
    data = table(tmp_path, labels=False)
    summary = look(data, labels_path=path)
    assert dict(summary.column("cell_type").counts) == {"B": 20, "T": 20, "Mono": 20}


def test_spaces_around_separators_belong_to_them(tmp_path):
    lines = [" , ".join(row) for row in rows_of(tmp_path)]
    path = tmp_path / "padded.csv"
    path.write_text("\n".join(lines) + "\n")
    summary = look(path)
    assert dict(summary.column("cell_type").counts) == {"B cell": 20, "T cell": 20, "Mono": 20}
    assert open_source(path, path.name, text_columns=(), memory_mb=1024)[0].obs_names[:2] == ["cell0", "cell1"]
    assert [each.code for each in summary.findings] == ["PM-F24"]


@pytest.mark.parametrize("at", [2, 20, 59])
def test_column_names_that_stand_again_are_told(tmp_path, at):
    lines = [",".join(row) for row in rows_of(tmp_path)]
    path = tmp_path / "glued.csv"
    path.write_text("\n".join([*lines[:at], lines[0], *lines[at:]]) + "\n")
    error = refusal(path)
    assert f"stands again in row {at:,} of the table" in error
    assert error.endswith("[PM-F82]")


@pytest.mark.parametrize("written", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_features_of_true_and_false_are_named(tmp_path, written):
    rows = [[row[0], row[1], *(written[i % 2] for i, _ in enumerate(row[2:]))] for row in rows_of(tmp_path)[1:]]
    path = tmp_path / "marks.csv"
    path.write_text("\n".join(",".join(row) for row in [rows_of(tmp_path)[0], *rows]) + "\n")
    error = refusal(path)
    assert "hold True and False" in error
    assert error.endswith("[PM-M16]")


@pytest.mark.parametrize("name", ["2.31E+19", "1E+10", "6.2E+102"])
def test_names_that_became_large_numbers_are_told(tmp_path, name):
    lines = table(tmp_path, "t.csv").read_text().replace("GENE3,", f"{name},", 1)
    (tmp_path / "t.csv").write_text(lines)
    findings = look(tmp_path / "t.csv").findings
    assert [each.code for each in findings] == ["PM-F36"]
    assert name in str(findings[0])


@pytest.mark.parametrize("label", ["T cell", "NK cell", "day 3", "5 nM"])
def test_fields_that_could_be_one_or_two_are_not_read_by_spaces(label):
    lines = ["id   cell type   CD3   CD4", *(f"c{at}   {label}   {at}.5   0.{at}" for at in range(4))]
    assert find_form(lines) is LineForm.PLAIN
    assert find_form([line.replace(" type", "").replace(label, "T") for line in lines]) is LineForm.SPACES
