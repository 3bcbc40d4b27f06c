"""How true pairs are known: the column of each file that names the cell, and a control that overrules the decision."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.places import in_own_place
from pages.shell.text import plain
from pages.shell.workspace import Side
from pages.views.data.side_form import both_sides, third_side
from psmatch_core.data.checks import AUTOMATIC, EQUAL_NAMES, NO_PAIRS, PAIR_CHOICES, display
from psmatch_core.data.readers import FileSummary
from psmatch_core.evaluation.evaluate import Judging

TITLES = {
    AUTOMATIC: "Decide automatically",
    EQUAL_NAMES: "Take equal names for pairs",
    NO_PAIRS: "There are none",
}


@in_own_place
def known_pairs_section() -> None:
    """The column of each file, and the decision with its reason; another choice is for the next run."""
    if session.workspace().source is None or session.workspace().target is None:
        return
    st.subheader("Known pairs", anchor=False)
    both_sides(_pair_form)
    third_side(_pair_form)
    workspace = session.workspace()
    found = workspace.known_pairs
    if found is None:
        return
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


def _pair_form(which: str, side: Side, summary: FileSummary) -> Side:
    return replace(side, pair_key=_pair_box(side, summary, f"{session.widget_key(f'side.{which}')}.pair"))


def _pair_box(side: Side, summary: FileSummary, key: str) -> str:
    """Columns that may name the physical cell: those with nearly as many values as cells."""
    names = [column.name for column in summary.columns if column.n_distinct > 0.5 * summary.n_cells]
    if side.pair_key and side.pair_key not in names:
        names.append(side.pair_key)
    if not names:
        st.caption("No column names the physical cell: that takes nearly as many values as there are cells.")
        return ""
    options = ["", *names]
    chosen = st.selectbox(
        "Known pairs, used only to evaluate the result",
        options,
        index=options.index(side.pair_key),
        format_func=lambda each: f"column {display(each)}" if each else "no column: by cell names, if they show it",
        key=key,
        help="A column that identifies the physical cell in both modalities. It is never used for matching.",
    )
    return chosen or ""
