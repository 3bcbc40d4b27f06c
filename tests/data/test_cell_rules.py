"""Rules on cells: what each comparison keeps, columns with odd names, and what is said of what is no rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.cell_rules import parse_rule

NUMBERS = pd.Series([0.2, 0.8, 0.9, np.nan, 10.0])
TEXTS = pd.Series(["D1", "D2", None, "10.0", "10"], dtype=object)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x > 0.8", [2, 4]),
        ("x>=0.8", [1, 2, 4]),
        ("x < 0.8", [0]),
        ("x <= 0.8", [0, 1]),
        ("x = 10", [4]),
        ("x == 0.80", [1]),
        ("x != 10", [0, 1, 2]),
        ("x in 0.2, 0.9", [0, 2]),
        ("x not in 0.2, 0.9", [1, 4]),
    ],
)
def test_numbers(text: str, kept: list[int]) -> None:
    assert np.flatnonzero(parse_rule(text, ["x"]).met_by(NUMBERS)).tolist() == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [("d = D1", [0]), ("d in D1,D2", [0, 1]), ("d = 10", [3, 4]), ("d != D1", [1, 3, 4]), ("d not in D1, 10", [1])],
)
def test_texts_and_a_cell_without_a_value_meets_no_rule(text: str, kept: list[int]) -> None:
    assert np.flatnonzero(parse_rule(text, ["d"]).met_by(TEXTS)).tolist() == kept


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1), st.floats(-10, 10))
def test_a_rule_and_its_opposite_share_no_cell_and_miss_none(values: list[float], limit: float) -> None:
    column = pd.Series(values)
    for one, other in ((">", "<="), ("<", ">="), ("=", "!=")):
        first, second = (parse_rule(f"x {each} {limit!r}", ["x"]).met_by(column) for each in (one, other))
        assert (first ^ second).all()


@pytest.mark.parametrize("name", ["dose [nM]", "n > 3", "in vitro", "a=b", "Zell größe", "percent.mt"])
def test_columns_may_have_any_name(name: str) -> None:
    rule = parse_rule(f"{name} > 1", ["dose", name])
    assert (rule.column, rule.comparison, rule.values) == (name, ">", ("1",))
    assert parse_rule(f'"{name}" in a, b', [name]).values == ("a", "b")


@pytest.mark.parametrize("text", ["", "x", "x >", "> 3", "x like 3"])
def test_what_is_no_rule_is_told_with_an_example(text: str) -> None:
    with pytest.raises(PsmatchError, match="is no rule on cells") as raised:
        parse_rule(text, ["x"])
    assert "grna_frac > 0.8" in raised.value.hint


def test_an_unknown_column_is_told_with_those_that_are_there() -> None:
    with pytest.raises(PsmatchError, match="no column frac") as raised:
        parse_rule("frac > 0.8", ["grna_frac", "plate"])
    assert "grna_frac, plate" in raised.value.hint


@pytest.mark.parametrize(("text", "what"), [("d > 3", "its column holds D1"), ("x > high", "high is")])
def test_text_is_not_compared_as_a_number(text: str, what: str) -> None:
    rule = parse_rule(text, ["d", "x"])
    with pytest.raises(PsmatchError, match=what):
        rule.met_by(TEXTS if rule.column == "d" else NUMBERS)
