"""What the matching adds to the prediction of features, in both directions."""

from __future__ import annotations

import streamlit as st

from pages.shell import accuracy
from pages.shell.distributions import DIRECTION_TITLES
from pages.shell.navigation import page_button
from pages.shell.text import plain
from psmatch_core.workspace import files
from psmatch_core.workspace.results import side_names
from psmatch_core.workspace.run_folder import RunFolder


def by_feature_section(folder: RunFolder) -> None:
    """One sentence for each direction and translator; Translate shows the single features."""
    found = files.ACCURACY.read(folder)
    st.subheader("Predicted features")
    if not found:
        accuracy.say_not_measured(folder)
        return
    st.caption(accuracy.MEANING)
    names = {side: plain(name, 24) for side, name in side_names(folder).items()}
    for direction, results in found.items():
        st.markdown(DIRECTION_TITLES[direction].format(**names))
        for each in results:
            accuracy.show_finding(each)
    page_button("translate", "See each feature on Translate")
