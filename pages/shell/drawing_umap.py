"""UMAP when a visitor asks for it: a job that draws it, and its progress; PCA is shown until it is ready."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shell import progress_box, session
from pages.shell.errors import show_errors
from pages.shell.places import in_own_place
from pages.shell.read_only import may_change
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.score_map import UMAP, ScoreMapJob
from psmatch_core.workspace.run_folder import RunFolder


@in_own_place
def draw_umap(folder: RunFolder) -> None:
    """Start to draw the map of a run, unless somebody has asked before, and show how far it is."""
    asked = ScoreMapJob.of_run(folder)
    with show_errors():
        if asked is None or asked.is_done:  # done, but the map was removed
            if not may_change(folder, to="draw the map by UMAP"):
                return
            asked = session.store().start_job(ScoreMapJob.create(folder))
        job = asked
        if not job.is_active:
            progress_box.show_job(job)
            return
        fragment: Callable[[], None] = st.fragment(lambda: _wait(folder, job), run_every="1s")
        fragment()


def _wait(folder: RunFolder, job: ScoreMapJob) -> None:
    if files.SCORE_MAP.is_in(folder, UMAP) or not job.is_active:
        st.rerun()
    st.caption(":material/hourglass_top: UMAP is being computed; until it is ready you see the principal components.")
