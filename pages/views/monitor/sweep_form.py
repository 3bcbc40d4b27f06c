"""Start a sweep: choose the options to vary and their values, and see what it will cost."""

from __future__ import annotations

import math
import typing
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.errors import show_error, show_errors
from pages.shell.places import own_place
from pages.shell.text import count, duration
from psmatch_core.base.config import Config, Option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.sweeps.budget import Budget, estimate_budget
from psmatch_core.workspace.sweeps.points import GRID, LIST, Axis, Sweep, parse_axis

VARIED = (
    "space", "classifier", "matcher", "linking", "scoring", "source_preprocessing", "target_preprocessing", "seed",
)  # fmt: skip
FIRST = "matcher.epsilon"
COMBINATIONS = {GRID: "all combinations", LIST: "position by position"}


def sweep_form(folder: RunFolder) -> SweepJob | None:
    """Draw the form; returns the sweep if its button was pressed."""
    recipe = folder.recipe
    options = _options(recipe)
    key = folder.id
    chosen = st.multiselect(
        "Options to vary",
        list(options),
        default=[FIRST] if FIRST in options else [],
        format_func=_title,
        key=f"vary.{key}",
        help="The names are those of the command line and of docs/options.md.",
    )
    axes: list[Axis] = []
    with own_place():
        for name in chosen:
            value, option = options[name]
            text = st.text_input(
                f"Values of {_title(name)}" + (f" [{option.unit}]" if option.unit else ""),
                _suggested(name, value, option),
                key=f"values.{key}.{name}",
                help=f"{option.help} Separate values by commas. This run has {value}.",
            )
            with show_errors():
                axes.append(parse_axis(f"{name}={text}"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Combine values",
            list(COMBINATIONS),
            default=GRID,
            required=True,
            format_func=lambda each: COMBINATIONS[each],
            key=f"how.{key}",
            disabled=len(chosen) < 2,
        )
        stability = st.toggle(
            "Measure the agreement of halves",
            value=True,
            key=f"steady.{key}",
            help="Trains the classifiers again on halves of the cells and of the features.",
        )
    if not axes or len(axes) < len(chosen):
        st.caption("Choose at least one option and its values.")
        return None
    try:
        sweep = Sweep(tuple(axes), how or GRID)
        cost = estimate_budget(folder, sweep, cache=session.store().stages, stability=stability)
    except PsmatchError as error:
        show_error(error)
        return None
    st.markdown(_cost_text(cost))
    pairs = files.KNOWN_PAIRS.read(folder)
    if pairs is not None and pairs.are_known:
        st.caption(
            "The runs of a sweep are compared by all known pairs. These figures are inflated, since both classifiers "
            "saw the same cells. To see held-out pairs, match once more with the settings that you choose."
        )
    if not clicked(f"Start the sweep ({count(cost.n_runs, 'run')})", type="primary", key=f"sweep.{key}"):
        return None
    started: SweepJob | None = None
    with show_errors():
        store = session.store()
        started = store.start_job(SweepJob.create(store.root, folder, sweep, stability=stability))
    return started


def _cost_text(cost: Budget) -> str:
    reused = f" ({cost.n_reused} already finished and reused)" if cost.n_reused else ""
    parts = [f"**{count(cost.n_runs, 'run')}**, one after another, with {count(cost.n_trainings, 'training')}{reused}"]
    if cost.n_halvings:
        parts.append(f"{count(cost.n_halvings, 'training')} on halves of the data")
    text = ", and ".join(parts) + ". "
    if cost.seconds is None:
        return text + "The duration is not known, because this run's training was not timed."
    guess = "" if cost.is_same_kind else ", assuming that all classifiers take as long as this run's"
    return text + f"**About {duration(cost.seconds)}**, based on the times of this run{guess}."


def _options(recipe: Recipe) -> dict[str, tuple[Any, Option]]:
    """Options of a recipe that a sweep can vary: dotted name, value in this run, declaration."""
    from psmatch_core.cli.settings import settings_table

    found: dict[str, tuple[Any, Option]] = {}
    for name, value, option in settings_table(recipe):
        if name.partition(".")[0] not in VARIED:
            continue
        at: Any = recipe
        for part in name.split("."):
            at = getattr(at, part)
        if isinstance(at, Config):
            family = typing.get_type_hints(Recipe)[name] if "." not in name else type(at)
            if len(family.kinds()) > 1:
                found[f"{name}.kind"] = (value, replace(option, choices=tuple(family.kinds())))
        elif isinstance(value, int | float | str):
            found[name] = (value, option)
    return found


def _suggested(name: str, value: Any, option: Option) -> str:
    """Values to start with: all choices, or smaller and larger values around the run's."""
    if option.choices:
        return ", ".join(str(each) for each in option.choices)
    if isinstance(value, bool):
        return "true, false"
    if name == "seed":
        return f"{value}, {value + 1}, {value + 2}"
    if isinstance(value, int):
        return f"{max(value // 2, int(option.minimum or 1))}, {value}, {value * 2}"
    if isinstance(value, float):
        around = (value * 0.4, value, min(value * 2, math.inf if option.maximum is None else option.maximum))
        return ", ".join(f"{each:g}" for each in dict.fromkeys(around)) if value else "0.001, 0.01, 0.1"
    return str(value)


def _title(name: str) -> str:
    return name.replace(".", " → ").replace("_", " ")
