"""The answer on true pairs: beside a uniform plan, by the interval, and inflated figures said as inflated."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from psmatch_core.evaluation.answers import NO_TRUE_PAIRS, TOO_FEW_PAIRS, answer_on_true_pairs
from psmatch_core.evaluation.evaluate import EvaluationSummary
from psmatch_core.evaluation.intervals import Interval

MEANS = {"foscttm": 0.31, "rank": 0.4}
HALF = {"foscttm": 0.5, "rank": 0.5}
FOUND = EvaluationSummary(700, MEANS, MEANS, HALF, HALF, {})


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [(0.28, 0.34, "better than"), (0.48, 0.53, "no better than"), (0.53, 0.6, "worse than"), (0.3, 0.5, "no better")],
)
def test_better_or_worse_only_where_the_interval_excludes_a_uniform_plan(low: float, high: float, finding: str) -> None:
    words = answer_on_true_pairs(FOUND, Interval(0.31, low, high), is_held_out=True)
    assert words.startswith(f"The matching finds true partners {finding}")
    assert (
        "closer to the matches of its cell than 69% of the cells of its label are; with a uniform plan it is 50%"
        in words
    )
    assert "(700 held-out pairs, which no classifier saw)" in words


def test_inflated_figures_are_called_so_and_nothing_is_found_without_an_interval() -> None:
    words = answer_on_true_pairs(FOUND)
    assert "so this is inflated" in words
    assert "held-out" not in words
    assert "better" not in words


def test_a_tenth_of_a_percent_is_shown_where_it_carries_meaning() -> None:
    assert "69.0%" in answer_on_true_pairs(FOUND, Interval(0.31, 0.306, 0.314), is_held_out=True)


def test_what_cannot_be_measured_is_said() -> None:
    assert answer_on_true_pairs(None) == NO_TRUE_PAIRS
    assert answer_on_true_pairs(replace(FOUND, n_pairs=0)) == TOO_FEW_PAIRS
    assert answer_on_true_pairs(replace(FOUND, micro={"foscttm": math.nan})) == TOO_FEW_PAIRS
