"""One damaged folder is one row with its remedy: every file of a run × kind of damage × place that reads it."""

import json
import os
import random
from contextlib import suppress

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import compare, ending, files, predictions, results
from psmatch_core.workspace.evaluations import load_evaluation
from psmatch_core.workspace.jobs import job_in
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import deleted_jobs, jobs_at
from psmatch_core.workspace.run_folder import DONE, LOST, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.managing import damaged_sweeps, sweeps_on
from psmatch_core.workspace.sweeps.points import Axis, Sweep
from psmatch_core.workspace.sweeps.table import compared, history, sweep_table
from tests.workspace.test_files import FILES, INPUTS

OF_THE_FOLDER = ("recipe.json", "job.json", "status.json", "events.jsonl", "log.txt")
RESULTS = tuple(each.name.format(each.which[0]) for each in FILES.values())


def torn(path, draw):
    data = path.read_bytes() if path.exists() else b'{"state": "done", "created": 1.0}'
    path.write_bytes(data[: draw.randrange(1, max(2, len(data)))])


def empty(path, draw):
    path.write_bytes(b"")


def binary(path, draw):
    path.write_bytes(draw.randbytes(draw.randrange(1, 5000)))


def zeros(path, draw):
    path.write_bytes(bytes(draw.randrange(1, 5000)))


def foreign(path, draw):
    path.write_text(
        draw.choice(["<!DOCTYPE html>", "a,b\n1,2\n", "null", "[]", "3", '"text"', "{}", "[" * 100_000, "NaN"])
    )


def wrong_types(path, draw):
    values = [None, 3, -1, 1e999, "text", [], {}, [[1]], {"a": None}, True, 2**70]
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        data = {}
    names = list(data) if isinstance(data, dict) else []
    changed = {name: draw.choice(values) for name in [*names, "state", "created", "name", "started", "pid"]}
    path.write_text(json.dumps(changed))


def missing(path, draw):
    path.unlink(missing_ok=True)


def a_folder(path, draw):
    path.unlink(missing_ok=True)
    path.mkdir()


def a_pipe(path, draw):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def a_loop(path, draw):
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


DAMAGES = (torn, empty, binary, zeros, foreign, wrong_types, missing, a_folder, a_pipe, a_loop)
# What is read by somebody who did not ask for this run: never an error.
PLACES_OF_OTHERS = {
    "list": lambda store, bad, good: store.entries(),
    "list again": lambda store, bad, good: (store.entries(), store.entries()),
    "deleted": lambda store, bad, good: store.deleted(),
    "history": lambda store, bad, good: history([(store.open(each.id), each.name) for each in store.entries()], good),
    "sweeps": lambda store, bad, good: [compared([each]) for each in sweeps_on(store, good)[0]],
    "damaged sweeps": lambda store, bad, good: damaged_sweeps(store),
    "deleted sweeps": lambda store, bad, good: deleted_jobs(store, SweepJob),
}
# What is read for whoever opened this run: never an error, since the top of every page shows it.
PLACES_OF_ITS_OWNER = {
    "status": lambda folder: folder.status(),
    "name": lambda folder: (folder.job, folder.created, RunJob(folder).title, folder.damage()),
    "events": lambda folder: (folder.events(), results.live_curves(folder), results.live_history(folder)),
    "ending": lambda folder: ending.missing_parts(folder),
    "label jobs": lambda folder: [
        each.title for kind in (LeaveOutJob, EpsilonPathJob) for each in kind.jobs_of(folder)
    ],
    "monitor job": lambda folder: MonitorJob.of_run(folder),
}
# What is read when asked for: the content, nothing, or an error in words.
PLACES_THAT_TELL = {
    "recipe": lambda folder: folder.recipe,
    "job": lambda folder: job_in(folder).title,
    "evaluation": load_evaluation,
    "figures": results.load_figures,
    "names": results.side_names,
    "predictions": lambda folder: predictions.load_predictions(folder, "target_to_source"),
    "comparison": lambda folder: compare.compare_runs([folder, folder]),
    "files": lambda folder: [each.read(folder, which=each.which[0]) for each in FILES.values() if not each.refers_to],
}


