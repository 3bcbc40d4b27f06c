"""The verdict on a matching with its reasons, and the numbers behind it."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.text import number, plain
from psmatch_core.monitor import MonitorReport, Verdict

BOXES = {
    Verdict.BELIEVE: (st.success, ":material/check_circle:"),
    Verdict.WITH_CARE: (st.warning, ":material/warning:"),
    Verdict.DO_NOT: (st.error, ":material/cancel:"),
}
MOST_REASONS = 6
STABILITY = (
    "How similar a cell's matches are when the classifiers are trained on other cells (correlation): 1 is the same, 0 "
    "is unrelated."
)
LOSS = (
    "How badly the classifier predicts the labels of held-out cells (cross-entropy per cell, calibrated), compared "
    "with the entropy, which is the loss of knowing only how frequent each label is."
)


def show_verdict(report: MonitorReport) -> None:
    """The verdict in a coloured box, and a row of metrics."""
    box, icon = BOXES[report.verdict]
    reasons = "\n".join(f"- {plain(reason)}" for reason in report.reasons[:MOST_REASONS])
    box(f"**{report.verdict.title}.**\n\n{reasons}", icon=icon)
    losses = [
        (f"{plain(name)} loss [nats]", number(side.loss), f"entropy {number(side.baseline)}", LOSS)
        for name, side in zip(report.names, report.sides, strict=True)
    ]
    counts = ", ".join(f"{report.count(each)} {each.value}" for each in Verdict if report.count(each))
    trusted = f"{report.count(Verdict.BELIEVE)} of {len(report.labels)}"
    charts.metrics(
        [
            *losses,
            ("Match stability", number(report.stability, 2), "unrelated 0", STABILITY),
            ("Trusted labels", trusted, counts, ""),
        ]
    )
