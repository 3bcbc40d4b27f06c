"""What the matches are good for, in one sentence in plain words."""

from __future__ import annotations

from psmatch_core.base.errors import plural
from psmatch_core.monitor.report import MonitorReport, Verdict

MEANINGS = {
    Verdict.USE: "the matches are reproducible, though not proven correct, and can be used",
    Verdict.CAUTION: "they can be used with caution",
    Verdict.LABEL_ONLY: "any cell of the same label would do as well",
    Verdict.NOT_MATCHED: "there are no matches",
}
NOT_KNOWN = "it is not known whether the matches say more of a cell than its label does, because this was not measured"


def answer_on_matches(report: MonitorReport) -> str:
    """For how many labels the matches say more of a cell than its label does; without a signal, that they do not.

    Source: the verdicts of :func:`~psmatch_core.monitor.verdict.judge`.
    """
    words = MEANINGS if report.is_measured else {**MEANINGS, Verdict.CAUTION: NOT_KNOWN}
    parts = [(report.count(each), words[each]) for each in Verdict if report.count(each)]
    if not parts:
        return "There is no label, so there are no matches."
    (n_first, first), *others = parts
    total = len(report.labels)
    which = f"all {total:,} labels" if n_first == total > 1 else f"{n_first:,} of {plural(total, 'label')}"
    first = first.replace("they can", "the matches can")
    rest = [f"for {count:,} {said}" for count, said in others]
    return f"{_listed([f'For {which} {first}', *rest])}."


def _listed(parts: list[str]) -> str:
    """Parts of a sentence with commas, and an *and* before the last."""
    *before, last = parts
    return f"{', '.join(before)}{',' if len(before) > 1 else ''} and {last}" if before else last
