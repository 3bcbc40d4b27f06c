"""The verdict on each label with its evidence, as a table, and why it is what it is."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell.places import own_place
from pages.shell.tables import label_table, text_width
from pages.shell.text import plain
from pages.shell.verdicts import badge
from psmatch_core.monitor import LabelEvidence, MonitorReport, Verdict
from psmatch_core.monitor.flags import flag_names
from psmatch_core.workspace.run_folder import RunFolder

REASONS, ADVICE = 600, 560  # px of columns whose texts go on in further lines
FIGURE = 115  # px in which a figure that was not measured says so


def label_verdicts(folder: RunFolder, report: MonitorReport) -> None:
    """The table, the best verdicts first; below it the reasons of the chosen label, and those of all."""
    if not report.labels:
        return
    column = st.column_config
    source, target = (plain(name) for name in report.names)
    by_label = report.by_label
    table = report.table()
    table = table.assign(flags=[flag_names(by_label[label].flags) for label in table["label"]])
    config: dict[str, Any] = {
        "verdict": column.TextColumn("Verdict", width=text_width(each.value for each in Verdict)),
        "agreement": column.NumberColumn(
            "Agreement", width=FIGURE, format="%.2f", help="Mean of those of the halves of cells and of features."
        ),
        "agreement_cells": column.NumberColumn("Halves of cells", format="%.2f"),
        "agreement_features": column.NumberColumn("Halves of features", format="%.2f"),
        "flags": column.TextColumn("Flags", width=text_width(table["flags"])),
        "n_source": column.NumberColumn(f"{source} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{target} [cells]", format="localized"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
    }
    for side, name in (("source", source), ("target", target)):
        config[f"loss_{side}"] = column.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"raw_loss_{side}"] = column.NumberColumn(f"{name} raw loss", format="%.3f")
        config[f"baseline_{side}"] = column.NumberColumn(f"{name} baseline", format="%.3f")
    st.caption("Choose a row to read why.")
    chosen = label_table(table, config, key=f"verdicts.{folder.id}", columns=["label", *config], can_choose=True)
    with own_place():
        if chosen is not None:
            _why(by_label[chosen])
    with st.expander("Why, for every label"):
        config = {
            "reasons": column.TextColumn("Reasons", width=REASONS),
            "advice": column.TextColumn("What would help", width=ADVICE),
        }
        label_table(table, config, key=f"reasons.{folder.id}", columns=["label", *config])


def _why(row: LabelEvidence) -> None:
    """Verdict, reasons, flags and advice of one label."""
    with st.container(border=True):
        st.markdown(f"**{plain(row.label)}** {badge(row.verdict, row.verdict.value)}")
        said = [plain(each) for each in row.reasons]
        said += [detail for each in row.flags if (detail := plain(each.detail)) not in said]
        advice = [f"→ {plain(each)}" for each in row.advice]
        st.markdown("\n".join(f"- {each}" for each in [*said, *advice]))
