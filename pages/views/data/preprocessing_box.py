"""How the values of one side become features: what suits its assay, a button that sets it, and all settings."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.forms import config_form
from pages.shell.places import own_place
from pages.shell.text import plain
from pages.shell.workspace import Side
from psmatch_core.data.batch_proposals import (
    Batches,
    batches_of_file,
    propose_within_batches,
)
from psmatch_core.data.labels.label_rules import renamed
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.proposals import proposal_for
from psmatch_core.data.readers import ColumnSummary, MatrixSummary
from psmatch_core.data.sides import SIDES


def preprocessing_box(which: str, side: Side, matrix: MatrixSummary | None) -> Preprocessing:
    """The preprocessing of a side; what is proposed is applied only when its button is pressed."""
    form, current = f"prep-{which}", side.preprocessing
    proposal = None if matrix is None else proposal_for(matrix, *_groups(which, side))
    other = _other(which)
    within = None
    if proposal is not None and other[1] is not None:  # of a file that is not there yet nothing can be said
        within = propose_within_batches(_batches(which, side), _batches(*other), proposal, current)
    with own_place():
        for at, each in enumerate(each for each in (proposal, within) if each is not None and each.button(current)):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(plain(each.reason), width="stretch")
                if clicked(plain(each.button(current)), key=f"{form}.proposal{at}", icon=":material/tune:"):
                    session.reset_widgets(form)
                    current = each.applied_to(current)
    with st.expander("Preprocessing", icon=":material/tune:"):
        with own_place():
            if proposal is not None and not proposal.button(current):
                st.caption(plain(proposal.reason))
        return config_form(current, Preprocessing(), name=form, base_is_preset=False)


def _other(which: str) -> tuple[str, Side | None]:
    other = SIDES[1] if which == SIDES[0] else SIDES[0]  # a third is compared with the reference
    return other, session.workspace().side(other)


def _batches(which: str, side: Side | None) -> Batches | None:
    """The batches of a side that is chosen and inspected."""
    return batches_of_file(side.summary, _groups(which, side)[1]) if side and side.summary else None


def _groups(which: str, side: Side) -> tuple[tuple[ColumnSummary, ...], dict[str, int]]:
    """The columns of a side, and cells of its labels as they are under the rules."""
    columns = side.summary.columns if side.summary else ()
    labels = side.label_column
    return columns, renamed(labels.counts, session.workspace().labels.renaming(which)) if labels else {}
