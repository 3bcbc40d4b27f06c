"""What one looks around with on the Match page: the one state "selected cells", and what it is read against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, session
from pages.shell.errors import told
from pages.shell.text import count, plain
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling


def readable(folder: RunFolder) -> tuple[Modality, Modality]:
    """Both sides as a biologist reads them: before z-scoring and PCA."""
    return _readable(str(folder.path), folder.stage_file("source_propensity").stat().st_mtime_ns)


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Loading the features…")
def _readable(path: str, stamp: int) -> tuple[Modality, Modality]:
    from psmatch_core.workspace.results import load_readable

    return load_readable(RunFolder(Path(path)))


def selected(folder: RunFolder) -> Selection | None:
    """The selected cells of a run; None where nothing is selected."""
    found: Selection | None = session.peek(f"selected.{folder.id}")
    return found


def select(folder: RunFolder, selection: Selection | None) -> None:
    """Make these the selected cells."""
    session.leave(f"selected.{folder.id}", selection)


def rows_chosen(key: str) -> list[int]:
    """Rows of a table that are ticked, for its callback."""
    state: Any = session.value_of(key)
    return [int(row) for row in (state or {}).get("selection", {}).get("rows", [])]


def shapes_drawn(key: str) -> list[tuple[str, list[float], list[float]]]:
    """Shapes drawn on a figure, for its callback: axis (``x``, ``x2``), and the corners' values along both axes."""
    state: Any = session.value_of(key)
    chosen = (state or {}).get("selection", {})
    lassos = [(str(each["xref"]), list(each["x"]), list(each["y"])) for each in chosen.get("lasso", [])]
    for box in chosen.get("box", []):
        (x1, x2), (y1, y2) = sorted(box["x"]), sorted(box["y"])
        lassos.append((str(box["xref"]), [x1, x2, x2, x1], [y1, y1, y2, y2]))
    return lassos


def chip(folder: RunFolder, coupling: Coupling, where: str) -> Selection | None:
    """The selected cells as a chip that can be cleared; returns them."""
    chosen = selected(folder)
    if chosen is None:
        return None
    name = plain((coupling.source if chosen.side == "source" else coupling.target).modality.name)
    with st.container(horizontal=True, vertical_alignment="center", key=f"chip.{where}.{folder.id}"):
        called = f"{plain(chosen.name)}: " if chosen.name else ""
        st.badge(f"{called}{count(len(chosen), f'{name} cell')} selected", icon=":material/select:", color="blue")
        st.caption(plain(chosen.origin))
        if st.button("Clear", key=f"clear.{where}.{folder.id}", icon=":material/close:", type="tertiary"):
            select(folder, None)
            st.rerun()
    return chosen


def keep_selection(folder: RunFolder, coupling: Coupling, selection: Selection) -> None:
    """Give the selected cells a name, keep them with the run, and take them away."""
    from psmatch_core.workspace.selections import (
        TABLE,
        delete_selection,
        export_selections,
        load_selections,
        save_selection,
        selection_table,
    )

    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.text_input(
        "Name of this selection", selection.name, key=f"selection.name.{folder.id}", placeholder="such as: responders"
    )
    with right.container(horizontal=True):
        if st.button("Save with the run", key=f"selection.save.{folder.id}", icon=":material/bookmark_add:"):
            with told():
                save_selection(folder, coupling, selection.named(name))
                select(folder, selection.named(name.strip()))
                st.toast(f"Saved as {plain(name.strip())}.", icon=":material/check:")
        st.download_button(
            "Table",
            lambda: selection_table(coupling, (selection.named(name.strip() or "selection"),)).to_csv(index=False),
            TABLE,
            "text/csv",
            key=f"selection.download.{folder.id}",
            icon=":material/download:",
            on_click="ignore",
        )
    saved = load_selections(folder, coupling)
    if not saved:
        return
    with st.expander(f"Saved selections ({len(saved)})"):
        for number, each in enumerate(saved):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(each.name)}**: {count(len(each), f'{each.side} cell')}")
                if st.button("Show", key=f"selection.show.{folder.id}.{number}", type="tertiary"):
                    select(folder, each)
                    st.rerun()
                if st.button("Delete", key=f"selection.delete.{folder.id}.{number}", type="tertiary"):
                    delete_selection(folder, each.name)
                    st.rerun()
        if st.button(
            "Write into the exported files",
            key=f"selection.export.{folder.id}",
            icon=":material/output:",
            help="A column in obs (source) or var (target) of coupling.h5ad, and selections.csv beside it.",
        ):
            with told(), st.spinner("Writing…"):
                export_selections(folder, coupling)
                st.toast("Written into coupling.h5ad and selections.csv.", icon=":material/check:")
