"""The matchings of two runs side by side: where they agree, how their figures differ, and by which settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.exploration.two_matchings import TwoMatchings, compare_matchings, figure_differences
from psmatch_core.matching.coupling import Coupling
from psmatch_core.workspace import files
from psmatch_core.workspace.compare import differing_settings
from psmatch_core.workspace.evaluations import load_evaluation
from psmatch_core.workspace.results import load_matching, load_models
from psmatch_core.workspace.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class RunMatchings:
    """Two runs compared by their matchings.

    Parameters
    ----------
    matchings
        Where they agree.
    settings
        One row for each setting that differs, one column for each run.
    labels
        One row for each label of the first run, those that agree least first, with the verdicts of both runs.
    differences
        Metrics on the true pairs that both judged, as :func:`figure_differences` gives them; None without such pairs.
    is_held_out
        Whether these pairs are held-out ones, in both runs.
    """

    matchings: TwoMatchings
    settings: pd.DataFrame
    labels: pd.DataFrame
    differences: pd.DataFrame | None
    is_held_out: bool

    @property
    def pairs_sentence(self) -> str:
        """Which true pairs the differences are about."""
        if self.differences is None:
            return "No true pair was judged in both runs, so which matching is nearer to the truth is not known."
        n = int(self.differences["n_pairs"].iloc[0])
        if self.is_held_out:
            return f"{n:,} held-out pairs that both runs judged; no classifier was trained on both cells of a pair."
        return f"{n:,} pairs whose cells trained the classifiers: both figures are better than on new cells."

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a program."""
        found = self.matchings
        return {
            "runs": list(found.names),
            "n_cells": len(found.cells),
            "n_only": list(found.n_only),
            "shared_mass": found.shared_mass,
            "shared_mass_by_label_alone": found.by_label,
            "same_heaviest_match": found.same_best,
            "settings": self.settings.reset_index(names="setting").to_dict("records"),
            "labels": self.labels.to_dict("records"),
            "differences": None if self.differences is None else self.differences.to_dict("records"),
            "pairs_are_held_out": self.is_held_out,
        }


def compare_run_matchings(
    first: RunFolder,
    second: RunFolder,
    *,
    names: tuple[str, str],
    couplings: tuple[Coupling, Coupling] | None = None,
    progress: Progress = silent,
) -> RunMatchings:
    """Compare the matchings of two runs.

    Parameters
    ----------
    names
        What the runs are called.
    couplings
        Their matchings, if they are at hand.

    Raises
    ------
    PsmatchError
        If they have no cells in common.
    """
    folders = (first, second)
    progress(Event("compare", 0.0, "reading both matchings"))
    found = couplings or tuple(load_matching(each, load_models(each)) for each in folders)
    matchings = compare_matchings(found[0], found[1], names=names, seed=first.recipe.seed, progress=progress)
    rows = differing_settings([each.recipe for each in folders])
    differences, is_held_out = _differences(first, second)
    return RunMatchings(
        matchings=matchings,
        settings=pd.DataFrame.from_dict(rows, orient="index", columns=list(names), dtype=object),
        labels=_with_verdicts(matchings, folders),
        differences=differences,
        is_held_out=is_held_out,
    )


def _differences(first: RunFolder, second: RunFolder) -> tuple[pd.DataFrame | None, bool]:
    """Differences on held-out pairs if both runs have some, else on those of the training cells."""
    shown = [load_evaluation(each) for each in (first, second)]
    if shown[0] is None or shown[1] is None:
        return None, False
    is_held_out = shown[0].is_held_out and shown[1].is_held_out
    tables = [files.HELD_OUT_EVALUATION_CELLS if is_held_out else files.EVALUATION_CELLS] * 2
    cells = [table.read(each) for table, each in zip(tables, (first, second), strict=True)]
    if cells[0] is None or cells[1] is None or not set(cells[0]["cell"]) & set(cells[1]["cell"]):
        return None, is_held_out
    return figure_differences(cells[0], cells[1], seed=first.recipe.seed), is_held_out


def _with_verdicts(matchings: TwoMatchings, folders: tuple[RunFolder, RunFolder]) -> pd.DataFrame:
    """The labels with the verdict and the agreement of each run; empty where a run was not judged."""
    table = matchings.labels()
    for which, folder in zip(("", "other_"), folders, strict=True):
        known = files.LABELS.read(folder)
        for name in ("verdict", "agreement"):
            if known is not None and name in known:
                table[f"{which}{name}"] = table["label"].map(known.set_index("label")[name])
    return table
