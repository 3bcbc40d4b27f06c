"""The progress box of runs and other jobs: stage, fraction, time left, live curves, Cancel; and how to start again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.clicks import act_on_click
from pages.shell.errors import show_error, show_errors, show_problem
from pages.shell.live_losses import live_losses
from pages.shell.navigation import PAGES, page_button, path_of
from pages.shell.places import in_own_place
from pages.shell.previews import will_show
from pages.shell.progress_text import (
    SINGLE_STAGES,
    doing,
    message,
    not_estimated,
    stage_of,
    time_left,
    training_state,
    while_doing,
)
from pages.shell.run_stages import DOING, fraction_done
from pages.shell.text import duration, plain, when
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.eta import estimate_time_left
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.manifest import damage_in
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, LastStage, RunFolder, RunStatus

CHANGED_ON = {"propensity": "propensity", "latents": "propensity", "match": "match"}  # all other stages: on Data
UNNUMBERED = "from source"  # what versions before 0.1.0 called themselves


def start_run(recipe: Recipe, *, stop_after: LastStage, name: str, show_on: str = "") -> None:
    """Start a run and open it, on another page if one is named."""
    with show_errors():
        folder = session.store().start(recipe, stop_after=stop_after, name=name)
        session.set_workspace(session.workspace().with_run(folder.id))
        if show_on:
            st.switch_page(path_of(show_on))
        st.rerun()


@in_own_place
def show_run(folder: RunFolder, *, curves: bool = False) -> None:
    """Show the state of the current run, at the top of a page.

    Parameters
    ----------
    curves
        Show the losses of the networks while they train.
    """
    job = RunJob(folder)
    show_job(job, curves=curves)
    if job.is_active and not curves and not cache.has_matching(folder):
        st.caption(will_show())
    if job.is_done:
        _version_notice(job)
        _damage_notice(job)


@in_own_place
def show_job(job: Job, *, curves: bool = False) -> None:
    """Show the state of a job: nothing if it is done.

    While it is active, the box updates every second, and the page whenever there is more to show. After a failure or a
    cancellation, the box says what happened and offers to start again.
    """
    status = job.status()
    if status.is_active:
        parts = _finished_parts(job)
        fragment: Callable[[], None] = st.fragment(lambda: _update(job, parts, curves), run_every="1s")
        fragment()
    elif status.state != DONE:
        _ended(job, status)


def draw_box(job: Job, *, curves: bool = False, note: str = "", can_cancel: bool = True) -> None:
    """Draw the box of an active job once.

    Parameters
    ----------
    note
        What to say below the bar, instead of that the page may be closed.
    can_cancel
        Whether there is a button to cancel the job.
    """
    status, can_cancel = job.status(), can_cancel and session.store().owns(job.folder)
    timed = job.folder.timed_events()
    elapsed, n_ahead = duration(max(0.0, time.time() - status.started)), session.store().n_ahead(job.folder)
    if stage_of(status) == "map":
        st.caption(f":material/hourglass_top: {DOING['map']} ({elapsed})")
        return
    if isinstance(job, RunJob):
        title = job.name or when(job.created)
        done = fraction_done([event for _, event in timed], stop_after=job.stop_after)
        hint = f"{not_estimated(status, job.stop_after)}You can close this page; the run continues."
    else:
        title, done = job.title, status.fraction
        bar = "" if stage_of(status) in SINGLE_STAGES else "The bar shows the current stage. "
        hint = f"{bar}You can close this page; the work continues."
    left, what = estimate_time_left(timed, time.time()), doing(status, n_ahead)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(title)}**" + (f": {what}" if what else ""))
            if can_cancel:
                _cancel_button(job)
        st.progress(min(done, 1.0), text=f"{message(status, n_ahead)} · {elapsed}{time_left(status, left)}")
        st.caption(note or f"{hint} Reopen this address to come back.")
        if curves and stage_of(status) in ("propensity", "latents", "preprocess"):
            figure = live_losses(job.folder)
            if figure is not None:
                charts.show(figure, key=f"live.{job.id}", alt="Loss by epoch of the networks in training")
            for each in left.trainings:
                st.caption(training_state(each))


@contextmanager
def show_unreadable(folder: RunFolder) -> Iterator[None]:
    """Show the error if a result on disk is damaged or of another version, and offer to compute it again."""
    job = RunJob(folder)
    try:
        yield
    except PsmatchError as error:
        show_error(error)
        if not (job.is_done and (_other_version(job) or _damage(job))):  # else the notice above has the button
            _restart_button(job, "Compute again")


def _update(job: Job, parts: object, curves: bool) -> None:
    if not job.is_active or _finished_parts(job) != parts:
        st.rerun()
    draw_box(job, curves=curves)


def _finished_parts(job: Job) -> object:
    """What is finished of a job; when this changes, the page has more to show."""
    if isinstance(job, RunJob):
        return cache.finished_parts(job.folder)
    return sum(1 for _ in (job.folder.path / "runs").glob("*/observables.json"))  # runs of a sweep


def _ended(job: Job, status: RunStatus) -> None:
    """What to do after a failure or a cancellation."""
    is_run = isinstance(job, RunJob)
    subject = "This run" if is_run else job.title
    settings_page = CHANGED_ON.get(stage_of(status), "data") if is_run and status.state != LOST else ""
    if status.state == CANCELLED:
        action = " → Continue it, or change its settings first." if is_run else ""
        st.warning(
            f"**{plain(subject)} was cancelled{while_doing(status)}.** What is finished is kept.{action}",
            icon=":material/cancel:",
        )
    else:
        verb = "failed" if status.state == FAILED else "stopped"
        show_problem(f"{subject} {verb}{while_doing(status)}. {status.problem}", status.hint)
    with st.container(horizontal=True, vertical_alignment="center"):
        _restart_button(job, {CANCELLED: "Continue", FAILED: "Try again"}.get(status.state, "Start again"))
        if settings_page and settings_page == session.get("page"):
            st.caption("Its settings are on this page.")
        elif settings_page:
            page_button(settings_page, f"Change its settings on {PAGES[settings_page][0]}")


def _restart_button(job: Job, label: str) -> None:
    again = partial(session.store().start_again, job.folder)
    if session.store().owns(job.folder) and act_on_click(
        label, again, key=f"again.{_key(job)}", icon=":material/refresh:"
    ):
        st.rerun()


def _cancel_button(job: Job) -> None:
    ending: Future[object] | None = session.get(_ending(job))
    if ending is not None and not ending.done():
        st.caption("Cancelling…")
        return
    act_on_click("Cancel", partial(_cancel, job), key=f"cancel.{_key(job)}", help="What is finished is kept.")
    if ending is not None:
        with show_errors():
            ending.result()


def _cancel(job: Job) -> None:
    """Begin to cancel a job; a worker inside a long call is given some seconds, in which the box says so."""
    work = ThreadPoolExecutor(1)
    session.put(_ending(job), work.submit(session.store().cancel, job.folder))
    work.shutdown(wait=False)


def _ending(job: Job) -> str:
    return f"ending.{_key(job)}"


def _other_version(job: RunJob) -> str:
    """Which other version made a run, in words; empty if it was this one."""
    try:
        made_by = str((files.ENVIRONMENT.read(job.folder) or {}).get("psmatch", ""))
    except PsmatchError:  # damaged, which another notice tells
        return ""
    if made_by == VERSION:
        return ""
    return f"version {made_by}" if made_by and made_by != UNNUMBERED else "an earlier version"


def _version_notice(job: RunJob) -> None:
    """Say so if another version made a run: what that version did not save is missing."""
    version = _other_version(job)
    if not version:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/history: **Made by {plain(version)} of psmatch** (this is {VERSION}). Results that it did not "
            "save are missing.",
            width="stretch",
        )
        _restart_button(job, "Compute again")


def _damage(job: RunJob) -> PsmatchError | None:
    return job.folder.damage() or damage_in(job.folder.path)


def _damage_notice(job: RunJob) -> None:
    """Say which files of a finished run are missing or damaged."""
    damage = _damage(job)
    if damage is not None:
        show_error(damage)
        if not _other_version(job):  # else the notice above has the button
            _restart_button(job, "Compute again")


def _key(job: Job) -> str:
    return job.id if isinstance(job, RunJob) else job.folder.queue_name
