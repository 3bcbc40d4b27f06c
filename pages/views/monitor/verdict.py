"""The verdict on a matching with its reasons, and the numbers behind it."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.text import number, plain
from psmatch_core.monitor import MonitorReport, Verdict

BOXES = {
    Verdict.USE: (st.success, ":material/check_circle:"),
    Verdict.CAUTION: (st.warning, ":material/warning:"),
    Verdict.LABEL_ONLY: (st.error, ":material/label:"),
    Verdict.NOT_MATCHED: (st.error, ":material/cancel:"),
}
MOST_REASONS = 6
HIDDEN = (
    "Two labels at a time are merged and their cells matched without knowing which is which. 0 is what chance gives, 1 "
    "means that every cell finds its own label again. The second number is the score with exchanged label names."
)
AGREEMENT = (
    "How alike the matches are when the classifiers see other halves of the cells or of the features: 1 the same, 0 "
    "unrelated. It shows that matches are reproducible, not that they are correct."
)
MODALITIES = (
    "Do both modalities find the same labels alike? Correlation of the mean held-out scores of the labels. A low value "
    "with good losses means that the labels change something that only one modality sees."
)
LOSS = (
    "How badly the classifier predicts the labels of held-out cells (cross-entropy per cell, calibrated), compared "
    "with the entropy, which is the loss of knowing only how frequent each label is."
)


def show_verdict(report: MonitorReport) -> None:
    """The verdict in a coloured box, and a row of metrics."""
    box, icon = BOXES[report.verdict]
    reasons = "\n".join(f"- {plain(reason)}" for reason in report.reasons[:MOST_REASONS])
    box(f"**{report.verdict.title}.** Labels: {plain(report.counted())}.\n\n{reasons}", icon=icon)
    charts.metrics(
        [
            _hidden(report),
            ("Agreement of the matches", number(report.agreement, 2), "1 same, 0 unrelated", AGREEMENT),
            _modalities(report),
            *(
                (f"{plain(name)} loss [nats]", number(side.loss), f"entropy {number(side.baseline)}", LOSS)
                for name, side in zip(report.names, report.sides, strict=True)
            ),
        ],
        gap="small",
    )


def _hidden(report: MonitorReport) -> tuple[str, str, str, str]:
    title = "Hidden labels found"
    if report.hidden is None:
        return title, "–", "not asked", HIDDEN
    chance = sum(report.hidden.shuffled) / max(len(report.hidden.shuffled), 1)
    return title, f"{report.hidden.score:.2f}", f"chance {chance:.2f}", HIDDEN


def _modalities(report: MonitorReport) -> tuple[str, str, str, str]:
    title, found = "Modalities agree", report.modalities
    if found is None or not found.can_be_judged:
        return title, "–", "cannot be judged", MODALITIES
    return title, f"{found.means.value:.2f}", f"chance up to {found.means.chance:.2f}", MODALITIES
