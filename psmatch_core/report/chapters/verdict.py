"""The verdict on the matching, as the first chapter and that of the monitor say it."""

from __future__ import annotations

from psmatch_core.monitor import MonitorReport, Verdict
from psmatch_core.report.page import Page


def add_verdict(page: Page, report: MonitorReport) -> None:
    """The verdict in one sentence, marked unless the matching is good for use."""
    text = f"{report.verdict.title}. Labels: {report.counted()}."
    page.text(text, "" if report.verdict is Verdict.USE else "attention")
