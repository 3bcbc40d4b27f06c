"""Where the slider of each label stands: one state, which the heatmap, the tables and the linked maps all follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, session
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.epsilon_path import EpsilonPath
    from psmatch_core.matching.blocks import Block
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

PATHS_IN_MEMORY = 8  # in memory for all visitors together; each holds some MB
NAMED = 3  # labels that are named with their epsilon
PLANS_IN_MEMORY = 16  # plans at a slider's position; potentials, or a sparse matrix


@dataclass(frozen=True)
class Followed:
    """A run's coupling with the plans that the sliders say.

    Parameters
    ----------
    coupling
        The run's, the plan of a label replaced where its slider was moved.
    moved
        What the slider says, by label.
    symbol
        What is dragged: ε, or k.
    """

    coupling: Coupling
    moved: dict[str, float]
    symbol: str

    def words(self, labels: list[str], own: float | None) -> str:
        """Where the plans of some labels stand, such as ``at ε = 0.02 for JAK2, else 0.05 as in the run``.

        Parameters
        ----------
        own
            The run's, None for a method without.
        """
        here = [label for label in labels if label in self.moved]
        as_run = f"{own:.3g} as in the run" if own is not None else "as in the run"
        if not here:
            return f"at {self.symbol} = {as_run}" if own is not None else as_run
        named = ", ".join(f"{self.moved[label]:.3g} for {display(label, 24)}" for label in here[:NAMED])
        more = f" and {len(here) - NAMED} labels more" if len(here) > NAMED else ""
        rest = f", else {as_run}" if len(here) < len(labels) else ""
        return f"at {self.symbol} = {named}{more}{rest}"


def epsilon_path(folder: RunFolder, job: EpsilonPathJob) -> EpsilonPath | None:
    """The epsilon path of a job, as far as it is solved; None before its first step."""
    file = job.file
    return _epsilon_path(str(folder.path), str(job.folder.path), file.stat().st_mtime_ns) if file.exists() else None


def slider(folder: RunFolder, job: EpsilonPathJob, path: EpsilonPath) -> int:
    """The slider of a label, with a button for every named step; returns the step at which it stands."""
    key = _key(folder, job)
    session.leave(f"sliders.{folder.id}", {**_sliders(folder), path.label: job.id})
    if session.peek(key) is None:
        session.leave(key, path.own_step)
    named = dict(path.named_steps)
    named["as in the run"] = path.own_step
    if path.curve.corner is not None:
        named["corner"] = path.nearest_step(path.curve.corner)
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, at in named.items():
            st.button(
                f"{name[0].upper()}{name[1:]} {path.values[at]:.3g}",
                key=f"{key}.{name}",
                on_click=session.leave,
                args=(key, at),
                type="secondary",
            )
    unit = unit_of(path)
    step: Any = st.select_slider(
        f"{symbol_of(path)}{f' [{unit}]' if unit else ''}",
        list(range(len(path))),
        format_func=lambda at: f"{path.values[at]:.3g}",
        key=key,
        help="Left is sharp (few partners a cell), right is smooth. Every position is solved ahead, on all cells of "
        "the label.",
        persist_state="session",  # the maps in another tab follow it
    )
    return int(step)


def symbol_of(path: EpsilonPath) -> str:
    """What is dragged, as people write it."""
    return "k" if path.option == "n_neighbors" else "ε"


def symbol_for(folder: RunFolder) -> str:
    """The same of a run's method."""
    return "k" if type(folder.recipe.matcher).sharpness_option() == "n_neighbors" else "ε"


def unit_of(path: EpsilonPath) -> str:
    if path.option == "n_neighbors":
        return "cells"
    absolute = getattr(path.matcher, "epsilon_unit", "") == "absolute"
    return "units of cost" if absolute else "× mean cost"


def followed(folder: RunFolder, coupling: Coupling) -> Followed:
    """The run's coupling as the sliders say, for those labels whose slider was moved."""
    blocks, moved = dict(coupling.blocks), {}
    symbol = symbol_for(folder)
    for label, job_id in _sliders(folder).items():
        job = _job(folder, job_id)
        found = epsilon_path(folder, job)
        place = session.peek(_key(folder, job))
        if found is None or place is None or label not in blocks:
            continue
        at = found.nearest_solved(int(place))
        if at != found.own_step and found.points[at].status.outcome.is_usable:
            blocks[label] = _plan(str(folder.path), str(job.folder.path), job.file.stat().st_mtime_ns, at)
            moved[label] = float(found.values[at])
    return Followed(coupling.with_blocks(blocks) if moved else coupling, moved, symbol)


def own_value(folder: RunFolder) -> float | None:
    """What the run was matched with: its epsilon or k; None for a method that has neither."""
    option = type(folder.recipe.matcher).sharpness_option()
    return None if option is None else float(getattr(folder.recipe.matcher, option))


def _sliders(folder: RunFolder) -> dict[str, str]:
    """The job of every label whose slider this visitor has seen."""
    return session.peek(f"sliders.{folder.id}") or {}


def _key(folder: RunFolder, job: EpsilonPathJob) -> str:
    return f"epsilon.{folder.id}.{job.id}"


def _job(folder: RunFolder, job_id: str) -> EpsilonPathJob:
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    return EpsilonPathJob(RunFolder(folder.path / EpsilonPathJob.place / job_id))


@st.cache_resource(max_entries=PATHS_IN_MEMORY, show_spinner=False)
def _epsilon_path(run: str, job: str, stamp: int) -> EpsilonPath | None:
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    return EpsilonPathJob(RunFolder(Path(job))).result(cache.models(RunFolder(Path(run))))


@st.cache_resource(max_entries=PLANS_IN_MEMORY, show_spinner=False)
def _plan(run: str, job: str, stamp: int, step: int) -> Block:
    found = _epsilon_path(run, job, stamp)
    assert found is not None  # asked for only after the path was loaded
    return found.plan_at(step)
