"""Leave a perturbation out: ask for it, watch it, and read what was predicted of cells that nothing had seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts, distributions, session
from pages.shell.errors import tell, told
from pages.shell.text import count, duration, number, plain
from psmatch_core.data.checks import display
from psmatch_core.data.controls import OTHERS, control_for
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.run_folder import CANCELLED, DONE, RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.held_out import HeldOut

BY_NAME = "told by its name"
TOP = 20


def leave_out_view(folder: RunFolder) -> None:
    """The section: a form, the job that works, and the results so far."""
    report = cache.facts(folder, "label_report")
    if not report or not folder.stage_file("target").exists():
        return
    st.caption(
        "A label is kept from preprocessing, classifiers, matching and translator; then one modality of its cells is "
        "predicted from the other and held against what was measured. This judges translation without known pairs."
    )
    _form(folder, report)
    jobs = LeaveOutJob.jobs_of(folder)
    if not jobs:
        return
    chosen = st.selectbox(
        "Left out so far", jobs, format_func=_title, key=f"left.{folder.id}", help="Newest first; each is kept."
    )
    if chosen is not None:
        _job(chosen)


def _form(folder: RunFolder, report: dict[str, Any]) -> None:
    labels = list(report["shared"])
    with st.form(f"leave.{folder.id}", border=True):
        label = st.selectbox(
            "Label to leave out", labels, index=_first(report), format_func=lambda each: display(each, 60)
        )
        control = st.selectbox(
            "Shift is measured against",
            [BY_NAME, *labels, OTHERS],
            format_func=lambda each: each if each in (BY_NAME, OTHERS) else display(each, 60),
            help=f"{BY_NAME}: the label called NT, control, DMSO and the like; {OTHERS}: their mean.",
        )
        inputs = cache.facts(folder, "inputs") or {}
        names = {side: display(inputs.get(side, {}).get("name", side), 24) for side in ("source", "target")}
        way = st.radio(
            "Predict",
            list(distributions.WAYS),
            format_func=lambda each: distributions.WAYS[each].format(**names),
            horizontal=True,
        )
        asked = st.form_submit_button("Leave it out", icon=":material/science:")
    if asked and label and way:
        with told():
            how = LeaveOut(direction=way, control="" if control in (None, BY_NAME) else control)
            job = session.store().start_job(LeaveOutJob.create(folder, label, how))
            st.session_state[f"left.{folder.id}"] = job
            st.rerun()


def _first(report: dict[str, Any]) -> int:
    """The first label that has a control and is none itself."""
    labels, counts = list(report["shared"]), report["source_counts"]
    shared = {label: counts[label] for label in labels}
    return next((index for index, label in enumerate(labels) if control_for(label, shared)), 0)


def _title(job: LeaveOutJob) -> str:
    state = job.status().state
    return f"{display(job.label, 40)}, {job.how.direction.replace('_', ' ')}" + ("" if state == DONE else f" ({state})")


def _job(job: LeaveOutJob) -> None:
    status = job.status()
    if status.is_active:
        fragment: Callable[[], None] = st.fragment(lambda: _watch(job), run_every="1s")
        fragment()
    elif status.state == DONE:
        with told():
            found = job.result()
            if found is not None:
                _result(job, found)
    else:
        if status.state == CANCELLED:
            st.warning("This was cancelled.", icon=":material/cancel:")
        else:
            tell(status.problem, status.hint)
        if st.button("Try again", key=f"left.again.{job.id}", icon=":material/refresh:"):
            with told():
                session.store().start_again(job.folder)
            st.rerun()


def _watch(job: LeaveOutJob) -> None:
    status = job.status()
    if not status.is_active:
        st.rerun()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(_title(job))}**")
            if st.button("Cancel", key=f"left.cancel.{job.id}"):
                session.store().cancel(job.folder)
                st.rerun()
        what = f"{plain(status.stage) or 'starting'}: {plain(status.message) or 'working'}"
        st.progress(min(status.fraction, 1.0), text=f"{what} · {duration(max(0.0, time.time() - status.started))}")
        st.caption("The bar is that of the stage. It goes on when this page is closed.")


def _result(job: LeaveOutJob, found: HeldOut) -> None:
    from psmatch_core.evaluation.held_out import CANDIDATE_TITLES
    from psmatch_core.plotting import predicted_means, shifted_features

    agree, moved = found.same_direction(TOP)
    explained, correlation = found.shift_explained, found.shift_correlation
    st.caption(
        f"{count(found.n_cells, 'cell')} of {plain(found.input_name)} with {plain(found.label)}, never seen before; "
        f"held against {count(found.n_observed, 'observed cell')} of {plain(found.output_name)}. "
        f"Control: {plain(found.control)}."
    )
    charts.metrics(
        [
            (
                "Shift explained",
                number(explained["translated"], 2),
                f"uniform {number(explained['uniform'], 2)}, labels' mean {number(explained['label_mean'], 2)}",
                "1 is perfect, 0 is what “no change from control” has.",
            ),
            (
                "Correlation of shifts",
                number(correlation["translated"], 2),
                f"uniform {number(correlation['uniform'], 2)}, labels' mean {number(correlation['label_mean'], 2)}",
                "Pearson correlation over features of predicted and observed shifts.",
            ),
            ("Right direction", f"{agree} of {moved}", "", f"Of the {TOP} most shifted features."),
        ]
    )
    candidate = st.selectbox(
        "Means of",
        list(explained),
        format_func=lambda each: CANDIDATE_TITLES[each],
        key=f"left.candidate.{job.id}",
    )
    charts.show(
        predicted_means(found, candidate or "translated"),
        key=f"left.means.{job.id}.{candidate}",
        alt="Predicted against observed mean of every feature",
    )
    charts.show(
        shifted_features(found, top=TOP), key=f"left.shifted.{job.id}", alt="Observed and predicted shifts by feature"
    )
    with st.expander("Most shifted features as a table"):
        st.dataframe(found.table().head(200), hide_index=True)
    st.markdown("**Distances to the observed cells**, beside the three baselines and the floor")
    summary = found.summary()
    st.dataframe(
        summary,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(name.replace("_", " "), format="%.3f")
            for name in summary.columns
            if name != "candidate"
        },
    )
    st.caption(f"Wasserstein-1 is {found.out_of_distribution.w1_kind}. Read energy and MMD² first.")
    if found.in_distribution is not None:
        with st.expander("In distribution: held-out cells of the labels that were trained on"):
            distributions.show(found.in_distribution, key=f"left.{job.id}")
    with st.expander("Noticed on the way"):
        for note in found.notes:
            st.markdown(f"- {plain(note)}")
    st.download_button(
        "Features as CSV",
        (job.folder.path / "left_out_features.csv").read_bytes(),
        file_name=f"left_out_{job.id}.csv",
        key=f"left.csv.{job.id}",
    )
