"""What the matching adds to the prediction of features, over the mean of the label and beside a uniform plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count, plain
from psmatch_core.data.checks import display
from psmatch_core.evaluation.within_labels import FeatureAccuracy
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

MEANING = (
    "R² within labels counts differences between cells of the same label only: those between labels can be predicted "
    "without a matching, by the mean of the label. 1 is perfect, 0 is no better than that mean, below 0 is worse."
)
TOP_FEATURES = 25


def accuracy_of(folder: RunFolder, direction: str) -> tuple[FeatureAccuracy, ...]:
    """The accuracy of a run in a direction; empty if it was not measured."""
    return (files.ACCURACY.read(folder) or {}).get(direction, ())


def say_not_measured(folder: RunFolder) -> None:
    """Say why nothing is known of the accuracy, and what to do."""
    if files.EVALUATION.is_in(folder):
        st.info(
            "True pairs are known, but an earlier version made this run and did not measure R² within labels. → Match "
            "again.",
            icon=":material/refresh:",
        )
        return
    st.info(
        "No true pairs are known, so the accuracy of single features cannot be measured. → See “Leave a perturbation "
        "out” and “Distributions”.",
        icon=":material/arrow_forward:",
    )


def show_finding(found: FeatureAccuracy) -> None:
    """The sentence on what the matching adds, with its remarks."""
    st.markdown(f"**{plain(found.finding())}.**")
    st.caption(f"{plain(found.translator)}. {plain(' '.join(found.remarks()))}")


def show_features(found: FeatureAccuracy, *, key: str) -> None:
    """R² of each feature beside the uniform plan, the features to which the matching adds, and a table of all."""
    from psmatch_core.plotting import feature_r2_bars

    st.caption(
        f"{plain(found.translator)}. {plain(' '.join(found.remarks()))}"
    )  # the title of the figure says the rest
    charts.show(
        feature_r2_bars(found, top=TOP_FEATURES),
        key=f"accuracy.bars.{key}",
        alt="R² within labels of each predicted feature, with that of a uniform plan",
    )
    table = found.table()
    gained = table[table["feature"].isin(found.gained)].sort_values("gain", ascending=False)
    st.markdown("**What the matching adds**")
    if len(gained):
        _table(gained, key=f"accuracy.gained.{key}")
    else:
        st.caption("There is no single feature to which the matching adds more than chance would.")
    with st.expander(f"All {count(len(found.features), 'feature')} as a table"):
        _table(_best_first(table), key=f"accuracy.all.{key}")


def _best_first(table: pd.DataFrame) -> pd.DataFrame:
    """The features to which the matching adds most first, below the row of all features."""
    order = table["gain"].iloc[1:].sort_values(ascending=False).index
    return table.loc[[*table.index[:1], *order]]


def _table(table: Any, *, key: str) -> None:
    shown = table.copy()
    shown["feature"] = [display(each, 60) for each in shown["feature"]]
    titles = {
        "r2_matched": "R² within labels",
        "r2_uniform": "Uniform plan",
        "r2_true_pairs": "True pairs",
        "gain": "Gain",
        "gain_low": "95% from",
        "gain_high": "95% to",
    }
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(title, format="%.3f") for name, title in titles.items()
    }
    for name in titles.keys() & {*shown.columns}:
        shown[name] = shown[name].round(3) + 0.0  # a mean of the label itself is not shown as −0.000
    config["feature"] = st.column_config.TextColumn("Feature")
    config["adds"] = st.column_config.CheckboxColumn(
        "Matching adds", help="The gain is at least 0.01; at most 5% of the features marked are expected by chance."
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        height=38 + 35 * min(len(shown), 8),
        key=key,
        placeholder=EMPTY_FIGURE,
    )
