"""Buttons that split the labels of both files further: by a column of conditions, or by their common batches."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell.clicks import clicked
from pages.shell.places import in_own_place
from pages.shell.text import plain
from pages.shell.workspace import DEMO, Side
from pages.views.data.file_choice import change_both
from psmatch_core.data.batch_proposals import batches_of_file, shared_batches_note
from psmatch_core.data.checks import display, finer_columns


@in_own_place
def finer_label_buttons(source: Side, target: Side) -> None:
    """One button for each such column: it makes the label with the column, or is the label itself."""
    if source.summary is None or target.summary is None or source.path.startswith(DEMO):
        return
    for column in finer_columns(source.summary, target.summary, (source.spec.label_name, target.spec.label_name)):
        name = display(column.name)
        text = (
            f"Use {name} as the label"
            if column.is_label
            else f"Make the label of {display(source.label_key)} and {name}"
        )
        if not clicked(text, key=f"labels.finer.{column.name}", icon=":material/call_split:"):
            continue
        sides = [
            replace(side, label_key=each, label_with=())
            if column.is_label
            else replace(side, label_with=(*side.label_with, each))
            for side, each in zip((source, target), column.names, strict=True)
        ]
        change_both(sides[0], sides[1])


@in_own_place
def shared_batches_button(source: Side, target: Side) -> None:
    """A button that matches within the batches which both files name, and what that means."""
    if source.summary is None or target.summary is None or source.path.startswith(DEMO):
        return
    batches = batches_of_file(source.summary, {}), batches_of_file(target.summary, {})
    note = shared_batches_note(*batches)
    if batches[0] is None or batches[1] is None or not note:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(plain(note), width="stretch")
        if clicked("Match within batches", key="labels.batches", icon=":material/call_split:"):
            sides = [
                replace(side, label_with=(*side.label_with, each.column))
                for side, each in zip((source, target), batches, strict=True)
                if each is not None
            ]
            change_both(sides[0], sides[1])
