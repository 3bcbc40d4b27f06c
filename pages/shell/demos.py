"""Demos that open finished: each is computed once a workspace, in the background, and copied for whoever opens it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from pages.shell import cache, run_stages, session, uploads
from pages.shell.errors import tell
from pages.shell.navigation import PAGES, path_of
from pages.shell.text import duration
from pages.shell.workspace import DEMO, SIDES, Workspace, from_recipe
from pages.views.data.file_choice import demo_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore

AHEAD_VARIABLE = "PSMATCH_DEMO_AHEAD"  # 0: the demo is computed only when someone opens it
WAITING = "demo.waiting"
_STARTED = threading.Event()


@dataclass(frozen=True)
class Demo:
    """What a demo's button says."""

    title: str
    icon: str
    help: str


DEMOS = {
    "screen": Demo("perturbation screen", ":material/science:", "Synthetic: RNA and image, 12 perturbations."),
    "pbmc": Demo("blood cells", ":material/bloodtype:", "700 real cells, their genes cut into two panels."),
    "images": Demo("images", ":material/image:", "Synthetic: two objects under 12 interventions, circles or squares."),
}


def demo_buttons(*, is_new: bool) -> str:
    """One button a demo; the name of the one that was pressed, or nothing.

    Parameters
    ----------
    is_new
        Nothing is loaded yet: the first demo is what to press.
    """
    pressed = ""
    with st.container(horizontal=True):
        for name, demo in DEMOS.items():
            kind: Literal["primary", "secondary"] = "primary" if is_new and name == next(iter(DEMOS)) else "secondary"
            if st.button(f"Demo: {demo.title}", icon=demo.icon, help=demo.help, key=f"demo.{name}", type=kind):
                pressed = name
    return pressed


def open_demo(name: str) -> None:
    """Load a demo with its finished run, or wait for it where it is still being computed."""
    template = _template(name)
    if template is None or not (template.status().is_active or template.status().state == DONE):
        template = _begun(name)
    session.keep(Workspace(source=demo_side(name, "source"), target=demo_side(name, "target")))
    for form in ("side.source", "side.target", "prep-source", "prep-target", "labels.minimum"):
        session.renew(form)
    for side in SIDES:
        session.hush(side)
    session.leave(WAITING, name)
    _take(name, template)


def waiting() -> None:
    """Say how far a demo is that was opened before it was finished; it opens by itself."""
    name = str(session.peek(WAITING) or "")
    workspace = session.workspace()
    if workspace.run_id and workspace.source is not None and workspace.source.path.startswith(DEMO):
        _said_finished()
        return
    is_shown = workspace.source is not None and workspace.source.path == f"{DEMO}{name}" and not workspace.run_id
    template = _template(name) if name and is_shown else None
    if template is None:
        return
    status = template.status()
    if status.state == DONE:
        _take(name, template)
        st.rerun()
    if not status.is_active:
        tell(f"The finished demo could not be computed. {status.problem}", "Go to Propensity and press Train instead.")
        return
    fragment: Callable[[], None] = st.fragment(lambda: _look(name, template), run_every="1s")
    fragment()


def _said_finished() -> None:
    folder = session.current_run()
    if folder is None or folder.status().state != DONE or not cache.has_exports(folder):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":material/check_circle: **This demo is finished.** Look at")
        for page in ("propensity", "match", "evaluate", "export"):
            title, icon = PAGES[page]
            st.page_link(path_of(page), label=title, icon=icon)


def prepare_ahead() -> None:
    """Compute the first demo in the background where nobody has worked yet, once a server."""
    if _STARTED.is_set() or os.environ.get(AHEAD_VARIABLE) == "0":
        return
    _STARTED.set()
    first = next(iter(DEMOS))
    if not session.store().entries() and _template(first) is None:
        _begun(first)
        place = session.root() / "demos"
        sides = threading.Thread(target=_look_into_both, args=(first, place), name="psmatch-demo", daemon=True)
        sides.start()


def _look_into_both(name: str, place: Path) -> None:
    with suppress(PsmatchError):  # told to whoever opens the demo
        for side in SIDES:
            uploads.look_into_demo(name, side, place)


def _look(name: str, template: RunFolder) -> None:
    status = template.status()
    if not status.is_active:
        st.rerun()
    done, elapsed = run_stages.fraction(template.events()), max(0.0, time.time() - status.started)
    left = f" · about {duration(elapsed * (1 - done) / done)} left" if done > 0.15 else ""
    what = run_stages.WHAT.get(status.stage.partition(":")[0], "starting the worker")
    st.progress(min(done, 1.0), text=f"This demo is computed the first time it is opened here: {what}{left}")
    st.caption("It opens by itself when it is finished. The other pages can be used meanwhile.")


def _store(name: str) -> RunStore:
    """Where the finished run of a demo lies: another version of the program or of the defaults makes it anew."""
    made_of = hashlib.sha256(f"{VERSION} {demo_recipe(Recipe(), name).to_json()}".encode()).hexdigest()[:12]
    return RunStore(session.root() / "demos" / f"{name}-{made_of}", shared_stages=session.store().stages)


def _template(name: str) -> RunFolder | None:
    """The run that is copied, finished, at work or failed; None where there is none yet."""
    store = _store(name)
    entries = store.entries() if store.runs.is_dir() else []
    done = [entry for entry in entries if entry.state == DONE]
    return store.open((done or entries)[0].id) if entries else None


def _begun(name: str) -> RunFolder:
    return _store(name).start(demo_recipe(Recipe(), name), name=f"Demo: {DEMOS[name].title}")


def _take(name: str, template: RunFolder) -> None:
    """Give the visitor a copy of the finished run, to open, change and delete like any other."""
    if template.status().state != DONE:
        return
    session.take(WAITING)
    folder = session.store().adopt(template)
    held = session.workspace()
    opened = from_recipe(folder.recipe, folder.id)
    session.keep(opened.with_sides(held.source, held.target) if held.source and held.target else opened)
