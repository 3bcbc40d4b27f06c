"""Somebody else's run as a store hands it out: everything that would write into it refuses, and nothing is written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.selection import Selection
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.workspace import files, predictions, results, run_facts, saved_markers, selections
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.jobs import epsilon_path, job_in, leave_out, monitor, score_map
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.matched_file import write_matched_of
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.placed_jobs import delete_job, rename_job
from psmatch_core.workspace.processes import WorkerProcess
from psmatch_core.workspace.run_folder import DONE, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.points import Axis, Sweep

RECIPE = demo_recipe(Recipe(), "screen")
WORKSPACE = Path(files.__file__).parent
DECLARED = {name: each for name, each in vars(files).items() if isinstance(each, files.RunFile)}
WRITING_WORDS = ("add", "delete", "export", "keep", "save", "write")


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PersonalStore, PersonalStore]:
    """Ada's store and Bob's, on one workspace whose workers do nothing."""
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: folder.write_status(RunStatus(state=DONE)))
    return tuple(PersonalStore(tmp_path, owner=hash_owner(name)) for name in ("ada", "bob"))  # type: ignore[return-value]


@pytest.fixture
def run(stores: tuple[PersonalStore, PersonalStore], monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Ada's run as Bob gets it; that results are there is taken for granted, so that nothing else refuses before."""
    mine = stores[0].start(RECIPE, name="mine")
    for module, name in ((results, "has_coupling"), (results, "has_propensities")):
        monkeypatch.setattr(module, name, lambda folder: True)
    found = stores[1].open(mine.id)
    assert found.is_read_only
    assert found == mine  # it is the same run
    return found


def content(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder below, with its time and bytes."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
    }


def entered(block: Any) -> None:
    with block:
        pass


def report_of_nothing() -> Any:
    return SimpleNamespace(to_dict=dict, figures=SimpleNamespace(to_dict=dict))


FUNCTIONS: dict[str, Callable[[RunFolder], object]] = {
    "results.add_figures": lambda run: results.add_figures(run, n=1.0),
    "monitor.keep_report": lambda run: monitor.keep_report(run, report_of_nothing()),
    "run_facts.write_note": lambda run: run_facts.write_note(run, "hello"),
    "selections.save_selection": lambda run: selections.save_selection(
        run, two_cells(), Selection("source", np.arange(1), "drawn", "mine")
    ),
    "selections.delete_selection": lambda run: files.SELECTIONS.write(run, {}),  # which it does if there is one
    "selections.export_selections": lambda run: selections.export_selections(run, two_cells()),
    "saved_markers.save_markers": lambda run: saved_markers.save_markers(run, markers(), "mine"),
    "saved_markers.delete_markers": lambda run: files.MARKERS.write(run, pd.DataFrame()),
    "predictions.save_predictions": lambda run: files.PREDICTED.write(run, np.zeros((1, 1)), which=files.DIRECTIONS[0]),
    "predictions.save_columns": lambda run: predictions.save_columns(run, "source", cells()),
    "predictions.save_embeddings": lambda run: predictions.save_embeddings(run, "source", cells()),
    "matched_file.write_matched_of": lambda run: write_matched_of(run, run.exports / "matched.h5mu"),
    "report.write_report": write_report,
}
FOLDERS: dict[str, Callable[[RunFolder], object]] = {
    "write_status": lambda run: run.write_status(RunStatus()),
    "rename": lambda run: run.rename("theirs"),
    "keep_worker": lambda run: run.keep_worker(WorkerProcess(1, "")),
    "starting": lambda run: entered(run.starting()),
    "locked": lambda run: entered(run.locked()),
    "a job inside": lambda run: run.within("monitor").write_status(RunStatus()),
    "the run of a job": lambda run: run.within("ladders", "1").around.around.rename("theirs"),
    "MonitorJob": monitor.MonitorJob.create,
    "ScoreMapJob": score_map.ScoreMapJob.create,
    "EpsilonPathJob": lambda run: epsilon_path.EpsilonPathJob.create(run, "STAT1"),
    "LeaveOutJob": lambda run: leave_out.LeaveOutJob.create(run, "STAT1", LeaveOut()),
}
STORES: dict[str, Callable[[PersonalStore, RunFolder], object]] = {
    "start_job": lambda store, run: store.start_job(RunJob(run)),
    "start_job inside": lambda store, run: store.start_job(monitor.MonitorJob(run.within("monitor"))),
    "start_again": lambda store, run: store.start_again(run),
    "resume": lambda store, run: store.resume(run),
    "end_worker": lambda store, run: store.end_worker(run),
    "cancel": lambda store, run: store.cancel(run),
    "delete": lambda store, run: store.delete(run),
    "rename": lambda store, run: store.rename(run, "theirs"),
    "annotate": lambda store, run: store.annotate(run, "theirs"),
}


def cells() -> Any:
    table = pd.DataFrame({"donor": ["D1"]})
    return SimpleNamespace(
        obs=table, columns=table, embeddings={"X_umap": np.zeros((1, 2))}, obsm={}, n_cells=1, label_key=""
    )


