"""Leaving a label out as a job: a folder in the run's own, done by the same worker, with the same status and events.

``left_out.npz``  the result;  ``left_out.json``  its figures;  ``left_out_features.csv``  the means and shifts.
"""

from __future__ import annotations

from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress
from psmatch_core.evaluation.held_out import HeldOut, load_held_out
from psmatch_core.pipeline.inputs import load_inputs
from psmatch_core.pipeline.leave_out import LeaveOut, choose_control, leave_label_out, without_renaming
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.results import load_facts, load_inputs as load_kept_inputs
from psmatch_core.workspace.run_folder import DONE, RunFolder

FOLDER, RESULT = "left_out", "left_out"


def create(run: RunFolder, label: str, how: LeaveOut) -> RunFolder:
    """A new job's folder within a run's, ready for a worker; it takes the run's recipe and its cells.

    Raises
    ------
    PsmatchError
        Where the run has no data yet, or the label cannot be left out: said before any process starts.
    """
    report, inputs = load_facts(run, "label_report"), load_facts(run, "inputs")
    if not report or not inputs or not run.stage_file("target").exists():
        raise PsmatchError("This run has no data yet.", hint="Start the run first.")
    sides = ("source", "target")
    counts = {side: {label: report[f"{side}_counts"][label] for label in report["shared"]} for side in sides}
    choose_control(label, how, {inputs[side]["name"]: counts[side] for side in sides})
    return RunFolder.create(run.path / FOLDER, run.recipe, name=label, leave_out={"label": label, **how.to_dict()})


def create_at(path: Path, recipe: Recipe, label: str, how: LeaveOut) -> RunFolder:
    """A job's folder at a place of the user's choice, which reads the recipe's files."""
    return RunFolder.create_at(path, recipe, name=label, leave_out={"label": label, **how.to_dict()})


def of(run: RunFolder) -> list[RunFolder]:
    """The jobs of a run, newest first."""
    root = run.path / FOLDER
    found = [RunFolder(path) for path in root.iterdir() if (path / "job.json").exists()] if root.is_dir() else []
    return sorted(found, key=lambda each: each.id, reverse=True)


def is_one(folder: RunFolder) -> bool:
    """Whether a folder is such a job and not a run."""
    return "leave_out" in folder.job


def asked(folder: RunFolder) -> tuple[str, LeaveOut]:
    """The label and the settings of a job."""
    job = dict(folder.job["leave_out"])
    label = str(job.pop("label"))
    return label, LeaveOut.from_dict(job)


def do(folder: RunFolder, progress: Progress) -> HeldOut:
    """Do the job of a folder and write its files."""
    label, how = asked(folder)
    recipe = folder.recipe
    run = RunFolder(folder.path.parents[1])
    if folder.path.parent.name == FOLDER and run.stage_file("target").exists():
        sides, recipe = load_kept_inputs(run), without_renaming(recipe)
    else:
        sides = load_inputs(recipe, progress=progress)
    found = leave_label_out(recipe, *sides, label, how=how, progress=progress)
    table = found.table()
    disk.write_whole(
        folder.path / f"{RESULT}_features.csv", lambda stream: table.to_csv(stream, index=False, encoding="utf-8")
    )
    disk.write_json(folder.path / f"{RESULT}.json", found.to_dict())
    found.save(folder.stage_file(RESULT))
    return found


def result(folder: RunFolder) -> HeldOut | None:
    """The result of a job; None while it is not done."""
    path = folder.stage_file(RESULT)
    return load_held_out(path) if path.exists() and folder.status().state == DONE else None
