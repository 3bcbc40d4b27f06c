"""Which features of the two modalities vary together over matched cells, with permutations as a null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.forms import config_form
from pages.shell.places import own_place
from pages.shell.tables import EMPTY_CELL, in_percent, percent_column
from pages.shell.text import plain
from psmatch_core.base.progress import Event
from psmatch_core.data.checks import display
from psmatch_core.matching.match_features import FeatureRules
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.match_features import FeatureMatching

RESULT, SETTINGS = "features.result", "features.settings"  # this visitor's last result, and the form's settings
PARTNERS, DRAWN = 5, 30


def feature_pairs_tab(folder: RunFolder) -> None:
    """The settings, a button that computes the pairs, and the result."""
    st.caption(
        "Once cells are matched, features can be matched too: those whose values rise and fall together over matched "
        "cells are paired. True pairs are not needed."
    )
    rules: FeatureRules = session.get(SETTINGS) or FeatureRules()
    with st.expander("Settings", icon=":material/tune:"):
        rules = config_form(rules, FeatureRules(), name="features", base_is_preset=False)
    session.put(SETTINGS, rules)
    result = session.get(RESULT)
    if result is not None and result[0] != folder.id:
        result = None
    pressed = clicked("Match features again" if result else "Match features", key="features.go")
    with own_place():
        if pressed:
            result = _compute(folder, rules) or result
        if result is not None and result[1] != rules:
            st.warning("This result has other settings. → Match features again.", icon=":material/refresh:")
    if result is None:
        return
    _show(folder, result[2])


def _compute(folder: RunFolder, rules: FeatureRules) -> tuple[str, FeatureRules, FeatureMatching] | None:
    """Match the features with a progress bar; this takes seconds, so it needs no background job."""
    from psmatch_core.workspace.results import features_of

    bar = st.progress(0.0, text="projecting features across the coupling")

    def report(event: Event, /) -> None:
        if event.stage == "features":
            bar.progress(min(event.fraction, 1.0), text=plain(event.message) or "done")

    result = None
    with show_errors():
        found = features_of(folder, rules, coupling=cache.coupling(folder), progress=report)
        result = (folder.id, rules, found)
        session.put(RESULT, result)
    bar.empty()
    return result


def _show(folder: RunFolder, found: FeatureMatching) -> None:
    from psmatch_core.exports.tables import table_bytes
    from psmatch_core.plotting import feature_heatmap

    sides = {"target": found.target, "source": found.source}
    side = (
        st.segmented_control(
            "Features of",
            list(sides),
            format_func=lambda each: plain(sides[each], 40),
            default="target",
            key=f"features.of.{folder.id}",
        )
        or "target"
    )
    for note in found.notes:
        st.caption(plain(note))
    charts.show(
        feature_heatmap(found, of=side, top=DRAWN),
        key=f"features.heat.{folder.id}.{side}",
        alt="Correlations of features with their best partners",
    )
    table = found.table(of=side, top=PARTNERS)
    shown = in_percent(table, "weight")
    for name in shown.columns.intersection(["feature", "partner", "feature_id", "partner_id"]):
        shown[name] = [display(each, 60) for each in shown[name]]
    column = st.column_config
    config: dict[str, Any] = {
        "feature": column.TextColumn("Feature"),
        "rank": column.NumberColumn("Rank", format="%d"),
        "partner": column.TextColumn("Partner"),
        "feature_id": column.TextColumn("Feature id"),
        "partner_id": column.TextColumn("Partner id"),
        "weight": percent_column("Weight", help="Share of the feature's mass."),
        "fold": column.NumberColumn("× uniform", format="%.1f", help="Weight relative to a uniform plan."),
        "correlation": column.NumberColumn("Correlation", format="%.2f", help="Over the matched cells."),
        "p_value": column.NumberColumn(
            "p", format="%.2g", help="Share of permutations with a best partner at least as good."
        ),
        "q_value": column.NumberColumn("q", format="%.2g", help="Benjamini–Hochberg, over features."),
    }
    st.dataframe(
        shown, hide_index=True, column_config=config, height=320, key=f"features.table.{side}", placeholder=EMPTY_CELL
    )
    st.download_button(
        "Download as csv",
        data=table_bytes(table, "csv"),
        file_name="feature_matches.csv",
        mime="text/csv",
        key=f"features.csv.{side}",
        on_click="ignore",
        icon=":material/download:",
    )
    st.caption(
        "A small p means that the matching relies on the pair. It does not confirm the pair: the matching was computed "
        "from the same features, and would also use a pair that agrees by accident."
    )
