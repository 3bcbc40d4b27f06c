"""How good a matching is by its true pairs, in one sentence in plain words."""

from __future__ import annotations

import math

from psmatch_core.base.errors import plural
from psmatch_core.evaluation.evaluate import EvaluationSummary
from psmatch_core.evaluation.intervals import Interval

NO_TRUE_PAIRS = "How good the matching is cannot be measured, because no true pairs are known."
TOO_FEW_PAIRS = "How good the matching is cannot be measured, because no label has enough true pairs."
NARROW = 0.01  # width of an interval below which a tenth of a percent carries meaning


def answer_on_true_pairs(
    summary: EvaluationSummary | None, interval: Interval | None = None, *, is_held_out: bool = False
) -> str:
    """Whether the matching finds true partners better than a uniform plan does, by FOSCTTM over all cells.

    Parameters
    ----------
    summary
        None if no true pairs are known.
    interval
        Of the mean over cells; better and worse are said only where it excludes the uniform plan.
    is_held_out
        Whether no classifier saw the pairs; if not, the figures are inflated, and the sentence says so.
    """
    if summary is None:
        return NO_TRUE_PAIRS
    value, uniform = summary.micro.get("foscttm", math.nan), summary.uniform_micro.get("foscttm", math.nan)
    if not summary.n_pairs or not (math.isfinite(value) and math.isfinite(uniform)):
        return TOO_FEW_PAIRS
    places = 1 if interval is not None and interval.high - interval.low < NARROW else 0
    shares = (
        f"on average a true partner is closer to the matches of its cell than {1 - value:.{places}%} of the cells of "
        f"its label are; with a uniform plan it is {1 - uniform:.{places}%}"
    )
    which = (
        f"{plural(summary.n_pairs, 'held-out pair')}, which no classifier saw"
        if is_held_out
        else f"{plural(summary.n_pairs, 'pair')} on which the classifiers were trained, so this is inflated"
    )
    return f"{_finding(interval, uniform)}{shares} ({which})."


def _finding(interval: Interval | None, uniform: float) -> str:
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "With the matching, "
    how = "better" if interval.high < uniform else "worse" if interval.low > uniform else "no better"
    return f"The matching finds true partners {how} than a uniform plan does: "
