"""The answer on matches: how many labels they are good for, and no signal said as no signal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psmatch_core.monitor import MonitorReport, Verdict, judge
from psmatch_core.monitor.answers import answer_on_matches
from tests.monitor.test_verdict import coupling as coupling, halves


@pytest.fixture(scope="module")
def report(coupling) -> MonitorReport:
    return judge(coupling, halves(0.9, 0.9))


def with_verdicts(report: MonitorReport, *verdicts: Verdict) -> MonitorReport:
    row = report.labels[0]
    return replace(report, labels=tuple(replace(row, label=str(at), verdict=each) for at, each in enumerate(verdicts)))


def test_each_verdict_is_counted_best_first(report: MonitorReport) -> None:
    assert answer_on_matches(report) == (
        "For all 3 labels the matches are reproducible, though not proven correct, and can be used."
    )
    mixed = with_verdicts(report, Verdict.LABEL_ONLY, Verdict.USE, Verdict.LABEL_ONLY, Verdict.CAUTION)
    assert answer_on_matches(mixed) == (
        "For 1 of 4 labels the matches are reproducible, though not proven correct, and can be used, for 1 they can be "
        "used with caution, and for 2 any cell of the same label would do as well."
    )
    assert answer_on_matches(with_verdicts(report, Verdict.CAUTION, Verdict.NOT_MATCHED)) == (
        "For 1 of 2 labels the matches can be used with caution and for 1 there are no matches."
    )


def test_no_signal_is_said_as_no_signal(coupling) -> None:
    assert answer_on_matches(judge(coupling, halves(0.0, 0.0))) == (
        "For all 3 labels any cell of the same label would do as well."
    )


def test_what_was_not_measured_is_not_known(coupling, report: MonitorReport) -> None:
    words = answer_on_matches(judge(coupling))
    assert words.startswith("For all 3 labels it is not known whether the matches say more of a cell than its label")
    assert "can be used" not in words
    assert answer_on_matches(with_verdicts(report, Verdict.USE)).startswith("For 1 of 1 label the matches")
