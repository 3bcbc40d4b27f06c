"""Managing the sweeps of a workspace: found by their data, renamed, deleted and restored."""

from __future__ import annotations

import shutil

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob, list_sweeps
from psmatch_core.workspace.ownership import check_owner
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder
from psmatch_core.workspace.store import DELETED, RunStore, checked_name


def sweeps_on(store: RunStore, run: RunFolder) -> tuple[list[SweepJob], int]:
    """The person's sweeps over the data of a run, and how many are over other data.

    Those started from the run come first.
    The data are the same if the files, their columns and the rules for labels are: what a sweep does not vary.
    """
    every = [each for each in _own_sweeps(store) if each.damage() is None]
    data = _data_of(run.recipe)
    same = [each for each in every if _data_of(each.recipe) == data]
    return sorted(same, key=lambda each: each.base_id != run.id), len(every) - len(same)


def damaged_sweeps(store: RunStore) -> list[tuple[SweepJob, PsmatchError]]:
    """Sweeps that cannot be opened, and why; deleting one moves it aside."""
    found = [(each, each.damage()) for each in _own_sweeps(store)]
    return [(each, damage) for each, damage in found if damage is not None]


def _own_sweeps(store: RunStore) -> list[SweepJob]:
    return [each for each in list_sweeps(store.root / SweepJob.place) if store.owns(each.folder)]


def rename_sweep(store: RunStore, sweep: SweepJob, name: str) -> None:
    """Give a sweep another name than what it varies.

    Raises
    ------
    PsmatchError
        For an empty name, or a sweep of somebody else.
    """
    check_owner(store, sweep.folder)
    sweep.folder.rename(checked_name(name))


def delete_sweep(store: RunStore, sweep: SweepJob) -> None:
    """Cancel a sweep and move it with its runs to the deleted sweeps, from where it can be restored."""
    check_owner(store, sweep.folder)
    store.cancel(sweep.folder)
    aside = store.root / SweepJob.place / DELETED
    aside.mkdir(parents=True, exist_ok=True)
    shutil.move(sweep.path, aside / sweep.id)


def restore_sweep(store: RunStore, sweep_id: str) -> SweepJob:
    """Restore a deleted sweep.

    Raises
    ------
    PsmatchError
        If the person has deleted none with this id.
    """
    aside = store.root / SweepJob.place / DELETED / sweep_id
    if not RUN_ID.fullmatch(sweep_id) or not aside.exists() or not store.owns(RunFolder(aside)):
        raise PsmatchError(
            "No deleted sweep has this id.", hint="Deleted sweeps can be restored until you delete them for good."
        )
    shutil.move(aside, store.root / SweepJob.place / sweep_id)
    return SweepJob(RunFolder(store.root / SweepJob.place / sweep_id))


def deleted_sweeps(store: RunStore) -> list[SweepJob]:
    """Deleted sweeps that the person can restore, the latest deleted first."""
    found = [each for each in list_sweeps(store.root / SweepJob.place / DELETED) if store.owns(each.folder)]
    return sorted(found, key=lambda each: -each.path.stat().st_ctime)


def _data_of(recipe: Recipe) -> tuple[object, ...]:
    return recipe.source, recipe.target, recipe.labels
