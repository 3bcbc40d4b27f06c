"""Tables as files: no formula in a text format, and the bytes of each format hold the table."""

from io import BytesIO

import pandas as pd
import pytest

from psmatch_core.exports.tables import escape_formulas, table_bytes

TABLE = pd.DataFrame({"cell": ["=cmd()", "-1", "@x", "+y", "a=b", "\tz"], "label": list("abcdef"), "w": [-1.0] * 6})


def test_a_spreadsheet_finds_no_formula():
    safe, n = escape_formulas(TABLE)
    assert n == 5
    assert list(safe["cell"]) == ["'=cmd()", "'-1", "'@x", "'+y", "a=b", "'\tz"]
    assert (safe["w"] == -1.0).all()  # numbers stay numbers
    assert TABLE["cell"][0] == "=cmd()"


def test_categories_and_missing_texts_are_read_too():
    table = pd.DataFrame({"label": pd.Categorical(["=a", "b"]), "note": [None, "=c"]})
    safe, n = escape_formulas(table)
    assert n == 2
    assert list(safe["label"]) == ["'=a", "b"]
    assert list(safe["note"]) == [None, "'=c"]


def test_headers_are_escaped_and_a_repeated_one_does_no_harm():
    table = pd.DataFrame([["=a", 1.0, "b"]], columns=["cell", "=SUM(A1)", "cell"])
    safe, n = escape_formulas(table)
    assert n == 2
    assert list(safe.columns) == ["cell", "'=SUM(A1)", "cell"]
    assert safe.iloc[0].tolist() == ["'=a", 1.0, "b"]


@pytest.mark.parametrize(("kind", "separator"), [("csv", ","), ("tsv", "\t")])
def test_text_formats_hold_the_escaped_table(kind, separator):
    again = pd.read_csv(BytesIO(table_bytes(TABLE, kind)), sep=separator)
    pd.testing.assert_frame_equal(again, escape_formulas(TABLE)[0])


def test_parquet_holds_the_table_unchanged():
    pd.testing.assert_frame_equal(pd.read_parquet(BytesIO(table_bytes(TABLE, "parquet"))), TABLE)


def test_every_text_that_is_changed_counts_and_a_return_starts_one_too():
    """A text that stands in many rows counts in each."""
    table = pd.DataFrame({"label": ["=a", "b", "=a", "=a"], "note": ["\rx", "x\r", "@", "@"]})
    safe, n = escape_formulas(table)
    assert n == 6
    assert safe["label"].tolist() == ["'=a", "b", "'=a", "'=a"]
    assert safe["note"].tolist() == ["'\rx", "x\r", "'@", "'@"]
