"""Doing a sweep: one run after another in one worker, each in the queue with all other runs of a workspace."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.monitor import match_stability
from psmatch_core.workspace import results
from psmatch_core.workspace.jobs.monitor import halves_of, propensities
from psmatch_core.workspace.run_folder import CANCELLED, DONE, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore, spawn
from psmatch_core.workspace.sweeps.folder import FOLDER, SweepFolder
from psmatch_core.workspace.sweeps.points import Sweep
from psmatch_core.workspace.worker import FolderLog, execute, turn_of, work


def start_sweep(store: RunStore, base: RunFolder, sweep: Sweep, *, stability: bool = True) -> SweepFolder:
    """Make a sweep's folder in the workspace and start its worker, which outlives this process.

    Raises
    ------
    PsmatchError
        For an option or a value that does not exist.
    """
    sweep_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + uuid.uuid4().hex[:12]
    path = store.root / FOLDER / sweep_id
    folder = SweepFolder.create(path, base.recipe, sweep, base_id=base.id, stability=stability)
    _spawn(store, folder)
    return folder


def start_again(store: RunStore, folder: SweepFolder) -> None:
    """Go on with a sweep that was cancelled, lost or failed: its finished runs stay."""
    if folder.job.status().is_active:
        return
    folder.job.write_status(RunStatus(started=time.time()))
    _spawn(store, folder)


def do_sweep(
    folder: SweepFolder, *, cache: Path | None = None, queue: Path | None = None, also: Progress = silent
) -> RunStatus:
    """Do all runs of a sweep that are not done yet; a run that fails is a row with its reason, and the rest goes on.

    Parameters
    ----------
    cache
        Where stages are shared; the sweep's own folder unless given.
    queue
        Where its runs wait for their turn, one by one, so that whoever starts a run waits for a point and not for the
        whole sweep; no waiting unless given.
    """
    stages = cache or folder.path / "stages"
    return work(folder.job, lambda log: _do(folder, stages, queue, log), also=also, what="sweep")


def _do(folder: SweepFolder, cache: Path, queue: Path | None, log: FolderLog) -> None:
    recipes = folder.sweep.recipes(folder.job.recipe)
    total = len(recipes)
    for index, (run, recipe, name) in enumerate(zip(folder.runs, recipes, folder.names, strict=True)):
        if _is_done(run, needs_stability=folder.has_stability):
            continue
        with turn_of(queue, folder.id, log):
            heard = _heard(log, index, total, name)
            heard(Event("begin", 0.0))
            if not (run.path / "recipe.json").exists() or run.status().state != DONE:
                RunFolder.create_at(run.path, recipe, stop_after="evaluation", name=name)
                if execute(run, cache=cache, also=heard).state == CANCELLED:
                    raise Cancelled
            if folder.has_stability and run.status().state == DONE:
                _add_stability(run, cache, heard)
    failed = [run for run, status in zip(folder.runs, folder.statuses(), strict=True) if not _ended_well(status)]
    if len(failed) == total:
        status = failed[0].status()
        raise PsmatchError(f"Every run of this sweep failed; the first: {status.problem}", hint=status.hint)


def _add_stability(run: RunFolder, cache: Path, progress: Progress) -> None:
    """Train twice on halves of the cells, or take what an earlier run has trained, and put the stability in the row."""
    try:
        models = propensities(results.load_models(run))
    except PsmatchError:  # latents: the row says that it has none
        results.add_figures(run, stability=float("nan"), shared_mass=float("nan"))
        return
    recipe = run.recipe
    halves = halves_of(run, models, cache, progress)
    found = match_stability(
        *models, halves, recipe.matcher, judging=recipe.judging, seed=recipe.seed, progress=progress
    )
    results.add_figures(run, stability=found.agreement, shared_mass=found.shared_mass)


def _is_done(run: RunFolder, *, needs_stability: bool) -> bool:
    if not (run.path / "status.json").exists() or run.status().state != DONE:
        return False
    figures = results.load_figures(run)
    return not needs_stability or (figures is not None and figures.stability is not None)


def _ended_well(status: RunStatus | None) -> bool:
    return status is not None and status.state == DONE


def _heard(log: Progress, index: int, total: int, name: str) -> Progress:
    """The progress of one run as that of the sweep; the numbers of its epochs stay in its own folder."""

    def report(event: Event, /) -> None:
        stage = event.stage.partition(":")[0]
        log(Event("sweep", index / total, f"run {index + 1} of {total} ({name}): {stage}"))

    return report


def _spawn(store: RunStore, folder: SweepFolder) -> None:
    places = ("--cache", str(store.stages), "--queue", str(store.queue.root))
    spawn(folder.job, "sweep", str(folder.path), *places, "--quiet")
