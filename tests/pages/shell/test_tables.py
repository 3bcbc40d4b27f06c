"""Tables: no text is cut, shares become percentages once, and an interval says how many digits a number carries."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pages
from pages.shell.tables import MOST_LINES, ROW, WIDEST, fitted_height, in_percent, text_width, wrapped_height
from pages.shell.text import decimals_of
from tests.pages.conftest import PATIENCE


def test_a_column_is_as_wide_as_its_longest_text_and_what_is_wider_goes_on_in_further_lines() -> None:
    assert text_width([]) < text_width(["x" * 30]) < text_width(["x" * 60]) <= WIDEST
    assert text_width(["x" * 999]) == WIDEST
    assert wrapped_height([], 400) == wrapped_height(["short"], 400) == ROW
    heights = [wrapped_height(["word " * n], 400) for n in (5, 20, 40, 400)]
    assert heights[1] > 64  # px; below, Streamlit does not break a text
    assert heights == sorted(set(heights))
    assert heights[-1] < ROW * MOST_LINES
    for n in range(1, 60):  # whatever fits the width of its column needs one line
        assert wrapped_height(["x" * n], text_width(["x" * n], widest=10_000)) == ROW


def test_the_rows_of_a_table_are_as_high_as_its_longest_text_needs() -> None:
    table = pd.DataFrame({"flags": ["little data; " * 20, ""], "icon": [":material/warning:", ""], "n": [1, 2]})
    column = st.column_config
    config = {
        "flags": column.TextColumn("Flags", width=text_width(table["flags"])),
        "icon": column.TextColumn("", width=30),
        "n": column.NumberColumn("Cells"),
        "absent": column.TextColumn("Absent", width=100),
    }
    assert fitted_height(table, config) == wrapped_height(table["flags"], WIDEST) > ROW
    assert fitted_height(table.assign(flags="short"), config) == ROW
    config["n"] = column.NumberColumn("Cells", width=70, format="%.2f")
    assert fitted_height(table.assign(flags="short", n=1 / 3), config) == ROW  # its 16 digits are not shown


def test_shares_become_percentages_and_the_table_stays_as_it_was() -> None:
    table = pd.DataFrame({"weight": [0.5108, math.nan], "cell": ["a", "b"]})
    assert in_percent(table, "weight", "missing")["weight"].tolist()[0] == pytest.approx(51.08)
    assert table["weight"][0] == 0.5108


@pytest.mark.parametrize(
    ("low", "high", "decimals"),
    [(0.12, 0.15, 2), (6.9, 7.9, 1), (0.091, 0.11, 3), (10.0, 60.0, 0), (0.3, 0.3, 3), (math.nan, 1.0, 3)],
)
def test_a_number_has_the_decimals_of_half_its_interval(low: float, high: float, decimals: int) -> None:
    assert decimals_of(low, high) == decimals


def test_every_table_says_in_words_what_an_empty_cell_means() -> None:
    """Without a word of ours, Streamlit writes None."""
    silent = []
    for path in Path(pages.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.dataframe":
                named = {each.arg for each in node.keywords}
                if not named & {"placeholder", None}:  # **how of label_table, which the pages' tests look at
                    silent.append(f"{path}:{node.lineno}")
    assert not silent


def _many_labels() -> None:
    import pandas as pd
    import streamlit as st

    from pages.shell.tables import label_table

    names = ["STAT2", "Stat1", "MYC", *(f"gene {at}" for at in range(12, 0, -1))]
    table = pd.DataFrame({"label": names, "n": range(len(names))})
    st.text(f"chosen {label_table(table, {}, key='many', can_choose=True)}")


def test_a_search_finds_labels_whatever_their_case_and_the_first_that_is_shown_is_chosen() -> None:
    app = AppTest.from_function(_many_labels, default_timeout=PATIENCE).run()
    assert app.dataframe[0].value["label"].tolist()[:3] == ["STAT2", "Stat1", "MYC"]  # in the order of the table
    assert app.text[0].value == "chosen STAT2"
    app.text_input[0].set_value(" stat").run()
    assert app.dataframe[0].value["label"].tolist() == ["STAT2", "Stat1"]
    assert app.text[0].value == "chosen STAT2"
    app.text_input[0].set_value("GENE 3").run()
    assert app.dataframe[0].value["label"].tolist() == ["gene 3"]
    assert app.text[0].value == "chosen gene 3"
    app.text_input[0].set_value("nothing").run()
    assert not app.dataframe
    assert "No label contains nothing" in app.info[0].value
    assert app.text[0].value == "chosen None"
