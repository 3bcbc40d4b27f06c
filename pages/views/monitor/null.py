"""What arises by chance: losses and stability with the true labels and with shuffled labels."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell import charts
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count
from psmatch_core.monitor import MonitorReport
from psmatch_core.workspace.run_folder import RunFolder


def null_tab(folder: RunFolder, report: MonitorReport) -> None:
    """The null as a figure and as a table, once it is measured."""
    from psmatch_core.plotting import null_strips

    null = report.null
    if null is None:
        st.info(
            "Not measured yet: choose the number of shuffles below, then press “Measure again”. It shows which losses "
            "and matches arise by chance, when labels carry no information about the cells.",
            icon=":material/arrow_forward:",
        )
        return
    charts.show(null_strips(null), key=f"null.{folder.id}", alt="Statistics with the true and with shuffled labels")
    rows = [
        {
            "statistic": each.statistic.title,
            "true labels": each.observed,
            "shuffled, lowest": min(each.shuffled),
            "shuffled, highest": max(each.shuffled),
            "p": each.p_value,
            "unit": each.statistic.unit,
        }
        for each in null.statistics
    ]
    names = ("true labels", "shuffled, lowest", "shuffled, highest")
    config: dict[str, Any] = {name: st.column_config.NumberColumn(name, format="%.3f") for name in names}
    config["p"] = st.column_config.NumberColumn("p", format="%.2g")
    st.dataframe(rows, hide_index=True, column_config=config, placeholder=EMPTY_FIGURE)
    st.caption(
        f"{count(null.n_shuffles, 'shuffle')} with {null.n_source:,} and {null.n_target:,} cells. A fast classifier "
        "(ridge regression on the labels) was trained on the true labels and on each shuffle, so compare these numbers "
        "with each other and not with those of the run."
    )
