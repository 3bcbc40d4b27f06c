"""The position of each label's slider, which the heatmap, the tables and the linked maps all follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, session, verdicts
from psmatch_core.data.checks import display
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.epsilon_path import EpsilonPath
    from psmatch_core.matching.blocks import Block
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

KEPT_PATHS = 8  # in memory for all visitors together; each takes some MB
KEPT_PLANS = 16  # plans at a slider's position: potentials, or a sparse matrix
NAMED = 3  # labels that are named with their epsilon


@dataclass(frozen=True)
class CouplingAtSliders:
    """A run's coupling with the plans at the sliders' positions.

    Parameters
    ----------
    coupling
        That of the run, with the plan of each label replaced whose slider was moved.
    moved
        The slider's value for each of these labels.
    symbol
        What the sliders change: ε or k.
    """

    coupling: Coupling
    moved: dict[str, float]
    symbol: str

    def describe(self, labels: list[str], run_value: float | None) -> str:
        """The values of some labels in words, such as ``at ε = 0.02 for JAK2, otherwise 0.05 as in the run``.

        Parameters
        ----------
        run_value
            The run's epsilon or k; None for a method without.
        """
        moved = [label for label in labels if label in self.moved]
        as_run = f"{run_value:.3g} as in the run" if run_value is not None else "as in the run"
        if not moved:
            return f"at {self.symbol} = {as_run}" if run_value is not None else as_run
        named = ", ".join(f"{self.moved[label]:.3g} for {display(label, 24)}" for label in moved[:NAMED])
        more = f" and {len(moved) - NAMED} more labels" if len(moved) > NAMED else ""
        rest = f", otherwise {as_run}" if len(moved) < len(labels) else ""
        return f"at {self.symbol} = {named}{more}{rest}"


def epsilon_path(folder: RunFolder, job: EpsilonPathJob) -> EpsilonPath | None:
    """The solved plans of a job so far; None before the first one."""
    times = files.EPSILON_PATH.times(job.folder)
    return _path(str(folder.path), str(job.folder.path), times) if times else None


def slider(folder: RunFolder, job: EpsilonPathJob, path: EpsilonPath) -> int:
    """The slider of a label, with a button for each position that has a name; returns its position."""
    key = _key(folder, job)
    session.put(f"sliders.{folder.id}", {**_jobs_of_sliders(folder), path.label: job.id})
    if session.get(key) is None:
        session.put(key, path.own_step)
    named = named_steps(folder, path)
    named["as in the run"] = path.own_step
    if path.curve.corner is not None:
        named["corner"] = path.nearest_step(path.curve.corner)
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, at in named.items():
            st.button(
                f"{name[0].upper()}{name[1:]} {path.values[at]:.3g}",
                key=f"{key}.{name}",
                on_click=session.put,
                args=(key, at),
                type="secondary",
            )
    unit = unit_of(path)
    position: Any = st.select_slider(
        f"{symbol_of(path)}{f' [{unit}]' if unit else ''}",
        list(range(len(path))),
        format_func=lambda at: f"{path.values[at]:.3g}",
        key=key,
        help="Left is sharp (few partners per cell), right is smooth. All positions are solved in advance, on all "
        "cells of the label.",
        persist_state="session",  # the maps in another tab follow it
    )
    return int(position)


def named_steps(folder: RunFolder, path: EpsilonPath) -> dict[str, int]:
    """The positions that have a name: those of the presets, and the one that the evidence supports."""
    named = dict(path.named_steps)
    suggested = verdicts.report_of(folder).epsilon
    if named and suggested is not None:
        named["evidence"] = path.nearest_step(suggested.epsilon)
    return named


def marks(folder: RunFolder, path: EpsilonPath) -> dict[str, float]:
    """The named positions that are solved, by their names; names of one position stand together, not on each other."""
    names: dict[int, list[str]] = {}
    for name, at in named_steps(folder, path).items():
        if path.solved[at]:
            names.setdefault(at, []).append(name)
    return {", ".join(each): float(path.values[at]) for at, each in names.items()}


def symbol_of(path: EpsilonPath) -> str:
    """The symbol of what the slider changes: ε or k."""
    return "k" if path.option == "n_neighbors" else "ε"


def symbol_for(folder: RunFolder) -> str:
    """The symbol of what a slider of the run changes: ε or k."""
    return "k" if type(folder.recipe.matcher).sharpness_option() == "n_neighbors" else "ε"


def unit_of(path: EpsilonPath) -> str:
    """The unit of the slider's values."""
    if path.option == "n_neighbors":
        return "cells"
    absolute = getattr(path.matcher, "epsilon_unit", "") == "absolute"
    return "units of cost" if absolute else "× mean cost"


def coupling_at_sliders(folder: RunFolder, coupling: Coupling) -> CouplingAtSliders:
    """The run's coupling, with the plan at the slider's position for each label whose slider was moved."""
    blocks, moved = dict(coupling.blocks), {}
    for label, job_id in _jobs_of_sliders(folder).items():
        job = _job(folder, job_id)
        path = epsilon_path(folder, job)
        position = session.get(_key(folder, job))
        if path is None or position is None or label not in blocks:
            continue
        place = path.nearest_solved(int(position))
        if place != path.own_step and path.points[place].status.outcome.is_usable:
            blocks[label] = _plan(str(folder.path), str(job.folder.path), files.EPSILON_PATH.times(job.folder), place)
            moved[label] = float(path.values[place])
    return CouplingAtSliders(coupling.with_blocks(blocks) if moved else coupling, moved, symbol_for(folder))


def run_value(folder: RunFolder) -> float | None:
    """The run's epsilon or k; None for a method that has neither."""
    option = type(folder.recipe.matcher).sharpness_option()
    return None if option is None else float(getattr(folder.recipe.matcher, option))


def _jobs_of_sliders(folder: RunFolder) -> dict[str, str]:
    """The job of each label whose slider this visitor has seen."""
    return session.get(f"sliders.{folder.id}") or {}


def _key(folder: RunFolder, job: EpsilonPathJob) -> str:
    return f"epsilon.{folder.id}.{job.id}"


def _job(folder: RunFolder, job_id: str) -> EpsilonPathJob:
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    return EpsilonPathJob(folder.within(EpsilonPathJob.place, job_id))


@st.cache_resource(max_entries=KEPT_PATHS, show_spinner=False)
def _path(run: str, job: str, times: tuple[int, ...]) -> EpsilonPath | None:
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    return EpsilonPathJob(RunFolder(Path(job))).result(cache.scored_modalities(RunFolder(Path(run))))


@st.cache_resource(max_entries=KEPT_PLANS, show_spinner=False)
def _plan(run: str, job: str, times: tuple[int, ...], place: int) -> Block:
    path = _path(run, job, times)
    assert path is not None  # the caller has already loaded it
    return path.plan_at(place)