def markers() -> Any:
    table = pd.DataFrame(columns=["feature", "values", "effect"])
    return SimpleNamespace(
        side="source", group="a", against="b", n_cells=(1, 1), units="", n_labels=1, notes=(), table=table
    )


def two_cells() -> Any:
    modality = SimpleNamespace(obs_names=np.array(["c0", "c1"]))
    model = SimpleNamespace(modality=modality)
    return SimpleNamespace(source=model, target=model)


def refuses(action: Callable[[], object], root: Path) -> None:
    before = content(root)
    with pytest.raises(PsmatchError, match="belongs to somebody else") as caught:
        action()
    assert "copy it to your runs" in caught.value.hint
    assert content(root) == before


@pytest.mark.parametrize("name", DECLARED)
def test_no_declared_file_is_written(run: RunFolder, name: str) -> None:
    file = DECLARED[name]
    for which in file.which:
        refuses(lambda which=which: file.write(run, None, which=which), run.path)  # type: ignore[misc]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_writes_into_it(run: RunFolder, name: str) -> None:
    refuses(lambda: FUNCTIONS[name](run), run.path)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_folder_itself_and_new_jobs_refuse(run: RunFolder, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave_out, "choose_control", lambda *_: None)
    monkeypatch.setattr(files.RunFile, "is_in", lambda *_, **__: True)
    shared = SimpleNamespace(shared=(), counts=lambda side: {})
    names = {"source": SimpleNamespace(name="RNA"), "target": SimpleNamespace(name="ADT")}
    monkeypatch.setattr(files.RunFile, "read", lambda self, *_, **__: shared if self is files.LABEL_REPORT else names)
    refuses(lambda: FOLDERS[name](run), run.path)


@pytest.mark.parametrize("name", STORES)
def test_the_store_refuses(stores: tuple[PersonalStore, PersonalStore], run: RunFolder, name: str) -> None:
    refuses(lambda: STORES[name](stores[1], run), run.path)
    if name not in ("resume", "end_worker"):  # which no page calls: the watch of the server does, on all runs
        plain = RunFolder(run.path)  # one that does not know whose it is
        refuses(lambda: STORES[name](stores[1], plain), run.path)


def test_every_function_that_writes_is_tested_here() -> None:
    """A new function of the workspace that takes a folder and is named like one that writes must be in the list."""

    def found() -> Iterator[str]:
        for path in WORKSPACE.rglob("*.py"):
            for each in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(each, ast.FunctionDef) and each.name.split("_")[0] in WRITING_WORDS and each.args.args:
                    kind = each.args.args[0].annotation
                    if kind is not None and ast.unparse(kind) == "RunFolder":
                        yield f"{path.stem}.{each.name}"

    assert set(found()) <= set(FUNCTIONS)
    assert len(set(found())) > 8


def test_every_job_on_a_run_is_tested_here() -> None:
    """Those that are made in a run's folder; a run, a sweep and a matching of several have folders of their own."""
    from psmatch_core.workspace.jobs import KINDS

    inside = {kind.__name__ for kind in KINDS if not issubclass(kind, (RunJob, SweepJob, SeveralJob))}
    assert inside == {name for name in FOLDERS if name.endswith("Job")}


def test_jobs_of_a_run_are_as_read_only_as_the_run(stores: tuple[PersonalStore, PersonalStore], run: RunFolder) -> None:
    RunFolder.create_at(run.path / "monitor", RECIPE, kind="monitor")
    found = monitor.MonitorJob.of_run(run)
    assert found is not None
    assert found.folder.is_read_only
    assert found.run.is_read_only
    mine = monitor.MonitorJob.of_run(stores[0].open(run.id))
    assert mine is not None
    assert not mine.folder.is_read_only
    assert isinstance(job_in(run), Job)


def test_a_guest_sweeps_over_the_run_and_owns_the_sweep(
    stores: tuple[PersonalStore, PersonalStore], run: RunFolder
) -> None:
    ada, bob = stores
    before = content(run.path)
    sweep = bob.start_job(SweepJob.create(bob.root, run, Sweep((Axis("matcher.epsilon", (0.1, 0.2)),))))
    assert content(run.path) == before
    sweep.folder.write_status(RunStatus(state=DONE))
    if not bob.owns(sweep.folder):  # the worker that does nothing did not claim it either
        bob._claim(sweep.folder)
    with pytest.raises(PsmatchError, match="belongs to somebody else"):
        delete_job(ada, sweep)
    with pytest.raises(PsmatchError, match="belongs to somebody else"):
        rename_job(ada, sweep, "x")
    with pytest.raises(PsmatchError, match="belongs to somebody else"):
        ada.start_job(sweep)


def test_the_owner_a_copy_and_a_laptop_may_write(stores: tuple[PersonalStore, PersonalStore], run: RunFolder) -> None:
    ada, bob = stores
    copy = bob.adopt(run)
    for folder in (ada.open(run.id), bob.open(copy.id), copy, RunStore(ada.root).open(run.id)):
        assert not folder.is_read_only
        run_facts.write_note(folder, "kept")
    assert replace(run, path=copy.path).is_read_only
