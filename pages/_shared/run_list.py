"""The runs of this workspace: open one, delete one, bring a deleted one back."""

from __future__ import annotations

import streamlit as st

from pages._shared import session
from pages._shared.errors import told
from pages._shared.frame import STATES
from pages._shared.text import plain, when
from psmatch_core.run_store import RunEntry

SHOWN = 8


def run_list() -> None:
    """Earlier runs, newest first."""
    entries, deleted = session.store().entries(), session.store().deleted()
    if not entries and not deleted:
        return
    st.subheader("Earlier runs")
    current = session.workspace().run_id
    for entry in entries[:SHOWN]:
        _row(entry, is_current=entry.id == current)
    if len(entries) > SHOWN:
        with st.expander(f"{len(entries) - SHOWN} more"):
            for entry in entries[SHOWN:]:
                _row(entry, is_current=entry.id == current)
    if deleted:
        with st.expander(f"Deleted runs ({len(deleted)})", icon=":material/restore_from_trash:"):
            for entry in deleted:
                _aside(entry)


def _aside(entry: RunEntry) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{plain(entry.name or entry.id)}  \n{when(entry.created)}", width="stretch")
        if st.button("Bring back", key=f"restore.{entry.id}", icon=":material/undo:", help=f"Run {entry.id}"):
            with told():
                session.store().restore(entry.id)
                st.rerun()


def _row(entry: RunEntry, *, is_current: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        name = plain(entry.name or entry.id)
        shown = " · on show" if is_current else ""
        st.markdown(
            f"**{name}**  \n{when(entry.created)} · {STATES.get(entry.state, entry.state)}{shown}", width="stretch"
        )
        if st.button("Open", key=f"open.{entry.id}", disabled=is_current, help=f"Show run {entry.id}"):
            with told():
                session.keep(session.opened(entry.id))
                for name in ("side.source", "side.target", "prep-source", "prep-target", "labels.minimum"):
                    session.renew(name)
                st.rerun()
        with st.popover("Delete", help="Ends the run and moves it to the folder “deleted” of the workspace."):
            st.caption(
                "It moves to the folder “deleted” of the workspace, from where “Deleted runs” below brings it back."
            )
            if st.button("Delete this run", key=f"delete.{entry.id}", type="primary"):
                with told():
                    session.store().delete(session.store().open(entry.id))
                    if is_current:
                        session.keep(session.workspace().with_run(""))
                    st.rerun()
