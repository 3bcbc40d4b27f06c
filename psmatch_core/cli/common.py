"""What several commands do: apply settings, open the folder of a run, compute a recipe, show progress on a terminal."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.cli.exit_codes import UnfinishedJobError
from psmatch_core.cli.terminal_progress import TerminalProgress
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.run_folder import DONE, RunFolder, RunStatus

if TYPE_CHECKING:
    from psmatch_core.workspace.opening.open_result import OpenedResult

STAGES = "stages"  # in the folder of a run until it is done, or in a workspace: finished stages


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with each NAME=VALUE applied."""
    for each in settings:
        recipe = recipe.with_setting(*parse_setting(each))
    return recipe


def with_accepted(recipe: Recipe, kinds: Sequence[str]) -> Recipe:
    """The recipe with suggestions on the labels of its files applied, as by ``accept_suggestions``."""
    if not kinds:
        return recipe
    from psmatch_core.data.labels.label_rules import accept_suggestions
    from psmatch_core.data.readers import inspect_file

    counts = []
    for spec in (recipe.source, recipe.target):
        column = inspect_file(spec).column(spec.label_name) if spec is not None else None
        counts.append(column.counts if column is not None else {})
    return replace(recipe, labels=accept_suggestions(recipe.labels, kinds, counts[0], counts[1]))


def parse_setting(text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE; a value that is not JSON is text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise PsmatchError(f"--set {text!r} is not NAME=VALUE.", hint="Write it as --set matcher.epsilon=0.02.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths of its data files, so that they are found from any folder."""
    found = {
        side: replace(
            spec,
            path=str(Path(spec.path).resolve()),
            labels_path=str(Path(spec.labels_path).resolve()) if spec.labels_path else "",
        )
        for side in ("source", "target")
        if (spec := getattr(recipe, side)) is not None and not spec.path.startswith(DEMO_PREFIX)
    }
    return replace(recipe, **found)


def open_run(path: Path) -> RunFolder:
    """The run in a folder.

    Raises
    ------
    PsmatchError
        If the folder holds no run.
    """
    if not (path / "recipe.json").exists():
        raise PsmatchError(
            f"The folder {path.name or path} holds no run.", hint="Give the folder of a run: it holds a recipe.json."
        )
    return RunFolder(path.resolve())


def open_in_workspace(result: Path) -> OpenedResult:
    """A result of elsewhere in the workspace of the app.

    Raises
    ------
    PsmatchError
        If it is no result, incomplete, damaged or of another version.
    """
    from psmatch_core.workspace.new_folder import workspace_folder
    from psmatch_core.workspace.opening.open_result import open_result
    from psmatch_core.workspace.store import RunStore

    return open_result(RunStore(workspace_folder()), result)


def check_matched(folder: RunFolder) -> None:
    """Raise what went wrong, unless the run has matches.

    Raises
    ------
    PsmatchError
        If it failed, was cancelled, or has not got so far.
    """
    from psmatch_core.workspace.results import has_coupling

    _check_there(folder, "matches", is_there=has_coupling(folder))


def check_scored(folder: RunFolder) -> None:
    """Raise what went wrong, unless both modalities of the run are scored.

    Raises
    ------
    PsmatchError
        If it failed, was cancelled, or has not got so far.
    """
    from psmatch_core.workspace.results import has_propensities

    _check_there(folder, "scores", is_there=has_propensities(folder))


def _check_there(folder: RunFolder, what: str, *, is_there: bool) -> None:
    from psmatch_core.workspace.ending import describe_ending

    if not is_there:
        raise PsmatchError(
            f"The run in {folder.id} has no {what}. {describe_ending(folder)}".strip(),
            hint=f"To go on with it: psmatch resume {folder.path}",
        )


def check_done(status: RunStatus, *, resume: str = "") -> None:
    """Raise what went wrong, unless the work is done; ``resume`` is the command that goes on with it."""
    if status.state != DONE:
        raise UnfinishedJobError(status, resume=resume)


def run_recipe(recipe: Recipe, options: argparse.Namespace) -> int:
    """Run a recipe in this process and in a new folder; print progress, the results and where the files are."""
    from psmatch_core.pipeline.inputs import sandbox_of
    from psmatch_core.workspace.jobs.run import RunJob

    started = time.perf_counter()
    recipe = with_absolute_paths(recipe)
    with sandbox_of(recipe):
        folder = RunFolder.create_at(
            free_folder(options, options.out, recipe), recipe, umap=options.umap, executor=options.executor
        )
        return do_run(RunJob(folder), options, started=started)


def do_run(job: Job, options: argparse.Namespace, *, started: float) -> int:
    """Do a run or another job in this process; print progress and the results.

    Its finished stages are kept in its folder until it is done, so that it can be resumed.
    """
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.cli.run_summary import run_record, run_summary
    from psmatch_core.workspace.jobs.run import RunJob
    from psmatch_core.workspace.worker import execute

    folder = job.folder
    own = folder.path / STAGES
    of_workspace = folder.path.parents[1] / STAGES
    is_in_workspace = folder.path.parent.name == RunJob.place and of_workspace.is_dir()
    cache = getattr(options, "cache", None) or (of_workspace if is_in_workspace else own)
    queue = getattr(options, "queue", None)
    status = execute(job, cache=cache, queue=queue, also=progress_of(options))
    check_done(status, resume=f"psmatch resume {folder.path}")
    shutil.rmtree(own, ignore_errors=True)
    seconds = time.perf_counter() - started
    if options.json:
        print(as_json(run_record(folder, seconds)))
    elif isinstance(job, RunJob):
        print(run_summary(folder, seconds))
    else:
        print(f"Done in {seconds:.0f} s. Files: {folder.path}")
    return 0


def free_folder(options: argparse.Namespace, out: Path, recipe: Recipe) -> Path:
    """The folder of a new run: free, or freed by ``--force``, once the files of the recipe have been opened.

    Raises
    ------
    PsmatchError
        If the folder is taken, or a file of the recipe cannot be used; nothing has changed on disk then.
    """
    from psmatch_core.pipeline.inputs import check_inputs
    from psmatch_core.workspace.new_folder import check_free, holds_job, move_aside

    folder = out.resolve()
    is_moved = options.force and folder.is_dir() and holds_job(folder)
    if not is_moved:
        check_free(folder)
    check_inputs(recipe)
    if is_moved:
        print(f"The earlier run in {folder.name} is kept in {move_aside(folder)}", file=sys.stderr)
    return folder


def free_file(options: argparse.Namespace, default: Path) -> Path:
    """The file that a command will write: ``--out`` or the default. Asked before anything is computed.

    Raises
    ------
    PsmatchError
        If it exists and ``--force`` is not given, or cannot be written.
    """
    from psmatch_core.workspace.new_folder import check_free_file

    return check_free_file(options.out or default, may_replace=options.force)


def progress_of(options: argparse.Namespace) -> Progress:
    """Progress on this terminal, or none with ``--quiet``."""
    return silent if options.quiet else TerminalProgress()
