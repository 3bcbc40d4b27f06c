"""What was predicted for a left-out label, compared with its measured cells and with baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import charts
from pages.shell.distributions import show_distances
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count, number, plain

if TYPE_CHECKING:
    from psmatch_core.evaluation.held_out import HeldOut
    from psmatch_core.workspace.jobs.leave_out import LeaveOutJob

TOP = 20  # most shifted features


def show_result(job: LeaveOutJob, found: HeldOut) -> None:
    """Metrics, figures, tables and a download."""
    st.caption(
        f"{count(found.n_cells, 'cell')} of {plain(found.input_name)} with {plain(found.label)}, not used for "
        f"training, compared with {count(found.n_observed, 'observed cell')} of {plain(found.output_name)}. "
        f"Control: {plain(found.control)}."
    )
    st.markdown(f"**{plain(found.finding())}.** One label is one trial: leave out several before you rely on this.")
    _metrics(found)
    _figures(job, found)
    st.markdown("**Distances to the observed cells**, with three baselines and the floor")
    summary = found.summary()
    st.dataframe(
        summary,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(name.replace("_", " "), format="%.3f")
            for name in summary.columns
            if name != "candidate"
        },
        placeholder=EMPTY_FIGURE,
    )
    st.caption(
        f"Wasserstein-1 is {found.out_of_distribution.w1_kind}. Energy distance and MMD² are the most informative."
    )
    if found.in_distribution is not None:
        with st.expander("In distribution: held-out cells of the training labels"):
            show_distances(found.in_distribution, key=f"left.{job.id}")
    with st.expander("Notes from the computation"):
        for note in found.notes:
            st.markdown(f"- {plain(note)}")
    st.download_button(
        "Features as csv",
        (job.folder.path / "left_out_features.csv").read_bytes(),
        file_name=f"left_out_{job.id}.csv",
        key=f"left.csv.{job.id}",
    )


def _metrics(found: HeldOut) -> None:
    n_agree, n_moved = found.same_direction(TOP)
    explained, correlation = found.shift_explained, found.shift_correlation
    charts.metrics(
        [
            (
                "Shift explained",
                number(explained["translated"], 2),
                f"uniform {number(explained['uniform'], 2)}, mean of labels {number(explained['label_mean'], 2)}",
                "1 is perfect, 0 is as good as predicting no change from the control.",
            ),
            (
                "Correlation of shifts",
                number(correlation["translated"], 2),
                f"uniform {number(correlation['uniform'], 2)}, mean of labels {number(correlation['label_mean'], 2)}",
                "Pearson correlation of predicted and observed shifts over features.",
            ),
            (
                "Correct direction",
                f"{n_agree} of {n_moved}",
                f"uniform {found.same_direction(TOP, 'uniform')[0]}",
                f"Among the {TOP} most shifted features.",
            ),
        ]
    )


def _figures(job: LeaveOutJob, found: HeldOut) -> None:
    from psmatch_core.plotting import predicted_shifts, shifted_features

    charts.show(
        predicted_shifts(found),
        key=f"left.shifts.{job.id}",
        alt="Predicted against observed shift of each feature, by the matching and by three baselines",
    )
    charts.show(
        shifted_features(found, top=TOP), key=f"left.shifted.{job.id}", alt="Observed and predicted shifts by feature"
    )
    with st.expander("Means of all features, and the most shifted as a table"):
        _means(job, found)
        st.dataframe(found.table().head(200), hide_index=True, placeholder=EMPTY_FIGURE)


def _means(job: LeaveOutJob, found: HeldOut) -> None:
    from psmatch_core.evaluation.held_out import CANDIDATE_TITLES
    from psmatch_core.plotting import predicted_means

    candidate = st.selectbox(
        "Means of",
        list(found.shift_explained),
        format_func=lambda each: CANDIDATE_TITLES[each],
        key=f"left.candidate.{job.id}",
    )
    charts.show(
        predicted_means(found, candidate or "translated"),
        key=f"left.means.{job.id}.{candidate}",
        alt="Predicted and observed mean of each feature",
    )
