"""The monitor of a run's folder: measured in the background, kept in ``monitor.json``, read by the page."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.monitor import HalfScores, Monitoring, MonitorReport, half_scores, judge, label_null, match_stability
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.stage_keys import halves_key, matching_key
from psmatch_core.workspace import results
from psmatch_core.workspace.run_folder import FolderKeeper, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore, spawn
from psmatch_core.workspace.worker import FolderLog, turn_of, work

REPORT = "monitor.json"
JOB = "monitor"  # the folder, in the run's, of the work that makes the report


def job_of(run: RunFolder) -> RunFolder:
    """Where the measuring of a run stands: status, events and log of its own."""
    return RunFolder(run.path / JOB)


def has_job(run: RunFolder) -> bool:
    """Whether a run has ever been measured, or is being measured."""
    return (job_of(run).path / "status.json").exists()


def load_report(run: RunFolder) -> MonitorReport | None:
    """The report that was measured for this run, or None.

    Raises
    ------
    PsmatchError
        If another version wrote it, or it is damaged.
    """
    path = run.path / REPORT
    if not path.exists():
        return None
    try:
        return MonitorReport.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise PsmatchError(
            "What was measured of this run is damaged, or of another version of the program.", hint="Measure again."
        ) from error


def measure(
    run: RunFolder,
    monitoring: Monitoring | None = None,
    *,
    cache: Path | None = None,
    queue: Path | None = None,
    also: Progress = silent,
) -> RunStatus:
    """Measure stability and null of a finished run, judge it, and keep the report in its folder.

    Parameters
    ----------
    cache
        Where the scores of half-trained classifiers are shared by content; the job's own folder unless given.
    queue
        Where it waits until other runs have ended; no waiting unless given.
    """
    job = prepare(run)
    chosen = monitoring or Monitoring()

    def do(log: FolderLog) -> None:
        with turn_of(queue, f"{run.id}.{JOB}", log):
            _measure(run, chosen, cache or job.path, log)

    return work(job, do, also=also, what="measurement")


def prepare(run: RunFolder) -> RunFolder:
    """The folder of the measuring, waiting for its worker.

    Raises
    ------
    PsmatchError
        Where the run has no matching yet.
    """
    if not results.has_coupling(run):
        raise PsmatchError("This run has no matching to judge yet.", hint="Match first.")
    job = job_of(run)
    job.path.mkdir(exist_ok=True)
    job.write_status(RunStatus(started=time.time()))
    return job


def start(store: RunStore, run: RunFolder, monitoring: Monitoring) -> RunFolder:
    """Measure in the background; returns the folder in which that can be followed."""
    job = job_of(run)
    if has_job(run) and job.status().is_active:
        return job
    job = prepare(run)
    options = [] if monitoring.stability else ["--no-stability"]
    cells = ["--null-cells", str(monitoring.null_cells)]
    shuffles = ["--shuffles", str(monitoring.n_shuffles)]
    places = ("--cache", str(store.stages), "--queue", str(store.queue.root))
    spawn(job, "monitor", str(run.path), *places, *shuffles, *cells, *options)
    return job


def propensities(models: tuple[ScoredModality, ScoredModality]) -> tuple[PropensityModel, PropensityModel]:
    """Both sides as propensity models.

    Raises
    ------
    PsmatchError
        Where the run was matched in another space, whose training on halves of the cells is not worked out.
    """
    source, target = models
    if not (isinstance(source, PropensityModel) and isinstance(target, PropensityModel)):
        raise PsmatchError(
            f"This run was matched by {models[0].space_name}: stability and null are measured for propensity scores.",
            hint="Read the losses here and the known pairs on Evaluate, or match by propensity scores.",
        )
    return source, target


def halves_of(
    run: RunFolder, models: tuple[PropensityModel, PropensityModel], cache: Path, progress: Progress
) -> tuple[HalfScores, HalfScores]:
    """Scores of the half-trained classifiers of both sides, made now or found where an earlier run left them."""
    recipe = run.recipe
    keeper = FolderKeeper(run, cache)
    found = []
    for side, model in zip(("source", "target"), models, strict=True):
        make = partial(
            half_scores,
            model.modality,
            model.label_names,
            recipe.classifier,
            n_folds=recipe.scoring.n_folds,
            seed=recipe.seed,
            progress=progress,
        )
        key = halves_key(model.modality, model.label_names, recipe)
        found.append(keeper.keep(f"{side}_halves", key, result_files.load_halves, make))
    return found[0], found[1]


def _measure(run: RunFolder, monitoring: Monitoring, cache: Path, log: FolderLog) -> None:
    recipe = run.recipe
    log(Event("monitor", 0.0, "loading the run"))
    loaded = results.load_models(run)
    coupling = results.load_matching(run, loaded)
    models = propensities(loaded)
    stability = None
    if monitoring.stability:
        halves = halves_of(run, models, cache, log)
        stability = match_stability(
            *models, halves, recipe.matcher, judging=recipe.judging, seed=recipe.seed, progress=log
        )
        results.add_figures(run, stability=stability.agreement, shared_mass=stability.shared_mass)
    null = None
    if monitoring.n_shuffles:
        null = label_null(
            *models,
            recipe.matcher,
            n_shuffles=monitoring.n_shuffles,
            largest=monitoring.null_cells,
            seed=recipe.seed,
            progress=log,
        )
    report = judge(coupling, stability, null, made_of=matching_key(coupling, recipe))
    disk.write_json(run.path / REPORT, report.to_dict())
