"""How true pairs are known, and a control that overrules the decision."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.text import plain
from pages.shell.workspace import Workspace
from psmatch_core.data.checks import AUTOMATIC, EQUAL_NAMES, NO_PAIRS, PAIR_CHOICES
from psmatch_core.evaluation.evaluate import Judging

TITLES = {
    AUTOMATIC: "Decide automatically",
    EQUAL_NAMES: "Take equal names for pairs",
    NO_PAIRS: "There are none",
}


def known_pairs_section(workspace: Workspace) -> None:
    """The decision with its reason; another choice changes the settings of the next run."""
    found = workspace.known_pairs
    if found is None:
        return
    st.subheader("Known pairs")
    icon = ":material/check_circle:" if found.are_known else ":material/help:"
    st.info(
        f"**True pairs: {found.how.value}.** {plain(found.reason, 400)} Known pairs evaluate the matching; "
        "they are never used to make it.",
        icon=icon,
    )
    chosen = st.selectbox(
        "How true pairs are known",
        PAIR_CHOICES,
        index=PAIR_CHOICES.index(workspace.judging.pairs),
        format_func=TITLES.__getitem__,
        key=session.widget_key("judging.pairs"),
        help=Judging.options()["pairs"].help,
        width=380,
    )
    if chosen != workspace.judging.pairs:
        session.set_workspace(replace(workspace, judging=replace(workspace.judging, pairs=chosen)))
        st.rerun()
