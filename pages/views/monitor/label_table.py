"""The verdict on each label with its evidence, as a table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell.tables import label_table
from pages.shell.text import plain
from psmatch_core.monitor import MonitorReport, Verdict
from psmatch_core.workspace.run_folder import RunFolder


def label_verdicts(folder: RunFolder, report: MonitorReport) -> None:
    """The table, the worst verdicts first."""
    ordered = report.table().sort_values(["verdict", "label"], key=_worst_first, kind="stable")
    column = st.column_config
    source, target = (plain(name) for name in report.names)
    config: dict[str, Any] = {
        "verdict": column.TextColumn("Verdict"),
        "reasons": column.TextColumn("Reasons", width="large"),
        "stability": column.NumberColumn("Stability", format="%.2f"),
        "n_source": column.NumberColumn(f"{source} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{target} [cells]", format="localized"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
        "null_p": column.NumberColumn("p of stability", format="%.3f", help="Compared with shuffled labels."),
    }
    for side, name in (("source", source), ("target", target)):
        config[f"loss_{side}"] = column.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"raw_loss_{side}"] = column.NumberColumn(f"{name} raw loss", format="%.3f")
        config[f"baseline_{side}"] = column.NumberColumn(f"{name} baseline", format="%.3f")
    label_table(ordered, config, key=f"verdicts.{folder.id}", columns=["label", *config])


def _worst_first(values: Any) -> Any:
    levels = {each.value: -each.level for each in Verdict}
    return values.map(levels) if values.name == "verdict" else values
