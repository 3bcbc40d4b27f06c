"""Whether the file of a run has changed since the run was computed, as its hash says."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.places import in_own_place
from pages.shell.text import plain
from pages.shell.workspace import Side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.run_folder import RunFolder


@in_own_place
def warn_of_changed_file(which: str, side: Side) -> None:
    """Warn if the content of a side's file is not that of which the current run or matching was made."""
    summary = side.summary
    if summary is None or not summary.sha256:
        return
    for folder in _folders():
        try:
            spec = {"source": folder.recipe.source, "target": folder.recipe.target}.get(which)
        except PsmatchError:  # the top of the page tells
            continue
        if spec is not None and spec.path == side.path and spec.sha256 not in ("", summary.sha256):
            st.warning(
                f"**{plain(summary.name)} has changed since this run was computed.** Its results are those of the "
                "earlier content; a new run reads the file as it is now.",
                icon=":material/change_circle:",
            )
            return


def _folders() -> list[RunFolder]:
    run, matching = session.current_run(), session.several_job(session.workspace().several_id)
    return [folder for folder in (run, matching.folder if matching else None) if folder is not None]
