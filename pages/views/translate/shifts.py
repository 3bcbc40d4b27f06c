"""How each label shifts all features from its control, as predicted and as measured."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.tables import label_table
from pages.views.translate import predictions
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder


def shifts_tab(folder: RunFolder, direction: str, *, is_trained: bool) -> None:
    """The share of each label's shift that is predicted, the features of one label, and a table."""
    from psmatch_core.plotting import label_shift, shift_dots

    found = predictions.shifts(folder, direction)
    if found is None:
        predictions.say_no_predictions()
        return
    if not is_trained:
        st.caption(
            "Caution: averaged over all cells of a label, the weighted means of matches always give the label's own "
            "mean, whatever the matching. These numbers evaluate only trained translators. For this one, use the next "
            "tab and leave a label out."
        )
    charts.show(shift_dots(found), key=f"shifts.{folder.id}.{direction}", alt="Share of each label's shift explained")
    if not found.labels:
        return
    label = st.selectbox(
        "Label",
        sorted(found.labels, key=lambda each: -found.size[found.labels.index(each)]),
        format_func=lambda each: display(each, 60),
        key=f"shifts.label.{folder.id}.{direction}",
        help="The label with the largest shift comes first.",
    )
    if label is not None:
        charts.show(
            label_shift(found, label),
            key=f"shift.{folder.id}.{direction}.{label}",
            alt=f"Predicted and measured shift of each feature for {display(label)}",
        )
    with st.expander("All labels as a table"):
        column = st.column_config
        label_table(
            found.table(),
            {
                "control": column.TextColumn("Control"),
                "n_predicted": column.NumberColumn("Predicted [cells]", format="localized"),
                "n_measured": column.NumberColumn("Measured [cells]", format="localized"),
                "size": column.NumberColumn(
                    "Shift [sd]", format="%.2f", help="Root mean square of the measured shift over features."
                ),
                "explained": column.NumberColumn(
                    "Explained", format="%.2f", help="1 is perfect, 0 is as good as predicting no change."
                ),
                "correlation": column.NumberColumn("Correlation", format="%.2f", help="Over features."),
            },
            key=f"shifts.{folder.id}.{direction}",
        )
