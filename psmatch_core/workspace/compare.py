"""Runs compared: the settings in which they differ, and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.setting_words import same_value, settings_in_words
from psmatch_core.monitor.run_figures import FIGURES, RunFigures, score_figures
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.results import has_propensities, load_figures, load_models
from psmatch_core.workspace.run_folder import RunFolder

HIDDEN = ".sha256"


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Several runs, one column per run.

    Parameters
    ----------
    names
        Names of the runs; a number is added to a name that occurs twice.
    settings
        One row per setting that differs, in the words of the form; None if a run's method has no such setting.
    figures
        One row per figure; NaN if a run does not have it.
    """

    names: tuple[str, ...]
    settings: pd.DataFrame
    figures: pd.DataFrame


def compare_runs(folders: Sequence[RunFolder]) -> RunComparison:
    """Compare runs, in the order in which they are given.

    Raises
    ------
    PsmatchError
        For fewer than two runs.
    """
    if len(folders) < 2:
        raise PsmatchError("A comparison needs at least two runs.", hint="Select more runs.")
    names = _names(folders)
    figures = [known_figures(folder).to_dict() for folder in folders]
    sides = _modality_names(folders)
    known = [name for name in FIGURES if any(np.isfinite(each.get(name, np.nan)) for each in figures)]
    return RunComparison(
        names=names,
        settings=pd.DataFrame.from_dict(
            differing_settings([folder.recipe for folder in folders]), orient="index", columns=list(names), dtype=object
        ),
        figures=pd.DataFrame(
            [[each.get(name, float("nan")) for each in figures] for name in known],
            index=[FIGURES[name].axis(**sides) for name in known],
            columns=list(names),
            dtype=float,
        ),
    )


def known_figures(folder: RunFolder) -> RunFigures:
    """The figures of a run; those of its scores if it is not matched."""
    found = load_figures(folder)
    if found is not None:
        return found
    return score_figures(*load_models(folder)) if has_propensities(folder) else RunFigures()


def differing_settings(
    recipes: Sequence[Recipe], *, hidden: tuple[str, ...] = (HIDDEN,)
) -> dict[str, list[str | None]]:
    """Settings in which recipes differ, by their title, each value in words.

    An option of a method is listed only where two recipes with that method differ in it; elsewhere the method itself is
    the difference. None stands where a recipe has another method.

    Parameters
    ----------
    hidden
        Ends of the names of settings that are left out: by default the fingerprints of files.
    """
    every = [settings_in_words(recipe) for recipe in recipes]
    rows: dict[str, list[str | None]] = {}
    for name in dict.fromkeys(name for each in every for name in each):
        entries = [each.get(name) for each in every]
        known = [each for each in entries if each is not None]
        if name.endswith(hidden) or all(same_value(each.value, known[0].value) for each in known):
            continue
        rows[known[0].title] = [each.words if each is not None else None for each in entries]
    return rows


def _names(folders: Sequence[RunFolder]) -> tuple[str, ...]:
    """Their names; a number is added to a name that occurs twice."""
    out: list[str] = []
    for folder in folders:
        name = str(folder.job.get("name") or folder.id)
        shown, n = name, 1
        while shown in out:  # another run may be called "name (2)" by itself
            n += 1
            shown = f"{name} ({n})"
        out.append(shown)
    return tuple(out)


def _modality_names(folders: Sequence[RunFolder]) -> dict[str, str]:
    """The names of the modalities on which all runs agree."""
    agreed = {}
    for side in ("source", "target"):
        inputs = [files.INPUTS.read(folder) for folder in folders]
        names = {each[side].name if each is not None else "" for each in inputs}
        if len(names) == 1 and "" not in names:
            agreed[side] = names.pop()
    return agreed
