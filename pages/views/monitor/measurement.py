"""Measure the stability of a matching and its null in the background; until then, the losses alone are judged."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.errors import show_error, show_errors
from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor import Monitoring, MonitorReport
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.run_folder import RunFolder

SHUFFLES = (0, 20, 50, 100, 200)


def report_of(folder: RunFolder) -> MonitorReport:
    """The measured report if it belongs to this matching, otherwise one from the losses alone."""
    quick = _quick_report(str(folder.path), files.COUPLING.times(folder))
    try:
        measured = files.MONITOR_REPORT.read(folder)
    except PsmatchError as error:
        show_error(error)
        return quick
    if measured is not None and measured.made_of != quick.made_of:
        st.warning("The measurements belong to an earlier matching. → Measure again.", icon=":material/refresh:")
        return quick
    return measured or quick


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Evaluating the losses…")
def _quick_report(path: str, times: tuple[int, ...]) -> MonitorReport:
    from psmatch_core.monitor import judge
    from psmatch_core.pipeline.stage_keys import matching_key

    folder = RunFolder(Path(path))
    coupling = cache.coupling(folder)
    return judge(coupling, made_of=matching_key(coupling, folder.recipe))


def measurement(folder: RunFolder, report: MonitorReport) -> None:
    """A button that starts the measurement, or its progress."""
    from psmatch_core.classification.propensity import PropensityModel

    if not all(isinstance(model, PropensityModel) for model in cache.scored_modalities(folder)):
        st.info(
            "This run was matched by latents. Stability and shuffled labels can be measured only for propensity "
            "scores; use the losses here, and the known pairs on Evaluate.",
            icon=":material/info:",
        )
        return
    job = MonitorJob.of_run(folder)
    is_measured = report.stability == report.stability or report.null is not None
    if job is not None and not job.is_done:
        progress_box.show_job(job)
        if job.is_active:
            return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shuffles = st.selectbox(
            "Label shuffles",
            SHUFFLES,
            index=1,
            key=f"shuffles.{folder.id}",
            format_func=lambda n: f"{n}: smallest p {1 / (1 + n):.2g}" if n else "none: stability only",
            help="How many times the labels are shuffled among the cells, to see what arises by chance.",
            width=260,
        )
        pressed = st.button(
            "Measure again" if is_measured else "Measure stability and null",
            type="secondary" if is_measured else "primary",
            key=f"measure.{folder.id}",
            icon=":material/monitor_heart:",
        )
    if not is_measured:
        st.caption(
            "This trains both classifiers twice on half of the cells, which takes about as long as training the run."
        )
    if pressed:
        with show_errors():
            if job is None or not job.is_active:
                session.store().start_job(MonitorJob.create(folder, Monitoring(n_shuffles=int(shuffles or 0))))
            st.rerun()
