"""Demos that open finished: each is computed once per workspace in the background, then copied for each visitor."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.clicks import clicked
from pages.shell.data_steps import DataStep
from pages.shell.errors import show_problem
from pages.shell.file_summaries import demo_side_name, demo_summary
from pages.shell.navigation import PAGES, page_button
from pages.shell.several import is_as_asked, reset_side_forms, start_several
from pages.shell.shipped_demos import unpack_demo
from pages.shell.verdicts import run_verdict
from pages.shell.workspace import DEMO, Side, Workspace, from_recipe
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.data.sides import ALL_SIDES, SIDES
from psmatch_core.pipeline.demo_data import VIEWS, demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import own_jobs
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore

AHEAD_VARIABLE = "PSMATCH_DEMO_AHEAD"  # 0: the demo is computed only when someone opens it
WAITING_FOR = "demo.waiting"
NOTE = (
    "A demo is computed when it is opened for the first time. It opens automatically when it is finished; you can use "
    "the other pages in the meantime."
)
_STARTED = threading.Event()


@dataclass(frozen=True)
class Demo:
    """The text of a demo's button."""

    title: str
    icon: str
    help: str


DEMOS = {
    "screen": Demo("perturbation screen", ":material/science:", "Synthetic: RNA and image, 12 perturbations."),
    "pbmc": Demo("blood cells", ":material/bloodtype:", "700 real cells, their genes split into two panels."),
    "images": Demo("images", ":material/image:", "Synthetic: two objects under 12 interventions, circles or squares."),
    VIEWS: Demo("three modalities", ":material/hub:", "Synthetic: RNA, protein and image, matched all together."),
}


def demo_buttons(*, is_new: bool) -> str:
    """One button per demo; returns the name of the one that was pressed, or nothing.

    Parameters
    ----------
    is_new
        Whether nothing is loaded yet: then the first demo is the primary button of the page.
    """
    pressed = ""
    with st.container(horizontal=True):
        for name, demo in DEMOS.items():
            kind: Literal["primary", "secondary"] = "primary" if is_new and name == next(iter(DEMOS)) else "secondary"
            if clicked(f"Demo: {demo.title}", icon=demo.icon, help=demo.help, key=f"demo.{name}", type=kind):
                pressed = name
    return pressed


def open_demo(name: str) -> None:
    """Load a demo with its finished run, or wait for the run if it is still being computed."""
    if name == VIEWS:
        _open_views()
        return
    template = _template(name)
    if template is None or not (template.status().is_active or template.status().state == DONE):
        template = _start_template(name)
    session.set_workspace(Workspace(source=demo_side(name, "source"), target=demo_side(name, "target")))
    reset_side_forms()
    for side in ALL_SIDES:
        session.clear_error(side)
    session.put(WAITING_FOR, name)
    _open_copy(template)


def demo_side(name: str, which: str) -> Side:
    """One side of a demo, ready to use."""
    summary = demo_summary(name, which, session.root() / "demos")
    modality = demo_side_name(name, which)
    return Side(f"{DEMO}{name}", summary.name, summary, label_key="label", name=modality, pair_key="cell")


def _open_views() -> None:
    """Load the demo in three modalities with its matching, which is started unless the visitor has one."""
    source, target, third = (demo_side(VIEWS, which) for which in ALL_SIDES)
    workspace = Workspace(source=source, target=target, third=third)
    found = [job for job in own_jobs(session.store(), SeveralJob) if job.is_active or job.is_done]
    job = next((job for job in found if is_as_asked(job, workspace)), None) or start_several(workspace)
    session.set_workspace(replace(workspace, several_id=job.id))
    reset_side_forms()
    for side in ALL_SIDES:
        session.clear_error(side)
    session.ask_for_step(DataStep.JUDGE)


def show_state() -> None:
    """Say that the open demo is finished, or show the progress of one that was opened early; it opens by itself."""
    name = str(session.get(WAITING_FOR) or "")
    workspace = session.workspace()
    if workspace.run_id and workspace.source is not None and workspace.source.path.startswith(DEMO):
        _say_finished()
        return
    is_shown = workspace.source is not None and workspace.source.path == f"{DEMO}{name}" and not workspace.run_id
    template = _template(name) if name and is_shown else None
    if template is None:
        return
    status = template.status()
    if status.state == DONE:
        _open_copy(template)
        st.rerun()
    if not status.is_active:
        show_problem(
            f"The finished demo could not be computed. {status.problem}", "Go to Propensity and press Train instead."
        )
        return
    fragment: Callable[[], None] = st.fragment(lambda: _progress(template), run_every="1s")
    fragment()


def compute_first_ahead() -> None:
    """Compute the first demo in the background while the workspace holds no runs, once per server."""
    if _STARTED.is_set() or os.environ.get(AHEAD_VARIABLE) == "0":
        return
    _STARTED.set()
    first = next(iter(DEMOS))
    store = _store(first)
    if not RunStore(session.root()).entries() and not store.runs.is_dir():
        place = session.root() / "demos"
        threading.Thread(target=_prepare, args=(first, store, place), name="psmatch-demo", daemon=True).start()


def _prepare(name: str, store: RunStore, place: Path) -> None:
    with suppress(PsmatchError):  # shown to whoever opens the demo
        if not unpack_demo(name, store.runs, place) and not store.runs.is_dir():
            _start(name, store)
        for side in SIDES:
            demo_summary(name, side, place)


def _say_finished() -> None:
    folder = session.current_run()
    if folder is None or folder.status().state != DONE or not cache.has_exports(folder):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":material/check_circle: **This demo is finished.** Explore")
        for page in ("propensity", "match", "evaluate", "export"):
            page_button(page, PAGES[page][0])
    run_verdict(folder)


def _progress(template: RunFolder) -> None:
    if not template.status().is_active:
        st.rerun()
    progress_box.draw_box(RunJob(template), note=NOTE, can_cancel=False)


def _store(name: str) -> RunStore:
    """The store of a demo's finished run; another version of psmatch or of the defaults has its own."""
    version = hashlib.sha256(f"{VERSION} {demo_recipe(Recipe(), name).to_json()}".encode()).hexdigest()[:12]
    return RunStore(session.root() / "demos" / f"{name}-{version}", shared_stages=session.store().stages)


def _template(name: str) -> RunFolder | None:
    """The run that visitors get a copy of: finished, running or failed; None if there is none yet."""
    store = _store(name)
    if not store.runs.is_dir():
        unpack_demo(name, store.runs, session.root() / "demos")
    entries = store.entries() if store.runs.is_dir() else []
    done = [entry for entry in entries if entry.state == DONE]
    return store.open((done or entries)[0].id) if entries else None


def _start_template(name: str) -> RunFolder:
    return _start(name, _store(name))


def _start(name: str, store: RunStore) -> RunFolder:
    return store.start(demo_recipe(Recipe(), name), name=f"Demo: {DEMOS[name].title}")


def _open_copy(template: RunFolder) -> None:
    """Give the visitor a copy of the finished run, which can be changed and deleted like any other."""
    if template.status().state != DONE:
        return
    session.pop(WAITING_FOR)
    folder = session.store().adopt(template)
    current = session.workspace()
    opened = from_recipe(folder.recipe, folder.id)
    if current.source and current.target:
        opened = opened.with_sides(current.source, current.target)
    session.set_workspace(opened)
