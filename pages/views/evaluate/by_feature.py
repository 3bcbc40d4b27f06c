"""R² of each target feature, predicted for source cells and compared with the true partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import charts
from pages.shell.text import count, plain
from psmatch_core.data.checks import display
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.evaluate import EvaluationSummary

TOP_FEATURES = 25


def by_feature_section(folder: RunFolder, found: EvaluationSummary) -> None:
    """A figure of the best features, and a table of all."""
    from psmatch_core.plotting import feature_r2_bars

    values = files.FEATURE_R2.read(folder)
    if not values:
        return
    st.subheader("By feature")
    charts.show(
        feature_r2_bars(values, top=TOP_FEATURES, uniform=found.uniform_r2),
        key=f"r2.{folder.id}",
        alt="Variance explained (R²) of each target feature",
    )
    with st.expander(f"All {count(len(values), 'feature')} as a table"):
        text = st.text_input("Find a feature", key=f"r2.search.{folder.id}", placeholder="part of its name")
        wanted = text.strip().casefold()
        rows = [{"feature": display(name, 60), "r2": r2} for name, r2 in values.items() if wanted in name.casefold()]
        if not rows:
            st.info(f"No feature has a name that contains {plain(text, 60)}.", icon=":material/search_off:")
            return
        st.dataframe(
            rows,
            hide_index=True,
            height=38 + 35 * min(len(rows), 9),
            column_config={
                "feature": st.column_config.TextColumn("Feature"),
                "r2": st.column_config.NumberColumn(
                    "R²", format="%.3f", help="1 is perfect, 0 is no better than the feature's mean."
                ),
            },
        )
