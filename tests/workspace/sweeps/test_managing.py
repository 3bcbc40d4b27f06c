"""Sweeps kept as runs are: those of the same data, renamed, moved aside and brought back."""

from dataclasses import replace

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import delete_job, deleted_jobs, jobs_at, rename_job, restore_job
from psmatch_core.workspace.run_folder import CANCELLED, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.managing import sweeps_on
from psmatch_core.workspace.sweeps.points import Axis, Sweep

TWO = Sweep((Axis("matcher.epsilon", (0.05, 0.2)),))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def made(store, recipe, number, base=""):
    path = store.root / SweepJob.place / f"20260101-000000-00000000000{number}"
    return SweepJob.create_at(path, recipe, TWO, base_id=base)


def test_sweeps_of_these_data_stand_first_those_of_this_run_before_all(store):
    recipe = demo_recipe(Recipe(), "screen")
    run = RunFolder.create(store.runs, recipe)
    mine = made(store, recipe, 1, run.id)
    newer = made(store, replace(recipe, seed=7), 2)
    made(store, replace(recipe, target=recipe.source), 3)
    found, elsewhere = sweeps_on(store, run)
    assert [each.id for each in found] == [mine.id, newer.id]
    assert elsewhere == 1


def test_a_sweep_is_called_what_the_user_likes(store):
    sweep = made(store, demo_recipe(Recipe(), "screen"), 1)
    rename_job(store, sweep, "  how sharp \n is good ")
    assert sweep.name == "how sharp is good"
    assert sweep.sweep == TWO
    with pytest.raises(PsmatchError, match="The name is empty"):
        rename_job(store, sweep, "  ")


def test_a_deleted_sweep_is_moved_aside_with_its_runs_and_comes_back(store):
    sweep = made(store, demo_recipe(Recipe(), "screen"), 1)
    RunFolder.create_at(sweep.runs[0].path, sweep.recipe, name="first point")
    delete_job(store, sweep)
    assert jobs_at(SweepJob, store.root / SweepJob.place) == []
    assert [each.id for each in deleted_jobs(store, SweepJob)] == [sweep.id]
    assert store.deleted() == []  # it is no run
    back = restore_job(store, SweepJob, sweep.id)
    assert back.runs[0].job["name"] == "first point"
    assert back.status().state == CANCELLED  # it had not begun: “Go on with it” does
    assert deleted_jobs(store, SweepJob) == []
    with pytest.raises(PsmatchError, match="No deleted sweep has this id"):
        restore_job(store, SweepJob, sweep.id)
