"""A run while it works: stage, how much is done, time left, live curves, cancel; and what to do when it has failed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shell import cache, charts, empty_states, session
from pages.shell.errors import show_error, tell, told
from pages.shell.frame import run_name
from pages.shell.navigation import PAGES, path_of
from pages.shell.run_stages import NAMES, SAME, TRAINING, WHAT, fraction
from pages.shell.text import count, duration, plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.eta import Pace, Training, pace
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, LastStage, RunFolder, RunStatus

CHANGED_ON = {"propensity": "propensity", "latents": "propensity", "match": "match"}  # all else on Data
UNNUMBERED = "from source"  # what versions before 0.1.0 called themselves


def start(recipe: Recipe, *, stop_after: LastStage, name: str) -> None:
    """Start a run and make it the one on show."""
    with told():
        folder = session.store().start(recipe, stop_after=stop_after, name=name)
        session.keep(session.workspace().with_run(folder.id))
        st.rerun()


def watch(folder: RunFolder, *, curves: bool = False) -> None:
    """Show where a run stands; while it works this redraws itself every second, and the page when a stage is done.

    Parameters
    ----------
    curves
        Draw the loss of the networks while they train.
    """
    status = folder.status()
    if status.is_active:
        _live(folder, cache.milestones(folder), curves)
        if not curves and not cache.has_matching(folder):
            st.caption(empty_states.will_show())
    elif status.state == FAILED:
        tell(f"This run failed{_while(status)}. {status.problem}", status.hint)
        _again(folder, "Try the same again", elsewhere=_changed_on(status))
    elif status.state == LOST:
        tell(f"This run stopped{_while(status)}. {status.problem}", status.hint)
        _again(folder, "Start it again")
    elif status.state == CANCELLED:
        st.warning(
            f"**This run was cancelled{_while(status)}.** Finished stages are kept. → Go on with it, or change its "
            "settings first.",
            icon=":material/cancel:",
        )
        _again(folder, "Go on with it", elsewhere=_changed_on(status))
    else:
        _say_version(folder)


def _while(status: RunStatus) -> str:
    """During which stage a run ended, in words."""
    what = WHAT.get(status.stage.partition(":")[0], "")
    return f" while {what.partition(';')[0]}" if what and status.stage != "map" else ""


def _changed_on(status: RunStatus) -> str:
    """The page that holds the settings of the stage in which a run ended."""
    return CHANGED_ON.get(status.stage.partition(":")[0], "data")


def _another_version(folder: RunFolder) -> str:
    """Which other version made a run, in words; empty where it was this one."""
    made_by = str((cache.facts(folder, "environment") or {}).get("psmatch", ""))
    if made_by == VERSION:
        return ""
    return f"version {made_by}" if made_by and made_by != UNNUMBERED else "an earlier version"


def _say_version(folder: RunFolder) -> None:
    """Say it where an ended run was made by another version: what that one did not write is not there."""
    version = _another_version(folder)
    if not version:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/history: **Made by {plain(version)} of the program** (this is {VERSION}): what that did "
            "not write is missing.",
            width="stretch",
        )
        _button(folder, "Compute it again")


def _live(folder: RunFolder, drawn: object, curves: bool) -> None:
    fragment: Callable[[], None] = st.fragment(lambda: _look(folder, drawn, curves), run_every="1s")
    fragment()


def _look(folder: RunFolder, drawn: object, curves: bool) -> None:
    status = folder.status()
    if cache.milestones(folder) != drawn:
        st.rerun()
    timed = folder.timed_events()
    events, speed = [event for _, event in timed], pace(timed, time.time())
    stage = status.stage.partition(":")[0]
    done = fraction(events, stop_after=str(folder.job.get("stop_after", "match")))
    elapsed = max(0.0, time.time() - status.started)
    if stage == "map":
        st.caption(f":material/hourglass_top: {WHAT[stage]} ({duration(elapsed)})")
        return
    ahead = session.store().ahead(folder)
    if ahead:
        what = f"waits until {count(ahead, 'other run has', 'other runs have')} ended"
    else:
        what = WHAT.get(stage, "starting the worker (it loads the libraries first: some 10 s)")
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/hourglass_top: **{plain(run_name(folder))}**: {what}")
            if st.button("Cancel", key=f"cancel.{folder.id}", help="Ends the run; finished stages are kept."):
                with told(), st.spinner("Cancelling…"):
                    session.store().cancel(folder)
                st.rerun()
        text = "in the queue" if ahead else _message(status.message)
        st.progress(min(done, 1.0), text=f"{text} · {duration(elapsed)}{_left(stage, speed)}")
        later = _not_begun(stage, str(folder.job.get("stop_after", "match")))
        st.caption(f"{later}It goes on when this page is closed; its address leads back here.")
        if curves and stage in ("propensity", "latents", "preprocess"):
            figure = cache.live_figure(folder)
            if figure is not None:
                charts.show(figure, key=f"live.{folder.id}", alt="Loss by epoch of the networks that train now")
            for each in speed.trainings:
                st.caption(_where(each))


def _left(stage: str, speed: Pace) -> str:
    """When the stage at work ends, by its own measured speed."""
    if speed.seconds is None or stage not in NAMES:
        return ""
    word = "at most" if speed.is_bound else "about"
    return f" · {NAMES[stage]} ends in {word} {duration(speed.seconds)}"


def _not_begun(stage: str, stop_after: str) -> str:
    """The stages whose time nobody has measured yet, in words."""
    order = [each for each in NAMES if each not in SAME]
    place = order.index(SAME.get(stage, stage)) if SAME.get(stage, stage) in order else -1
    later = [NAMES[each] for each in order[place + 1 :] if stop_after == "match" or each in TRAINING]
    return f"Not begun, and not in this time: {', '.join(later)}. " if later and place >= 0 else ""


def _where(training: Training) -> str:
    """Where the networks of one modality stand, and which stopped early."""
    name = plain(training.stage.partition(": ")[2] or training.stage)
    which = f"network {training.network} of {training.n_networks}, " if training.n_networks > 1 else ""
    text = f"{name}: {which}epoch {training.epoch} of at most {training.most_epochs}"
    if training.stopped:
        ends = ", ".join(f"{epochs} (best {best})" for epochs, best in training.stopped)
        early = f", {training.n_early} stopped early" if training.n_early else ""
        text += f"; {len(training.stopped)} done{early} after epoch {ends}"
    return text


def _message(text: str) -> str:
    """The worker's word, without how its networks are nested."""
    epoch = re.search(r"(\d+)/(\d+).*?: epoch (\d+)", text)
    if epoch:
        return f"network {epoch[1]} of {epoch[2]}, epoch {epoch[3]}"
    return plain(text) or "working"


def _again(folder: RunFolder, label: str, *, elsewhere: str = "") -> None:
    """A button that starts a run again, and a link to where its settings are changed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _button(folder, label)
        if elsewhere and elsewhere == session.peek("page"):
            st.caption("Its settings are on this page.")
        elif elsewhere:
            title, icon = PAGES[elsewhere]
            st.page_link(path_of(elsewhere), label=f"Change its settings on {title}", icon=icon)


def _button(folder: RunFolder, label: str) -> None:
    if st.button(label, key=f"again.{folder.id}", icon=":material/refresh:"):
        with told():
            session.store().start_again(folder)
        st.rerun()


@contextmanager
def readable(folder: RunFolder) -> Iterator[None]:
    """Say it where a result on disk is damaged or of another version, and offer to make it again."""
    try:
        yield
    except PsmatchError as error:
        show_error(error)
        if not (folder.status().state == DONE and _another_version(folder)):  # else that is said, with its button
            _button(folder, "Compute it again")


def is_done(folder: RunFolder) -> bool:
    """Whether a run has ended well."""
    return folder.status().state == DONE
