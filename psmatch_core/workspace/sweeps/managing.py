"""The sweeps of a workspace: found by their data, or damaged."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import own_jobs
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore


def sweeps_on(store: RunStore, run: RunFolder) -> tuple[list[SweepJob], int]:
    """The person's sweeps over the data of a run, and how many are over other data.

    Those started from the run come first.
    The data are the same if the files, their columns and the rules for labels are: what a sweep does not vary.
    """
    every = [each for each in own_jobs(store, SweepJob) if each.damage() is None]
    data = _data_of(run.recipe)
    same = [each for each in every if _data_of(each.recipe) == data]
    return sorted(same, key=lambda each: each.base_id != run.id), len(every) - len(same)


def damaged_sweeps(store: RunStore) -> list[tuple[SweepJob, PsmatchError]]:
    """Sweeps that cannot be opened, and why; deleting one moves it aside."""
    found = [(each, each.damage()) for each in own_jobs(store, SweepJob)]
    return [(each, damage) for each, damage in found if damage is not None]


def _data_of(recipe: Recipe) -> tuple[object, ...]:
    return recipe.source, recipe.target, recipe.labels
