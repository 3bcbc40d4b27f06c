"""Monitoring a run as a job: stability and null are measured in the background, the report is kept with the run.

``monitor.json``, in the run's own folder, holds the report; the job's folder ``monitor/`` its settings and progress.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.monitor import HalfScores, Monitoring, MonitorReport, half_scores, judge, label_null, match_stability
from psmatch_core.pipeline.stage_keys import halves_key, matching_key
from psmatch_core.workspace import files, results
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.run_folder import RunFolder


class MonitorJob(Job):
    """Measuring how stable a run's matches are, and what shuffled labels give."""

    kind = "monitor"
    noun = "measurement"
    place = "monitor"  # in the run's folder

    @classmethod
    def create(cls, run: RunFolder, monitoring: Monitoring | None = None) -> Self:
        """A new job of a run, ready for a worker; an earlier one is replaced.

        Raises
        ------
        PsmatchError
            If the run has no coupling yet, or is being measured.
        """
        if not results.has_coupling(run):
            raise PsmatchError("This run has no coupling to judge yet.", hint="Match first.")
        settings = (monitoring or Monitoring()).to_dict()
        return cls(RunFolder.create_at(run.path / cls.place, run.recipe, kind=cls.kind, monitoring=settings))

    @classmethod
    def of_run(cls, run: RunFolder) -> Self | None:
        """The job of a run, whether it works, is done or failed; None if the run was never measured."""
        folder = RunFolder(run.path / cls.place)
        return cls(folder) if (folder.path / "status.json").exists() else None

    @property
    def title(self) -> str:
        return "Measuring stability and null"

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder.path.parent)

    @property
    def monitoring(self) -> Monitoring:
        """The settings; a job of an earlier version has none and gets the default ones."""
        return Monitoring.from_dict(self.folder.job.get("monitoring", {}))

    def do(self, work: Work) -> None:
        with work.turn():
            _measure(self.run, self.monitoring, work.cache or self.folder.path / "stages", work.log)

    def result(self) -> MonitorReport | None:
        """The report of the run."""
        return files.MONITOR_REPORT.read(self.run)


def propensities(models: tuple[ScoredModality, ScoredModality]) -> tuple[PropensityModel, PropensityModel]:
    """Both modalities as propensity models.

    Raises
    ------
    PsmatchError
        If the run was matched in another space: training on halves of the cells is worked out for classifiers only.
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
    """Scores of the classifiers trained on halves of the cells, for both modalities; an earlier run's are reused."""
    recipe = run.recipe
    store = FolderStageStore(run, cache)
    found = []
    for side, model in zip(files.BOTH_SIDES, models, strict=True):
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
        found.append(store.load_or_make(f"{side}_halves", key, files.HALF_SCORES.load, make))
    return found[0], found[1]


def _measure(run: RunFolder, monitoring: Monitoring, cache: Path, progress: Progress) -> None:
    recipe = run.recipe
    progress(Event("monitor", 0.0, "loading the run"))
    loaded = results.load_models(run)
    coupling = results.load_matching(run, loaded)
    models = propensities(loaded)
    stability = None
    if monitoring.stability:
        halves = halves_of(run, models, cache, progress)
        stability = match_stability(
            *models, halves, recipe.matcher, judging=recipe.judging, seed=recipe.seed, progress=progress
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
            progress=progress,
        )
    report = judge(coupling, stability, null, made_of=matching_key(coupling, recipe))
    files.MONITOR_REPORT.write(run, report)
