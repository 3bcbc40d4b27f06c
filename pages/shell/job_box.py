"""Work beside a run (a measurement, a sweep) while it goes on, and what to do when it has failed."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.shell import session
from pages.shell.errors import tell, told
from pages.shell.text import duration, plain
from psmatch_core.workspace.eta import pace
from psmatch_core.workspace.run_folder import CANCELLED, FAILED, LOST, RunFolder

STARTING = "starting the worker (it loads the libraries first: some 10 s)"


def follow(job: RunFolder, what: str, again: Callable[[], None], *, drawn: object = None) -> None:
    """Show where a piece of work stands; while it goes on this redraws itself every second.

    Parameters
    ----------
    job
        The folder with its status.
    what
        What it is called, such as ``Measuring``.
    again
        Starts it again.
    drawn
        What the page shows of it; when :func:`parts` gives something else, the page is drawn anew.
    """
    status = job.status()
    key = f"{job.path.parent.name}.{job.id}"
    if status.is_active:
        fragment: Callable[[], None] = st.fragment(lambda: _look(job, what, key, drawn), run_every="1s")
        fragment()
    elif status.state in (FAILED, LOST):
        tell(status.problem, status.hint)
        _button("Start it again", key, again)
    elif status.state == CANCELLED:
        st.warning(f"{what} was cancelled. What was finished is kept.", icon=":material/cancel:")
        _button("Go on with it", key, again)


def parts(job: RunFolder) -> int:
    """How many pieces of the work are finished: runs of a sweep."""
    return sum(1 for _ in (job.path / "runs").glob("*/observables.json"))


def _look(job: RunFolder, what: str, key: str, drawn: object) -> None:
    status = job.status()
    if not status.is_active or (drawn is not None and parts(job) != drawn):
        st.rerun()
    elapsed = max(0.0, time.time() - status.started)
    speed = pace(job.timed_events(), time.time())
    left = f" · about {duration(speed.seconds)} left" if speed.seconds is not None and _is_telling(job) else ""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(what)}**")
            if st.button("Cancel", key=f"cancel.{key}", help="Ends the work; what is finished is kept."):
                with told(), st.spinner("Cancelling…"):
                    session.store().cancel(job)
                st.rerun()
        st.progress(min(status.fraction, 1.0), text=f"{plain(status.message) or STARTING} · {duration(elapsed)}{left}")
        st.caption("It goes on when this page is closed, and when the server is started anew.")


def _is_telling(job: RunFolder) -> bool:
    """Whether the stage is the last and longest: the runs of a sweep, the shuffles of a null."""
    return job.status().stage in ("sweep", "null")


def _button(label: str, key: str, again: Callable[[], None]) -> None:
    if st.button(label, key=f"again.{key}", icon=":material/refresh:"):
        with told():
            again()
        st.rerun()
