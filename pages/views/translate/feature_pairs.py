"""Which feature of one modality goes with which of the other: worked out when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.errors import told
from pages.shell.forms import config_form
from pages.shell.text import plain
from psmatch_core.base.progress import Event
from psmatch_core.data.checks import display
from psmatch_core.matching.match_features import FeatureRules
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.match_features import FeatureMatching

HELD, ASKED = "features.held", "features.asked"  # the last result of this visitor, and the settings in the form
PARTNERS, DRAWN = 5, 30


def feature_view(folder: RunFolder) -> None:
    """The plan of the features, with its permutations."""
    st.caption(
        "Cells being matched, features are matched too: two go together that rise and fall together over matched "
        "cells. No true pairs are needed."
    )
    rules: FeatureRules = session.peek(ASKED) or FeatureRules()
    with st.expander("Settings", icon=":material/tune:"):
        rules = config_form(rules, FeatureRules(), name="features")
    session.leave(ASKED, rules)
    held = session.peek(HELD)
    is_there = held is not None and held[0] == folder.id
    if st.button("Match features again" if is_there else "Match features", key="features.go"):
        bar = st.progress(0.0, text="carrying features across the coupling")

        def report(event: Event, /) -> None:
            if event.stage == "features":
                bar.progress(min(event.fraction, 1.0), text=plain(event.message) or "done")

        with told():
            held = (folder.id, rules, cache.features_of(folder, rules, report))
            session.leave(HELD, held)
            is_there = True
        bar.empty()
    if not is_there:
        return
    if held[1] != rules:
        st.warning("This belongs to other settings. → Match features again.", icon=":material/refresh:")
    _shown(folder, held[2])


def _shown(folder: RunFolder, found: FeatureMatching) -> None:
    from psmatch_core.plotting import feature_heatmap

    sides = {"target": found.target, "source": found.source}
    of = (
        st.segmented_control(
            "Features of",
            list(sides),
            format_func=lambda side: plain(sides[side], 40),
            default="target",
            key=f"features.of.{folder.id}",
        )
        or "target"
    )
    for note in found.notes:
        st.caption(plain(note))
    charts.show(
        feature_heatmap(found, of=of, top=DRAWN),
        key=f"features.heat.{folder.id}.{of}",
        alt="Correlations of features with their first partners",
    )
    table = found.table(of=of, top=PARTNERS)
    shown = table.copy()
    for name in ("feature", "partner"):
        shown[name] = [display(each, 60) for each in shown[name]]
    column = st.column_config
    config: dict[str, Any] = {
        "feature": column.TextColumn("Feature"),
        "rank": column.NumberColumn("Rank", format="%d"),
        "partner": column.TextColumn("Goes with"),
        "weight": column.NumberColumn("Weight", format="percent", help="Share of the feature's mass."),
        "fold": column.NumberColumn("× uniform", format="%.1f", help="Weight over that of a uniform plan."),
        "correlation": column.NumberColumn("Correlation", format="%.2f", help="Over the matched cells."),
        "p_value": column.NumberColumn(
            "p", format="%.3f", help="Share of permutations in which the feature's best partner did as well."
        ),
        "q_value": column.NumberColumn("q", format="%.3f", help="Benjamini and Hochberg, over features."),
    }
    st.dataframe(shown, hide_index=True, column_config=config, height=320, key=f"features.table.{of}")
    st.download_button(
        "Download as csv",
        data=table.to_csv(index=False).encode(),
        file_name="feature_matches.csv",
        mime="text/csv",
        key=f"features.csv.{of}",
        on_click="ignore",
        icon=":material/download:",
    )
    st.caption(
        "A small p says that this matching rests on the pair. It does not confirm it: the matching was found from the "
        "same features, and would make use of a pair that agrees by accident too."
    )
