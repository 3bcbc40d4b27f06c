"""Leave a perturbation out: start it, follow it, and choose among the results."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shell import progress_box, session
from pages.shell.clicks import clicked
from pages.shell.distributions import DIRECTION_TITLES
from pages.shell.errors import show_errors
from pages.shell.read_only import may_change
from pages.shell.text import plain
from pages.views.translate.leave_out_result import show_result
from psmatch_core.data.checks import display
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.names.controls import OTHERS, control_for, has_control_name
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.results import side_names
from psmatch_core.workspace.run_folder import DONE, RunFolder

BY_NAME = "the label named as a control"


def leave_out_tab(folder: RunFolder) -> None:
    """The form, and the chosen job with its progress or its result."""
    report = files.LABEL_REPORT.read(folder)
    if report is None or not files.DATA.is_in(folder):
        return
    st.caption(
        "One label is left out of preprocessing, classifiers, matching and translator. Then one modality of its cells "
        "is predicted from the other and compared with the measurement. This tests a translation without known pairs."
    )
    if may_change(folder, to="leave a label out"):
        _form(folder, report)
    found = LeaveOutJob.jobs_of(folder)
    if not found:
        return
    chosen = st.selectbox(
        "Results so far", found, format_func=_title, key=f"left.{folder.id}", help="Newest first; all are kept."
    )
    if chosen is not None:
        _job(chosen)


def _form(folder: RunFolder, report: LabelReport) -> None:
    labels = list(report.shared)
    with st.form(f"leave.{folder.id}", border=True):
        label = st.selectbox(
            "Label to leave out", labels, index=_first(report), format_func=lambda each: display(each, 60)
        )
        control = st.selectbox(
            "Control for the shift",
            control_choices(labels),
            format_func=lambda each: each if each in (BY_NAME, OTHERS) else display(each, 60),
            help=f"{BY_NAME}: NT, control, DMSO or similar. {OTHERS}: the mean of the other labels.",
        )
        names = {side: plain(name, 24) for side, name in side_names(folder).items()}
        direction = st.radio(
            "Predict",
            list(DIRECTION_TITLES),
            format_func=lambda each: DIRECTION_TITLES[each].format(**names),
            horizontal=True,
        )
        pressed = clicked("Leave it out", in_form=True, key=f"left.go.{folder.id}", icon=":material/science:")
    if pressed and label and direction:
        with show_errors():
            how = LeaveOut(direction=direction, control="" if control in (None, BY_NAME) else control)
            job = session.store().start_job(LeaveOutJob.create(folder, label, how))
            session.put(f"left.{folder.id}", job)
            st.rerun()


def control_choices(labels: Sequence[str]) -> list[str]:
    """What a shift can be measured from, likeliest first; a control by its name only where a label has one."""
    is_named = any(map(has_control_name, labels))
    return [BY_NAME, *labels, OTHERS] if is_named else [OTHERS, *labels]


def _first(report: LabelReport) -> int:
    """The first label that has a control and is not one itself."""
    labels, counts = list(report.shared), report.source_counts
    shared = {label: counts[label] for label in labels}
    return next((index for index, label in enumerate(labels) if control_for(label, shared)), 0)


def _title(job: LeaveOutJob) -> str:
    state = job.status().state
    return f"{display(job.label, 40)}, {job.how.direction.replace('_', ' ')}" + ("" if state == DONE else f" ({state})")


def _job(job: LeaveOutJob) -> None:
    progress_box.show_job(job)
    if job.is_done:
        with show_errors():
            found = job.result()
            if found is not None:
                show_result(job, found)
