"""A run as a job: everything that a recipe says, and the files that pages, reports and exports read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.memory import free_after_stage
from psmatch_core.base.progress import Event
from psmatch_core.pipeline.inputs import PreparedInputs
from psmatch_core.workspace import files, predictions, results
from psmatch_core.workspace.expected_seconds import Measured, expected_seconds, record_seconds
from psmatch_core.workspace.files import Inputs, InputSummary
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.jobs.score_map import draw_map
from psmatch_core.workspace.queue import Turn
from psmatch_core.workspace.run_folder import LastStage, RunFolder
from psmatch_core.workspace.sweeps.budget import stage_seconds

if TYPE_CHECKING:
    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.data.labels.shared_labels import LabelReport
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.monitor import MonitorReport
    from psmatch_core.pipeline.run import Run

UMAP_KEY = "umap"  # in job.json: whether UMAP was asked for together with the run


class LastStageDone(Exception):  # noqa: N818 - not an error: the run was asked to stop here
    """The last stage that was asked for is done."""


class RunJob(Job):
    """A run from its data to its exports, or to the stage after which it was asked to stop."""

    kind = "run"
    noun = "run"
    place = "runs"  # in the workspace

    @property
    def title(self) -> str:
        return self.name or self.id

    @property
    def stop_after(self) -> LastStage:
        return LastStage(self.folder.job.get("stop_after", LastStage.MATCH))

    def do(self, work: Work) -> None:
        with work.turn(expected_seconds(self.folder.recipe, work.cache)) as turn:
            if turn is not None:
                work.log.status(started=time.time())
            self._run(work, turn)

    def _run(self, work: Work, turn: Turn | None) -> None:
        from psmatch_core.exports.files import export  # heavy, and other kinds of jobs do without
        from psmatch_core.exports.provenance import versions
        from psmatch_core.monitor.run_figures import score_figures
        from psmatch_core.pipeline.run import run
        from psmatch_core.translation.translate import DIRECTIONS

        folder = self.folder
        files.ENVIRONMENT.write(folder, versions())
        store = _RunStageStore(folder, work.cache, stop_after=self.stop_after)
        try:
            with self.computing() as executor:
                finished = run(
                    folder.recipe,
                    progress=work.log,
                    executor=executor,
                    store=store,
                    judges_held_out=self.stop_after is not LastStage.EVALUATION,  # a sweep would train thrice as often
                )
        except LastStageDone:
            files.RUN_FIGURES.write(folder, score_figures(*store.models).to_dict())
            results.add_figures(folder, seconds=_seconds(work))
            _draw_maps(store, work, turn)
            return
        _write_results(folder, finished)
        if self.stop_after is LastStage.EVALUATION:  # a run of a sweep is shown as one row of a table
            return
        n_cells = finished.source.n_cells + finished.target.n_cells
        for direction in DIRECTIONS:
            free_after_stage(n_cells)
            predictions.save_predictions(folder, finished, direction, progress=work.log)
        results.add_figures(folder, seconds=_seconds(work))
        free_after_stage(n_cells)
        export(finished, folder.exports, progress=work.log)
        _draw_maps(store, work, turn)


def _write_results(folder: RunFolder, finished: Run) -> None:
    from psmatch_core.monitor.run_figures import match_figures

    if finished.held_out_evaluation is not None:  # before the inflated one, which alone would flatter for a moment
        files.HELD_OUT_EVALUATION_CELLS.write(folder, finished.held_out_evaluation.per_cell)
        files.HELD_OUT_EVALUATION_LABELS.write(folder, finished.held_out_evaluation.table())
        files.HELD_OUT_EVALUATION.write(folder, finished.held_out_evaluation.summary)
    if finished.evaluation is not None:
        files.EVALUATION_CELLS.write(folder, finished.evaluation.per_cell)
        files.EVALUATION_LABELS.write(folder, finished.evaluation.table())
        files.ACCURACY.write(folder, dict(finished.accuracy))
        files.EVALUATION.write(folder, finished.evaluation.summary)
    if finished.distributions:
        files.DISTRIBUTIONS.write(folder, dict(finished.distributions))
    figures = match_figures(
        finished.coupling,
        finished.evaluation,
        finished.distributions,
        accuracy=finished.accuracy,
        held_out=finished.held_out_evaluation,
        n_attention=int(finished.label_table["needs_attention"].sum()),
        seed=folder.recipe.seed,
    )
    files.RUN_FIGURES.write(folder, {**figures.to_dict(), **finished.monitor.figures.to_dict()})


def _seconds(work: Work) -> float:
    """How long the work has taken so far [s]."""
    return round(time.time() - work.log.current.started, 1)


def _record_seconds(folder: RunFolder, work: Work) -> None:
    """Keep how long this run took, for the place in the queue of runs like it."""
    times = stage_seconds(folder)
    has_trained = any("epoch" in event.values or "C" in event.values for event in folder.events())
    training = sum(times.get(stage, 0.0) for stage in ("propensity", "latents"))
    rest = max(0.0, _seconds(work) - training)
    record_seconds(folder.recipe, work.cache, Measured(training if has_trained else None, rest))


def _draw_maps(store: _RunStageStore, work: Work, turn: Turn | None) -> None:
    """The map of the scores by PCA, and that by UMAP where it was asked for with the run.

    UMAP takes longer than everything else of a small run; pages offer it (``jobs/score_map.py``), and show PCA.
    """
    _record_seconds(store.folder, work)
    if turn is not None:
        turn.release()  # nobody waits for a map: the next run may begin
    is_asked = store.folder.job.get(UMAP_KEY, False)
    for method in files.MAPS if is_asked else files.MAPS[:1]:
        draw_map(store, store.models, method, progress=work.log)
    work.log(Event("map", 1.0))


class _RunStageStore(FolderStageStore):
    """Writes the data, notes, matches and verdicts as soon as they are known, and stops the run where it was asked."""

    def __init__(self, folder: RunFolder, cache: Path | None, *, stop_after: LastStage) -> None:
        super().__init__(folder, cache)
        self.stop_after = stop_after
        self.models: list[ScoredModality] = []
        self.labels: LabelReport | None = None
        self.coupling: Coupling | None = None

    def finished(self, stage: str, result: Any) -> None:
        folder = self.folder
        if isinstance(result, PreparedInputs):
            for side, modality in (("source", result.source), ("target", result.target)):
                files.DATA.write(folder, modality, which=side)
                predictions.save_columns(folder, side, modality)
                predictions.save_embeddings(folder, side, modality)
            self.labels = result.labels
            files.LABEL_REPORT.write(folder, result.labels)
            files.KNOWN_PAIRS.write(folder, result.pairs)
            summaries = [InputSummary.of_modality(each) for each in (result.source, result.target)]
            files.INPUTS.write(folder, Inputs(*summaries))
        if stage == "notes":
            files.NOTES.write(folder, tuple(result))
        if stage == "propensity":
            self.models = list(result)
            if self.stop_after is LastStage.PROPENSITY:
                raise LastStageDone
        if stage == "link":
            for side, positions in zip(files.BOTH_SIDES, result, strict=True):
                files.LINKED.write(folder, positions, which=side)
        if stage == "match":  # shown while its matches are still being judged
            self.coupling = result
            files.COUPLING.write(folder, result)
            self._write_labels(None)
        if stage == "monitor":
            files.MONITOR_REPORT.write(folder, result)
            self._write_labels(result)

    def _write_labels(self, monitor: MonitorReport | None) -> None:
        from psmatch_core.pipeline.label_outcomes import label_outcomes

        if self.coupling is not None and self.labels is not None:
            files.LABELS.write(self.folder, label_outcomes(self.coupling, self.labels, monitor))
