"""The verdict on each label with its evidence, as a table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell.tables import label_table, wrapped_height
from pages.shell.text import plain
from psmatch_core.monitor import MonitorReport
from psmatch_core.workspace.run_folder import RunFolder

REASONS, ADVICE = 600, 560  # px of columns whose texts go on in further lines


def label_verdicts(folder: RunFolder, report: MonitorReport) -> None:
    """The table, the best verdicts first."""
    column = st.column_config
    source, target = (plain(name) for name in report.names)
    table = report.table()
    config: dict[str, Any] = {
        "verdict": column.TextColumn("Verdict", width=170),
        "agreement": column.NumberColumn(
            "Agreement", format="%.2f", help="Mean of those of the halves of cells and of features."
        ),
        "reasons": column.TextColumn("Reasons", width=REASONS),
        "advice": column.TextColumn("What would help", width=ADVICE),
        "agreement_cells": column.NumberColumn("Halves of cells", format="%.2f"),
        "agreement_features": column.NumberColumn("Halves of features", format="%.2f"),
        "n_source": column.NumberColumn(f"{source} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{target} [cells]", format="localized"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
    }
    for side, name in (("source", source), ("target", target)):
        config[f"loss_{side}"] = column.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"raw_loss_{side}"] = column.NumberColumn(f"{name} raw loss", format="%.3f")
        config[f"baseline_{side}"] = column.NumberColumn(f"{name} baseline", format="%.3f")
    height = max(wrapped_height(table["reasons"], REASONS), wrapped_height(table["advice"], ADVICE))
    label_table(table, config, key=f"verdicts.{folder.id}", columns=["label", *config], row_height=height)
