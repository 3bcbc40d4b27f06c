"""Measure a matching again with shuffled labels; every run is measured without them when it is matched."""

from __future__ import annotations

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.places import in_own_place
from pages.shell.read_only import may_change
from psmatch_core.monitor import Monitoring, MonitorReport
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.run_folder import RunFolder

SHUFFLES = (0, 20, 50, 100, 200)


@in_own_place
def measurement(folder: RunFolder, report: MonitorReport) -> None:
    """A form that measures again with shuffled labels, or its progress."""
    from psmatch_core.classification.propensity import PropensityModel

    if not all(isinstance(model, PropensityModel) for model in cache.scored_modalities(folder)):
        st.info(
            "This run was matched by latents. Halves, hidden labels and shuffled labels can be measured only for "
            "propensity scores; use the losses here, and the known pairs on Evaluate.",
            icon=":material/info:",
        )
        return
    job = MonitorJob.of_run(folder)
    if job is not None and not job.is_done:
        progress_box.show_job(job)
        if job.is_active:
            return
    if not may_change(folder, to="measure again"):
        return
    with st.expander("Measure again with shuffled labels", expanded=not report.is_measured):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            shuffles = st.selectbox(
                "Label shuffles",
                SHUFFLES,
                index=1 if report.is_measured else 0,
                key=f"shuffles.{folder.id}",
                format_func=lambda n: f"{n}: smallest p {1 / (1 + n):.2g}" if n else "none",
                help="How many times the labels are shuffled among the cells, to see what arises by chance.",
                width=260,
            )
            pressed = clicked("Measure again", key=f"measure.{folder.id}", icon=":material/monitor_heart:")
        st.caption(
            "Each shuffle trains a fast classifier on labels without meaning. Scores of halves that were trained "
            "before are used again."
        )
    if pressed:
        with show_errors():
            if job is None or not job.is_active:
                session.store().start_job(MonitorJob.create(folder, Monitoring(n_shuffles=int(shuffles or 0))))
            st.rerun()
