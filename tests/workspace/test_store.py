"""Runs as processes of their own: started, polled, cancelled, killed, listed, found again."""

import os
import signal
import time

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files, results
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, QUEUED, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.waiting import ended, until

QUICK = Recipe.from_dict({"classifier": {"kind": "LinearClassifier", "strength": 0.05}})
ENDLESS = {"kind": "MLPClassifier", "hidden": [512, 512], "n_epochs": 5000, "patience": 5000}
SLOW = Recipe.from_dict({"classifier": ENDLESS})


def until_training(folder):
    until(lambda: any("epoch" in event.values for event in folder.events()), lambda: str(folder.status()))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def test_a_run_goes_from_start_to_exports_and_shares_its_stages(store):
    first = store.start(demo_recipe(QUICK, "pbmc"), stop_after="propensity", name="first")
    ended(first, state=DONE)
    assert results.has_propensities(first)
    assert not results.has_coupling(first)
    assert any("normalisation used" in note for note in files.NOTES.read(first))
    second = store.start(demo_recipe(QUICK.with_setting("matcher.epsilon", 0.2), "pbmc"), name="second")
    ended(second, state=DONE)
    assert (second.exports / "pairs.csv").exists()
    a, b = results.load_models(first), results.load_models(second)
    assert np.array_equal(a[0].logits, b[0].logits)
    if os.name != "nt":
        for stage in ("source_propensity", "map_pca"):
            assert first.stage_file(stage).samefile(second.stage_file(stage))
    assert not any("epoch" in event.values for event in second.events())
    assert len(results.load_matching(second, b)) == 10
    assert {entry.name for entry in store.entries()} == {"first", "second"}
    assert {entry.state for entry in store.entries()} == {DONE}


def test_cancel_ends_the_process_and_leaves_the_folder_clean(store):
    folder = store.start(demo_recipe(SLOW, "screen"))
    until_training(folder)
    assert store.cancel(folder).state == CANCELLED
    assert not folder.is_worked_on()
    assert not list(folder.path.rglob("*.partial"))


def test_a_killed_worker_is_told_and_its_run_can_start_again(store):
    folder = store.start(demo_recipe(SLOW, "screen"))
    until_training(folder)
    os.kill(folder.status().pid, signal.SIGKILL)
    assert ended(folder, state=LOST).hint.startswith("Start it again")
    (folder.path / "recipe.json").write_text(demo_recipe(QUICK, "screen").to_json(), encoding="utf-8")
    store.start_again(folder)
    ended(folder, state=DONE)


def test_a_worker_that_was_killed_reads_as_lost_only_after_its_time_to_start(store):
    folder = RunFolder.create(store.runs, QUICK)
    assert folder.status().state == QUEUED
    folder.write_status(RunStatus(started=time.time() - 3600))
    assert folder.status().state == LOST


def test_a_problem_of_the_data_reaches_the_status_in_words(store, tmp_path):
    (tmp_path / "empty.h5ad").write_bytes(b"")
    data = {"path": str(tmp_path / "empty.h5ad"), "label_key": "label"}
    recipe = Recipe.from_dict({"source": {"kind": "DataSpec", **data}, "target": {"kind": "DataSpec", **data}})
    status = ended(store.start(recipe), state=FAILED)
    assert "empty" in status.problem
    assert "Traceback" not in status.problem + status.hint


@pytest.mark.parametrize("run_id", ["../../etc", "20260101-000000-0123456789ab", "", "a\x00b"])
def test_foreign_and_missing_runs_look_the_same(store, run_id):
    with pytest.raises(PsmatchError, match="No run has this link"):
        store.open(run_id)


def test_the_table_of_runs_is_rebuilt_from_the_folders(store):
    folder = RunFolder.create(store.runs, QUICK, name="mine")
    assert [entry.id for entry in store.entries()] == [folder.id]
    for path in store.root.glob("runs.sqlite*"):
        path.unlink()
    (store.root / "runs.sqlite").write_bytes(b"not a table" * 500)
    assert [entry.name for entry in store.entries()] == ["mine"]


def test_a_deleted_run_is_moved_aside_and_can_come_back(store):
    folder = RunFolder.create(store.runs, QUICK, name="mine")
    store.delete(folder)
    assert store.entries() == []
    assert (store.root / "deleted" / folder.id / "recipe.json").exists()
    assert store.restore(folder.id).recipe == QUICK
    assert [entry.name for entry in store.entries()] == ["mine"]
    with pytest.raises(PsmatchError, match="No deleted run has this id"):
        store.restore(folder.id)


def test_deleting_a_run_ends_what_is_measured_of_it(store):
    folder = RunFolder.create(store.runs, QUICK)
    job = RunFolder.create_at(folder.path / "monitor", QUICK)
    store.delete(folder)
    assert RunFolder(store.root / "deleted" / folder.id / job.id).status().state == CANCELLED


def test_a_run_is_renamed_in_its_folder_and_in_the_list(store):
    folder = RunFolder.create(store.runs, QUICK, name="match 1")
    store.rename(folder, " sharper,\nno PCA ")
    assert folder.job["name"] == "sharper, no PCA"
    assert [entry.name for entry in store.entries()] == ["sharper, no PCA"]
    assert folder.recipe == QUICK
    with pytest.raises(PsmatchError, match="The name is empty"):
        store.rename(folder, " ")


def test_only_one_worker_at_a_time(store):
    folder = RunFolder.create(store.runs, QUICK)
    with folder.locked():
        assert folder.is_worked_on()
        with pytest.raises(PsmatchError, match="Another process is working on run"), folder.locked():
            pass
    assert not folder.is_worked_on()
