"""Compare selected runs: their metrics and the settings in which they differ."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_errors
from pages.shell.frame import run_name
from pages.shell.places import in_own_place
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import plain
from psmatch_core.data.checks import display
from psmatch_core.workspace.results import load_figures
from psmatch_core.workspace.run_index import RunEntry

COMPARE = "compare."  # start of the keys of the checkboxes that select runs


@in_own_place
def run_comparison(selected: list[RunEntry]) -> None:
    """Two or more runs side by side."""
    if len(selected) < 2:
        if selected:
            st.caption("Select another run to compare the two.")
        return
    from psmatch_core.workspace.compare import compare_runs

    st.subheader(f"{len(selected)} runs side by side")
    with show_errors():
        folders = [session.store().open(entry.id) for entry in selected]
        found = compare_runs(folders)
        config: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.4g") for name in found.names}
        if len(found.figures):
            st.markdown("**Metrics**")
            st.dataframe(found.figures, column_config=config, key="compare.figures", placeholder=EMPTY_FIGURE)
        else:
            st.caption("None of these runs has results yet.")
        if len(found.settings):
            st.markdown("**Settings that differ**")
            st.dataframe(found.settings.map(_shown), key="compare.settings", placeholder=EMPTY_FIGURE)
        else:
            st.caption("All settings are the same.")
        unfinished = [run_name(folder) for folder in folders if load_figures(folder) is None]
        if unfinished and len(found.figures):
            st.caption(f"Some metrics are missing for {plain(', '.join(unfinished))}.")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else display(value, 60)
