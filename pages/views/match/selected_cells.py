"""The selected cells of the Match page: one selection, shared by maps, heatmap and tables, which can be saved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import session
from pages.shell.clicks import act_on_click, clicked
from pages.shell.errors import show_errors
from pages.shell.places import in_own_place
from pages.shell.read_only import may_change
from pages.shell.text import count, plain
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling


def selected(folder: RunFolder) -> Selection | None:
    """The selected cells of a run; None if nothing is selected."""
    found: Selection | None = session.get(f"selected.{folder.id}")
    return found


def select(folder: RunFolder, selection: Selection | None) -> None:
    """Replace the selected cells."""
    session.put(f"selected.{folder.id}", selection)


def selected_rows(key: str) -> list[int]:
    """Selected rows of a table, for its callback."""
    state: Any = session.get(key)
    return [int(row) for row in (state or {}).get("selection", {}).get("rows", [])]


@in_own_place
def chip(folder: RunFolder, coupling: Coupling, where: str) -> Selection | None:
    """Show the selected cells with a button to clear them; returns them."""
    selection = selected(folder)
    if selection is None:
        return None
    modality = plain((coupling.source if selection.side == "source" else coupling.target).modality.name)
    with st.container(horizontal=True, vertical_alignment="center", key=f"chip.{where}.{folder.id}"):
        name = f"{plain(selection.name)}: " if selection.name else ""
        cells = count(len(selection), f"{modality} cell")
        st.badge(f"{name}{cells} selected", icon=":material/select:", color="blue")
        st.caption(plain(selection.origin))
        if clicked("Clear", key=f"clear.{where}.{folder.id}", icon=":material/close:", type="tertiary"):
            select(folder, None)
            st.rerun()
    return selection


def save_form(folder: RunFolder, coupling: Coupling, selection: Selection) -> None:
    """Name the selected cells, save them with the run, download them, and manage the saved selections."""
    from psmatch_core.exports.tables import table_bytes
    from psmatch_core.workspace.selections import SELECTION_TABLE, save_selection, selection_table

    may_save = may_change(folder, to="save selections with it")
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.text_input(
        "Name of this selection",
        selection.name,
        key=f"selection.name.{folder.id}",
        placeholder="for example: responders",
    )
    with right.container(horizontal=True):
        if may_save and clicked("Save with the run", key=f"selection.save.{folder.id}", icon=":material/bookmark_add:"):
            with show_errors():
                save_selection(folder, coupling, selection.named(name))
                select(folder, selection.named(name.strip()))
                st.toast(f"Saved as {plain(name.strip())}.", icon=":material/check:")
        st.download_button(
            "Download table",
            lambda: table_bytes(selection_table(coupling, (selection.named(name.strip() or "selection"),)), "csv"),
            SELECTION_TABLE,
            "text/csv",
            key=f"selection.download.{folder.id}",
            icon=":material/download:",
            on_click="ignore",
        )
    _saved_selections(folder, coupling, may_change_them=may_save)


@in_own_place
def _saved_selections(folder: RunFolder, coupling: Coupling, *, may_change_them: bool) -> None:
    from psmatch_core.workspace.selections import delete_selection, export_selections, load_selections

    saved = load_selections(folder, coupling)
    if not saved:
        return
    with st.expander(f"Saved selections ({len(saved)})"):
        for number, each in enumerate(saved):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(each.name)}**: {count(len(each), f'{each.side} cell')}")
                if clicked("Show", key=f"selection.show.{folder.id}.{number}", type="tertiary"):
                    select(folder, each)
                    st.rerun()
                delete_key = f"selection.delete.{folder.id}.{number}"
                delete = partial(delete_selection, folder, each.name)
                if may_change_them and act_on_click("Delete", delete, key=delete_key, type="tertiary"):
                    st.rerun()
        if may_change_them and clicked(
            "Add to the exported files",
            key=f"selection.export.{folder.id}",
            icon=":material/output:",
            help="Adds a column to obs (source) or var (target) of coupling.h5ad, and writes selections.csv.",
        ):
            with show_errors(), st.spinner("Writing…"):
                export_selections(folder, coupling)
                st.toast("Added to coupling.h5ad and selections.csv.", icon=":material/check:")


@in_own_place
def saved_buttons(folder: RunFolder, coupling: Coupling) -> None:
    """One button for each saved selection, which selects its cells."""
    from psmatch_core.workspace.selections import load_selections

    saved = load_selections(folder, coupling)
    if saved:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Saved with this run:")
            for number, each in enumerate(saved):
                if clicked(plain(each.name), key=f"saved.{folder.id}.{number}", icon=":material/bookmark:"):
                    select(folder, each)
                    st.rerun()
