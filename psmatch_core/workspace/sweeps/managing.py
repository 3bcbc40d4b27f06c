"""Sweeps as people keep them: those of some data, one called something else, one moved aside and brought back."""

from __future__ import annotations

import shutil

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob, list_sweeps
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder
from psmatch_core.workspace.store import DELETED, RunStore, checked_name


def sweeps_on(store: RunStore, run: RunFolder) -> tuple[list[SweepJob], int]:
    """Sweeps over the data of a run, those that it began first, then newest first; and how many are over other data.

    Data are the same where files, their columns and the rules for labels are: what a sweep does not vary.
    """
    every = list_sweeps(store.root / SweepJob.place)
    data = _data_of(run.recipe)
    same = [each for each in every if _data_of(each.recipe) == data]
    return sorted(same, key=lambda each: each.base_id != run.id), len(every) - len(same)


def rename_sweep(sweep: SweepJob, name: str) -> None:
    """Call a sweep something else than what it varies.

    Raises
    ------
    PsmatchError
        For an empty name.
    """
    sweep.folder.rename(checked_name(name))


def delete_sweep(store: RunStore, sweep: SweepJob) -> None:
    """End a sweep and move it aside with all its runs, from where it can be brought back."""
    store.cancel(sweep.folder)
    aside = store.root / SweepJob.place / DELETED
    aside.mkdir(parents=True, exist_ok=True)
    shutil.move(sweep.path, aside / sweep.id)


def restore_sweep(store: RunStore, sweep_id: str) -> SweepJob:
    """Bring a deleted sweep back.

    Raises
    ------
    PsmatchError
        If there is none with this id.
    """
    aside = store.root / SweepJob.place / DELETED / sweep_id
    if not RUN_ID.fullmatch(sweep_id) or not aside.exists():
        raise PsmatchError(
            "There is no deleted sweep with this id.", hint="Sweeps are kept aside until the folder is emptied."
        )
    shutil.move(aside, store.root / SweepJob.place / sweep_id)
    return SweepJob(RunFolder(store.root / SweepJob.place / sweep_id))


def deleted_sweeps(store: RunStore) -> list[SweepJob]:
    """Sweeps that were moved aside, the latest deleted first."""
    return sorted(list_sweeps(store.root / SweepJob.place / DELETED), key=lambda each: -each.path.stat().st_ctime)


def _data_of(recipe: Recipe) -> tuple[object, ...]:
    return recipe.source, recipe.target, recipe.labels
