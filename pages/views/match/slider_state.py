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
    from psmatch_core.exploration.epsilon_path import Ladder
    from psmatch_core.matching.blocks import Block
    from psmatch_core.matching.coupling import Coupling

LADDERS = 8  # in memory for all visitors together; each holds some MB
NAMED = 3  # labels that are named with their epsilon
RUNGS = 16  # plans at a slider's position; potentials, or a sparse matrix


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


def ladder(folder: RunFolder, job: RunFolder) -> Ladder | None:
    """The ladder of a job, as far as it is solved; None before its first rung."""
    from psmatch_core.workspace.jobs.epsilon_path import RESULT

    path = job.stage_file(RESULT)
    return _ladder(str(folder.path), str(job.path), path.stat().st_mtime_ns) if path.exists() else None


def slider(folder: RunFolder, job: RunFolder, ladder: Ladder) -> int:
    """The slider of a label, with a button for every rung that has a name; returns the rung it stands at."""
    key = _key(folder, job)
    session.leave(f"sliders.{folder.id}", {**_sliders(folder), ladder.label: job.id})
    if session.peek(key) is None:
        session.leave(key, ladder.own)
    named = dict(ladder.marks)
    named["as in the run"] = ladder.own
    if ladder.curve.corner is not None:
        named["corner"] = ladder.at(ladder.curve.corner)
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, at in named.items():
            st.button(
                f"{name[0].upper()}{name[1:]} {ladder.values[at]:.3g}",
                key=f"{key}.{name}",
                on_click=session.leave,
                args=(key, at),
                type="secondary",
            )
    unit = unit_of(ladder)
    place: Any = st.select_slider(
        f"{symbol_of(ladder)}{f' [{unit}]' if unit else ''}",
        list(range(len(ladder))),
        format_func=lambda at: f"{ladder.values[at]:.3g}",
        key=key,
        help="Left is sharp (few partners a cell), right is smooth. Every position is solved ahead, on all cells of "
        "the label.",
        persist_state="session",  # the maps in another tab follow it
    )
    return int(place)


def symbol_of(ladder: Ladder) -> str:
    """What is dragged, as people write it."""
    return "k" if ladder.knob == "n_neighbors" else "ε"


def symbol_for(folder: RunFolder) -> str:
    """The same of a run's method."""
    return "k" if type(folder.recipe.matcher).knob() == "n_neighbors" else "ε"


def unit_of(ladder: Ladder) -> str:
    if ladder.knob == "n_neighbors":
        return "cells"
    absolute = getattr(ladder.matcher, "epsilon_unit", "") == "absolute"
    return "units of cost" if absolute else "× mean cost"


def followed(folder: RunFolder, coupling: Coupling) -> Followed:
    """The run's coupling as the sliders say, for those labels whose slider was moved."""
    blocks, moved = dict(coupling.blocks), {}
    symbol = symbol_for(folder)
    for label, job_id in _sliders(folder).items():
        job = _job(folder, job_id)
        found = ladder(folder, job)
        place = session.peek(_key(folder, job))
        if found is None or place is None or label not in blocks:
            continue
        at = found.nearest(int(place))
        if at != found.own and found.points[at].status.outcome.is_usable:
            blocks[label] = _rung(str(folder.path), str(job.path), _stamp(job), at)
            moved[label] = float(found.values[at])
    return Followed(coupling.with_blocks(blocks) if moved else coupling, moved, symbol)


def own_value(folder: RunFolder) -> float | None:
    """What the run was matched with: its epsilon or k; None for a method that has neither."""
    knob = type(folder.recipe.matcher).knob()
    return None if knob is None else float(getattr(folder.recipe.matcher, knob))


def _sliders(folder: RunFolder) -> dict[str, str]:
    """The job of every label whose slider this visitor has seen."""
    return session.peek(f"sliders.{folder.id}") or {}


def _key(folder: RunFolder, job: RunFolder) -> str:
    return f"ladder.{folder.id}.{job.id}"


def _job(folder: RunFolder, job_id: str) -> RunFolder:
    from psmatch_core.workspace.jobs.epsilon_path import FOLDER

    return RunFolder(folder.path / FOLDER / job_id)


def _stamp(job: RunFolder) -> int:
    from psmatch_core.workspace.jobs.epsilon_path import RESULT

    return job.stage_file(RESULT).stat().st_mtime_ns


@st.cache_resource(max_entries=LADDERS, show_spinner=False)
def _ladder(run: str, job: str, stamp: int) -> Ladder | None:
    from psmatch_core.workspace.jobs.epsilon_path import result

    return result(RunFolder(Path(job)), cache.models(RunFolder(Path(run))))


@st.cache_resource(max_entries=RUNGS, show_spinner=False)
def _rung(run: str, job: str, stamp: int, place: int) -> Block:
    found = _ladder(run, job, stamp)
    assert found is not None  # asked for only where a ladder was seen
    return found.rung(place)
