"""A run in progress: stage, fraction, time left, live curves, cancel; and what to do after a failure."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shell import cache, charts, empty_states, session
from pages.shell.errors import show_error, show_errors, show_problem
from pages.shell.frame import run_name
from pages.shell.live_losses import live_losses
from pages.shell.navigation import PAGES, path_of
from pages.shell.run_stages import DOING, SAME_AS, STAGE_NAMES, TRAINING, fraction_done
from pages.shell.text import count, duration, plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.eta import Pace, Training, pace
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, LastStage, RunFolder, RunStatus

CHANGED_ON = {"propensity": "propensity", "latents": "propensity", "match": "match"}  # all else on Data
UNNUMBERED = "from source"  # what versions before 0.1.0 called themselves


def start_run(recipe: Recipe, *, stop_after: LastStage, name: str) -> None:
    """Start a run and open it."""
    with show_errors():
        folder = session.store().start(recipe, stop_after=stop_after, name=name)
        session.set_workspace(session.workspace().with_run(folder.id))
        st.rerun()


def show_run(folder: RunFolder, *, curves: bool = False) -> None:
    """Show the state of a run; while it runs, this updates every second, and the page whenever a stage is finished.

    Parameters
    ----------
    curves
        Show the losses of the networks while they train.
    """
    status = folder.status()
    if status.is_active:
        _updating(folder, cache.finished_parts(folder), curves)
        if not curves and not cache.has_matching(folder):
            st.caption(empty_states.will_show())
    elif status.state == FAILED:
        show_problem(f"This run failed{_while(status)}. {status.problem}", status.hint)
        _again(folder, "Try again", elsewhere=_changed_on(status))
    elif status.state == LOST:
        show_problem(f"This run stopped{_while(status)}. {status.problem}", status.hint)
        _again(folder, "Start again")
    elif status.state == CANCELLED:
        st.warning(
            f"**This run was cancelled{_while(status)}.** Finished stages are kept. → Continue it, or change its "
            "settings first.",
            icon=":material/cancel:",
        )
        _again(folder, "Continue", elsewhere=_changed_on(status))
    else:
        _version_notice(folder)


def _while(status: RunStatus) -> str:
    """The stage during which a run ended, in words."""
    what = DOING.get(status.stage.partition(":")[0], "")
    return f" while {what.partition(';')[0]}" if what and status.stage != "map" else ""


def _changed_on(status: RunStatus) -> str:
    """The page with the settings of the stage in which a run ended."""
    return CHANGED_ON.get(status.stage.partition(":")[0], "data")


def _another_version(folder: RunFolder) -> str:
    """Which other version made a run, in words; empty if it was this one."""
    made_by = str((files.ENVIRONMENT.read(folder) or {}).get("psmatch", ""))
    if made_by == VERSION:
        return ""
    return f"version {made_by}" if made_by and made_by != UNNUMBERED else "an earlier version"


def _version_notice(folder: RunFolder) -> None:
    """Say so if another version made a run: what that version did not save is missing."""
    version = _another_version(folder)
    if not version:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/history: **Made by {plain(version)} of psmatch** (this is {VERSION}). Results that it did not "
            "save are missing.",
            width="stretch",
        )
        _button(folder, "Compute again")


def _updating(folder: RunFolder, drawn: object, curves: bool) -> None:
    fragment: Callable[[], None] = st.fragment(lambda: _progress(folder, drawn, curves), run_every="1s")
    fragment()


def _progress(folder: RunFolder, drawn: object, curves: bool) -> None:
    status = folder.status()
    if cache.finished_parts(folder) != drawn:
        st.rerun()
    timed = folder.timed_events()
    events, speed = [event for _, event in timed], pace(timed, time.time())
    stage = status.stage.partition(":")[0]
    done = fraction_done(events, stop_after=str(folder.job.get("stop_after", "match")))
    elapsed = max(0.0, time.time() - status.started)
    if stage == "map":
        st.caption(f":material/hourglass_top: {DOING[stage]} ({duration(elapsed)})")
        return
    ahead = session.store().ahead(folder)
    if ahead:
        what = f"waiting for {count(ahead, 'other run')} to finish"
    else:
        what = DOING.get(stage, "starting the worker (loading libraries takes about 10 s)")
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(run_name(folder))}**: {what}")
            if st.button("Cancel", key=f"cancel.{folder.id}", help="Stops the run; finished stages are kept."):
                with show_errors(), st.spinner("Cancelling…"):
                    session.store().cancel(folder)
                st.rerun()
        text = "in the queue" if ahead else _message(status.message)
        st.progress(min(done, 1.0), text=f"{text} · {duration(elapsed)}{_left(stage, speed)}")
        later = _not_started(stage, str(folder.job.get("stop_after", "match")))
        st.caption(f"{later}You can close this page; the run continues. Reopen this address to come back.")
        if curves and stage in ("propensity", "latents", "preprocess"):
            figure = live_losses(folder)
            if figure is not None:
                charts.show(figure, key=f"live.{folder.id}", alt="Loss by epoch of the networks in training")
            for each in speed.trainings:
                st.caption(_training_state(each))


def _left(stage: str, speed: Pace) -> str:
    """When the current stage will end, from its measured speed."""
    if speed.seconds is None or stage not in STAGE_NAMES:
        return ""
    word = "at most" if speed.is_bound else "about"
    return f" · {STAGE_NAMES[stage]}: {word} {duration(speed.seconds)} left"


def _not_started(stage: str, stop_after: str) -> str:
    """The stages that are not part of the time left, in words."""
    order = [each for each in STAGE_NAMES if each not in SAME_AS]
    place = order.index(SAME_AS.get(stage, stage)) if SAME_AS.get(stage, stage) in order else -1
    later = [STAGE_NAMES[each] for each in order[place + 1 :] if stop_after == "match" or each in TRAINING]
    return f"Not started and not part of this estimate: {', '.join(later)}. " if later and place >= 0 else ""


def _training_state(training: Training) -> str:
    """Which network of a modality is training, and which stopped early."""
    name = plain(training.stage.partition(": ")[2] or training.stage)
    which = f"network {training.network} of {training.n_networks}, " if training.n_networks > 1 else ""
    text = f"{name}: {which}epoch {training.epoch} of at most {training.most_epochs}"
    if training.stopped:
        ends = ", ".join(f"{epochs} (best {best})" for epochs, best in training.stopped)
        early = f", {training.n_early} stopped early" if training.n_early else ""
        text += f"; {len(training.stopped)} done{early}, after epoch {ends}"
    return text


def _message(text: str) -> str:
    """The worker's message, without how its networks are nested."""
    epoch = re.search(r"(\d+)/(\d+).*?: epoch (\d+)", text)
    if epoch:
        return f"network {epoch[1]} of {epoch[2]}, epoch {epoch[3]}"
    return plain(text) or "working"


def _again(folder: RunFolder, label: str, *, elsewhere: str = "") -> None:
    """A button that starts a run again, and a link to its settings."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _button(folder, label)
        if elsewhere and elsewhere == session.get("page"):
            st.caption("Its settings are on this page.")
        elif elsewhere:
            title, icon = PAGES[elsewhere]
            st.page_link(path_of(elsewhere), label=f"Change its settings on {title}", icon=icon)


def _button(folder: RunFolder, label: str) -> None:
    if st.button(label, key=f"again.{folder.id}", icon=":material/refresh:"):
        with show_errors():
            session.store().start_again(folder)
        st.rerun()


@contextmanager
def show_unreadable(folder: RunFolder) -> Iterator[None]:
    """Show the error if a result on disk is damaged or of another version, and offer to compute it again."""
    try:
        yield
    except PsmatchError as error:
        show_error(error)
        if not (folder.status().state == DONE and _another_version(folder)):  # else the notice above has the button
            _button(folder, "Compute again")
