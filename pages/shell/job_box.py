"""Work beside a run (a measurement, a sweep) while it goes on, and what to do when it has failed."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_errors, show_problem
from pages.shell.text import duration, plain
from psmatch_core.workspace.eta import pace
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.run_folder import CANCELLED, FAILED, LOST

STARTING = "starting the worker (loading libraries takes about 10 s)"


def follow(job: Job) -> None:
    """Show where a job stands; while it is active this redraws itself every second, and the page with every part."""
    status = job.status()
    if status.is_active:
        drawn = _parts(job)
        fragment: Callable[[], None] = st.fragment(lambda: _look(job, drawn), run_every="1s")
        fragment()
    elif status.state in (FAILED, LOST):
        show_problem(status.problem, status.hint)
        _button("Start again", job)
    elif status.state == CANCELLED:
        st.warning(f"{job.title} was cancelled. What is finished is kept.", icon=":material/cancel:")
        _button("Continue", job)


def _parts(job: Job) -> int:
    """How many parts are finished: runs of a sweep."""
    return sum(1 for _ in (job.folder.path / "runs").glob("*/observables.json"))


def _look(job: Job, drawn: int) -> None:
    status = job.status()
    if not status.is_active or _parts(job) != drawn:
        st.rerun()
    elapsed = max(0.0, time.time() - status.started)
    speed = pace(job.folder.timed_events(), time.time())
    left = f" · about {duration(speed.seconds)} left" if speed.seconds is not None and _is_telling(job) else ""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(job.title)}**")
            if st.button(
                "Cancel", key=f"cancel.{job.folder.queue_name}", help="Stops the work; what is finished is kept."
            ):
                with show_errors(), st.spinner("Cancelling…"):
                    session.store().cancel(job.folder)
                st.rerun()
        st.progress(min(status.fraction, 1.0), text=f"{plain(status.message) or STARTING} · {duration(elapsed)}{left}")
        st.caption("You can close this page or restart the server; the work continues.")


def _is_telling(job: Job) -> bool:
    """Whether the stage is the last and longest: the runs of a sweep, the shuffles of a null."""
    return job.status().stage in ("sweep", "null")


def _button(label: str, job: Job) -> None:
    if st.button(label, key=f"again.{job.folder.queue_name}", icon=":material/refresh:"):
        with show_errors():
            session.store().start_again(job.folder)
        st.rerun()