def a_run(store, name):
    folder = RunFolder.create(store.runs, Recipe(), name=name)
    folder.write_status(RunStatus(state=DONE, stage="done", fraction=1.0, started=1.0))
    (folder.path / "events.jsonl").write_text('{"time": 1.0, "stage": "match", "fraction": 1.0, "message": ""}\n')
    for each in FILES.values():
        path = each.path(folder, each.which[0])
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".json":
            path.write_text(json.dumps({"source": {"name": "RNA"}, "loss": 0.5}))
    files.INPUTS.write(folder, INPUTS)
    files.RUN_FIGURES.write(folder, {"loss_source": 0.5})
    files.COUPLING.path(folder).write_bytes(b"")
    for place in (LeaveOutJob.place, EpsilonPathJob.place):
        RunFolder.create(
            folder.path / place, Recipe(), kind="leave_out", leave_out={"label": "A"}, ladder={"label": "A"}
        )
    RunFolder.create_at(folder.path / MonitorJob.place, Recipe(), kind="monitor")
    return folder


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_damaged_file_of_a_run_harms_nobody_else(store, damage):
    """Each small file, and ten results that are drawn, where others read them, where the owner does, and when asked."""
    draw = random.Random(damage.__name__)
    good, bad = a_run(store, "good"), a_run(store, "bad")
    SweepJob.create(store.root, good, Sweep((Axis("seed", (1, 2)),)))
    for name in (*OF_THE_FOLDER, *draw.sample(RESULTS, 10)):
        path = bad.path / name
        before = path.read_bytes() if path.exists() else None
        damage(path, draw)
        for read in PLACES_OF_OTHERS.values():
            read(store, bad, good)
        listed = {entry.id: entry for entry in store.entries()}
        assert listed[good.id].name == "good"
        assert (listed[bad.id].problem != "") == (bad.damage() is not None)
        for read in PLACES_OF_ITS_OWNER.values():
            read(bad)
        for read in PLACES_THAT_TELL.values():
            with suppress(PsmatchError):
                read(bad)
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
    damage(bad.path / "job.json", draw)
    store.delete(bad)
    assert [entry.id for entry in store.entries()] == [good.id]


@pytest.mark.parametrize("name", ["recipe.json", "job.json", "status.json"])
@pytest.mark.parametrize("damage", [empty, binary, foreign, missing, a_folder], ids=lambda each: each.__name__)
def test_a_bad_row_names_the_file_and_its_remedy_helps(store, damage, name):
    folder = a_run(store, "mine")
    damage(folder.path / name, random.Random(1))
    (entry,) = store.entries()
    assert entry.problem.startswith(f"{name} of this run is ")
    assert ("missing" in entry.problem) == (damage is missing)
    assert entry.created > 1.6e9
    if name == "job.json":
        assert (entry.name, entry.state) == ("", DONE)
        if damage is a_folder:
            with pytest.raises(PsmatchError, match=r"job\.json of run .* cannot be written: Is a directory"):
                store.rename(folder, "found again")
            return
        store.rename(folder, "found again")
        (entry,) = store.entries()
        assert (entry.name, entry.problem) == ("found again", "")
    if name == "status.json":
        assert entry.state == LOST
    if name == "recipe.json":
        with pytest.raises(PsmatchError, match=r"recipe\.json of this run is (missing|damaged): its settings are lost"):
            store.start_again(folder)


def test_a_folder_with_nothing_in_it_is_a_row(store):
    (store.runs / "20260101-000000-0123456789ab").mkdir(parents=True)
    (store.runs / "notes").mkdir()
    (store.runs / "20260101-000000-0123456789ac").write_bytes(b"a file")
    (entry,) = store.entries()
    assert entry.problem == "recipe.json and status.json and job.json of this run are missing: its settings are lost."
    store.delete(store.open(entry.id))
    assert store.entries() == []


def test_a_folder_that_is_mended_or_torn_later_is_read_anew(store):
    folder = a_run(store, "mine")
    assert store.entries()[0].problem == ""
    text = (folder.path / "job.json").read_bytes()
    (folder.path / "job.json").write_bytes(text[:-9])
    assert store.entries()[0].problem != ""
    (folder.path / "job.json").write_bytes(text)
    assert (store.entries()[0].problem, store.entries()[0].name) == ("", "mine")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_damaged_sweep_is_told_and_can_be_deleted(store, damage):
    good = a_run(store, "good")
    for name in ("sweep.json", "recipe.json", "job.json", "status.json"):
        sweep = SweepJob.create(store.root, good, Sweep((Axis("seed", (1, 2)),)))
        damage(sweep.path / name, random.Random(name))
        whole, _ = sweeps_on(store, good)
        told = damaged_sweeps(store)
        assert [each.id for each in whole] + [each.id for each, _ in told] == [sweep.id]
        for each in whole:
            assert len(sweep_table(each)) == 2
        store.delete(RunFolder(sweep.path))
        assert jobs_at(SweepJob, store.root / SweepJob.place) == []
        store.empty_deleted()
