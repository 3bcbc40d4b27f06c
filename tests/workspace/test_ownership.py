"""Whose run: who sees, opens, changes, deletes and restores what, on a server that several people use."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.placed_jobs import delete_job, deleted_jobs, rename_job, restore_job
from psmatch_core.workspace.run_folder import DONE, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.managing import sweeps_on
from psmatch_core.workspace.sweeps.points import Axis, Sweep
from tests.workspace.test_damaged_folders import a_pipe, binary, empty, foreign, missing

RECIPE = demo_recipe(Recipe(), "screen")
TWO = Sweep((Axis("matcher.epsilon", (0.1, 0.2)),))


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PersonalStore]:
    """Stores of people on one workspace, whose workers do nothing."""
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: folder.write_status(RunStatus(state=DONE)))
    return lambda name: PersonalStore(tmp_path, owner=hash_owner(name))


def ids(store: RunStore) -> list[str]:
    return [each.id for each in store.entries()]


def said(action: Callable[[], object]) -> str:
    with pytest.raises(PsmatchError) as caught:
        action()
    return str(caught.value)


def test_runs_are_listed_for_their_owner_only(people) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE, name="mine")
    assert ids(ada) == [run.id]
    assert ids(bob) == []
    assert ids(RunStore(ada.root)) == [run.id]  # one person on a laptop sees all


def test_a_link_opens_a_run_and_lists_it_while_it_is_held(people) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE)
    assert bob.open(run.id).recipe == RECIPE
    holder = PersonalStore(bob.root, owner=bob.owner, held=frozenset({run.id, "20260101-000000-000000000000"}))
    assert ids(holder) == [run.id]
    assert not holder.owns(run)


@pytest.mark.parametrize("damage", [empty, binary, foreign, missing, a_pipe], ids=lambda each: each.__name__)
def test_a_damaged_run_keeps_its_owner(people, damage) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE, name="mine")
    damage(run.path / "job.json", random.Random(3))
    assert ids(ada) == [run.id]
    assert ids(bob) == []
    assert "belongs to somebody else" in said(lambda: bob.delete(run))
    ada.delete(run)
    assert [each.id for each in ada.deleted()] == [run.id]
    assert bob.deleted() == []


@pytest.mark.parametrize("change", ["rename", "annotate", "cancel", "start_again", "delete"])
def test_only_the_owner_changes_a_run(people, change: str) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE, name="mine")
    more = ("yours",) if change in ("rename", "annotate") else ()
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert "mine belongs to somebody else" in said(lambda: getattr(bob, change)(run, *more))
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    getattr(ada, change)(run, *more)


def test_a_deleted_run_comes_back_to_its_owner_and_looks_missing_to_others(people) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE)
    ada.delete(run)
    assert [each.id for each in ada.deleted()] == [run.id]
    assert bob.deleted() == []
    foreign, missing = said(lambda: bob.restore(run.id)), said(lambda: bob.restore("20260101-000000-000000000000"))
    assert foreign == missing
    assert said(lambda: bob.open(run.id)) == said(lambda: bob.open("20260101-000000-000000000000"))
    ada.restore(run.id)
    assert ids(ada) == [run.id]


def test_removing_for_good_removes_nothing_of_others(people) -> None:
    ada, bob = people("ada"), people("bob")
    for store in (ada, bob):
        store.delete(store.start(RECIPE))
    both = RunStore(ada.root).deleted_size()
    assert 0 < bob.deleted_size() < both
    bob.empty_deleted()
    assert bob.deleted() == []
    assert len(ada.deleted()) == 1


def test_a_copy_belongs_to_whoever_made_it(people) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE)
    copied = bob.adopt(run)
    assert ids(bob) == [copied.id]
    assert ids(ada) == [run.id]
    bob.delete(copied)


def test_work_within_a_run_belongs_to_the_owner_of_the_run_too(people) -> None:
    ada, bob, eve = people("ada"), people("bob"), people("eve")
    run = ada.start(RECIPE)
    job = SweepJob(RunFolder.create_at(run.path / "ladders" / "one", RECIPE))
    assert "belongs to somebody else" in said(lambda: bob.start_job(job))
    bob._claim(job.folder)  # as versions did that let guests solve plans in the run of others
    assert [store.owns(job.folder) for store in (ada, bob, eve)] == [True, True, False]
    ada.delete(run)  # with the work of others in it


def test_sweeps_follow_the_same_rule(people) -> None:
    ada, bob = people("ada"), people("bob")
    run = ada.start(RECIPE)
    sweep = ada.start_job(SweepJob.create(ada.root, run, TWO))
    assert [each.id for each in sweeps_on(ada, run)[0]] == [sweep.id]
    assert sweeps_on(bob, run) == ([], 0)
    for change in (lambda: rename_job(bob, sweep, "yours"), lambda: delete_job(bob, sweep)):
        assert "belongs to somebody else" in said(change)
    delete_job(ada, sweep)
    assert deleted_jobs(bob, SweepJob) == []
    missing = said(lambda: restore_job(bob, SweepJob, "20260101-000000-000000000000"))
    assert said(lambda: restore_job(bob, SweepJob, sweep.id)) == missing
    assert restore_job(ada, SweepJob, sweep.id).id == sweep.id


def test_the_secret_itself_is_not_on_disk(people) -> None:
    ada = people("ada-knows-this-alone")
    ada.start_job(SweepJob.create(ada.root, ada.start(RECIPE), TWO))
    written = b"".join(path.read_bytes() for path in ada.root.rglob("*") if path.is_file())
    assert b"ada-knows-this-alone" not in written
    assert ada.owner.encode() in written


@pytest.mark.parametrize("text", ['{"name": "old"}', '{"owner": ""}', "[]", "{", "", '{"owner": null}'])
def test_a_run_without_a_readable_owner_is_nobodys(people, text: str) -> None:
    ada = people("ada")
    run = RunStore(ada.root).start(RECIPE)
    (run.path / "job.json").write_text(text)
    assert not ada.owns(run)
    assert not PersonalStore(ada.root, owner="").owns(run)
