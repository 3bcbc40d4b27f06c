"""Rows at the top of a table that hold no cell: labels above cells in columns, units, and names with line breaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import refusal


@pytest.mark.parametrize("name", ["perturbation", "cell_type", "zz"])
def test_cells_in_columns_with_a_row_of_labels_are_named_as_such(tmp_path, name):
    table = pd.DataFrame(np.arange(40).reshape(8, 5) % 7, columns=[f"g{i}" for i in range(5)])
    table.index = [f"AAAC{i}" for i in range(8)]
    turned = table.T.astype(object)
    turned.loc[name] = ["A", "B"] * 4
    for rows in (turned, turned.iloc[::-1]):
        rows.to_csv(tmp_path / "turned.csv")
        said = refusal(tmp_path / "turned.csv")
        assert (
            f"turned.csv has its cells in columns (AAAC0, AAAC1 and 6 more): row {name} holds a text for each" in said
        )


def test_one_text_among_numbers_is_no_row_of_labels(tmp_path):
    table = pd.DataFrame(np.arange(40).reshape(8, 5) % 7, columns=[f"g{i}" for i in range(5)]).astype(object)
    table.iloc[2, 1] = "oops"
    table.to_csv(tmp_path / "it.csv")
    assert "column g1, cell" in refusal(tmp_path / "it.csv")


@pytest.mark.parametrize(
    "row", [["", "", "µm", "a.u.", "px²"], ["Units", "", "x", "y", "z"], ["", "text", "(µm)", "[a.u.]", "%"]]
)
def test_a_row_of_units_below_the_header_is_named_as_such(tmp_path: Path, row: list[str]) -> None:
    lines = ["cell,ko,Area,Mean,Size", ",".join(row), *(f"c{i}x,K{i % 3},{i}.5,{i * 7 % 11},{i}.1" for i in range(40))]
    (tmp_path / "units.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = refusal(tmp_path / "units.csv", label_key="ko")
    assert "the line below the column names holds no values but units" in said
    assert "Delete that line" in said


@pytest.mark.parametrize("first", [["-", "2"], ["1", "%"], ["-", "."], ["n/a?", "-"]])
def test_a_word_in_the_first_row_is_no_unit(tmp_path: Path, first: list[str]) -> None:
    lines = ["cell,ko,Area,Mean", ",".join(["c0x", "K0", *first])]
    lines += [f"c{i + 1}x,K{i % 3},{i}.5,{i * 7 % 11}" for i in range(40)]
    (tmp_path / "words.csv").write_text("\n".join(lines) + "\n")
    assert "is not a number" in refusal(tmp_path / "words.csv", label_key="ko")


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(
        st.text("ABCabc(). \n,", min_size=1, max_size=9),
        min_size=3,
        max_size=6,
        unique_by=lambda x: " ".join(x.split()),
    ),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_line_breaks_in_the_names_of_a_header_are_spaces(
    tmp_path: Path, names: list[str], separator: str, end: str
) -> None:
    names = [f"F{i}{each}F" for i, each in enumerate(names)]
    header = separator.join(["cell", "ko", *(f'"{each.replace(chr(10), end)}"' for each in names)])
    values = [[i * 7 % 11 + at / 4 for at in range(len(names))] for i in range(40)]
    rows = [separator.join([f"c{i}x", f"K{i % 3}", *map(str, row)]) for i, row in enumerate(values)]
    path = tmp_path / "broken.csv"
    path.write_bytes(end.join([header, *rows, ""]).encode())
    source, _ = open_source(path, path.name, text_columns=("ko",), memory_mb=512)
    plain = [" ".join(each.split()) for each in names]
    assert [" ".join(each.split()) for each in source.var_names("X")] == plain
    np.testing.assert_allclose(source.whole("X"), values)
    has_breaks = any("\n" in each for each in names)
    assert any("line breaks in column names" in each.problem for each in source.findings) == has_breaks
