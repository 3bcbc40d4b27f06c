"""run: from two modalities (or two files) to a coupling, its evaluation, and notes for the user."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from psmatch_core.base.cores import a_core, computing_on, side_by_side
from psmatch_core.base.memory import free_after_stage
from psmatch_core.base.progress import Event, Progress, StagePart, silent, told_together
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.data.batch_proposals import batches_of_modality, propose_within_batches, shared_batches_note
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing
from psmatch_core.data.proposals import propose_preprocessing
from psmatch_core.data.sides import SIDES
from psmatch_core.evaluation.distributions import TRANSLATED, UNIFORM, Distributions, compare_distributions
from psmatch_core.evaluation.evaluate import Evaluation, evaluate
from psmatch_core.evaluation.within_labels import MATCHED, FeatureAccuracy
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.monitor import MonitorReport
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.inputs import PreparedInputs, prepare_inputs, read_inputs
from psmatch_core.pipeline.judge_pairs import judge_held_out_pairs
from psmatch_core.pipeline.label_outcomes import label_outcomes
from psmatch_core.pipeline.link_modalities import link_modalities, linked_positions
from psmatch_core.pipeline.monitor_matching import monitor_matching
from psmatch_core.pipeline.needs import SideSize, check_needs
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.score_modalities import score_modalities
from psmatch_core.pipeline.stage_keys import translator_key
from psmatch_core.pipeline.stage_store import NoStageStore, StageStore
from psmatch_core.pipeline.translation_accuracy import ACCURACY_STAGE, translation_accuracy
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translate import (
    DIRECTIONS,
    TO_SOURCE,
    CarriedFeatures,
    Translation,
    carry,
    checked_direction,
    translate,
)
from psmatch_core.translation.translators import FittedTranslator, TrainedTranslator


@dataclass(frozen=True, eq=False)
class Run(HtmlSummary):
    """One finished run.

    Parameters
    ----------
    recipe
        The settings.
    source, target
        The matched cells with the values they came with.
    labels
        The labels of both modalities: shared, in one only, too small.
    source_preprocessing, target_preprocessing
        The fitted preprocessing, which can also transform new cells.
    coupling
        Which cells match; it refers to both scored modalities, and these to their features.
    monitor
        What the matches are good for, label by label.
    evaluation
        Metrics from all known pairs; None if no pair is known. They are inflated: both classifiers were trained on the
        same physical cells.
    held_out_evaluation
        The same of pairs that neither classifier saw (:mod:`psmatch_core.evaluation.held_out_pairs`); None if no pair
        is known, or if a note says why they could not be judged.
    distributions
        Translated cells compared with observed ones, by direction; empty if pairs are known.
    notes
        What the user should know, in the order in which it happened.
    translators
        The trained translators by direction; empty if the translator of the recipe is not trained.
    accuracy
        R² within labels of the predicted features, by direction; empty if no pair is known.
    """

    recipe: Recipe
    source: Modality
    target: Modality
    labels: LabelReport
    source_preprocessing: FittedPreprocessing
    target_preprocessing: FittedPreprocessing
    coupling: Coupling
    monitor: MonitorReport
    evaluation: Evaluation | None
    notes: tuple[str, ...] = field(default=(), repr=False)
    translators: Mapping[str, FittedTranslator] = field(default_factory=dict, repr=False)
    distributions: Mapping[str, Distributions] = field(default_factory=dict, repr=False)
    accuracy: Mapping[str, tuple[FeatureAccuracy, ...]] = field(default_factory=dict, repr=False)
    held_out_evaluation: Evaluation | None = None

    @cached_property
    def label_table(self) -> pd.DataFrame:
        """One row for each label of either modality (:func:`~psmatch_core.pipeline.label_outcomes.label_outcomes`)."""
        return label_outcomes(self.coupling, self.labels, self.monitor)

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """All excluded cells, with their modality and the reason."""
        rows = [(side.name, cell, reason) for side in (self.source, self.target) for cell, reason in side.excluded]
        return pd.DataFrame(rows, columns=["modality", "cell", "reason"])

    def translate(self, direction: str = TO_SOURCE, *, progress: Progress = silent) -> Translation:
        """Features of one modality predicted for the cells of the other, in readable units (before z-scoring and PCA).

        A trained translator predicts all cells, or all of the labels that it was trained on if it reads labels; the
        others give NaN for cells without a match.
        """
        if direction in self.translators:
            at, of = readable_sides(self, direction)
            fitted = self.translators[direction]
            can = fitted.can_predict(at.labels)
            values = np.full((at.n_cells, of.n_features), np.nan, dtype=np.float32)
            values[can] = fitted.predict(at.X[can], at.var_names, labels=at.labels[can])
            return Translation(direction, at, of, values, fitted.translator, self.recipe.seed)
        return translate(
            self.coupling, self.recipe.translator, direction=direction, features=readable_features(self, direction),
            seed=self.recipe.seed, progress=progress,
        )  # fmt: skip

    def __repr__(self) -> str:
        side = f"{self.source.name} → {self.target.name}"
        judged = "no known pairs" if self.evaluation is None else repr(self.evaluation)
        facts = [
            f"{self.source.n_cells:,} × {self.target.n_cells:,} cells",
            f"{len(self.coupling.blocks)} labels matched",
            f"{self.monitor.verdict.title.lower()} ({self.monitor.counted()})",
            f"{len(self.excluded):,} cells excluded",
            f"{len(self.notes)} notes",
            judged,
        ]
        return f"Run({side}: {', '.join(facts)})"


def readable_sides(run: Run, direction: str) -> tuple[Modality, Modality]:
    """The modality whose cells get predictions, and the one whose features are predicted; before z-scoring and PCA."""
    other = DIRECTIONS[checked_direction(direction) == TO_SOURCE]
    return readable_features(run, other), readable_features(run, direction)


def readable_features(run: Run, direction: str) -> Modality:
    """The modality whose features are predicted, before z-scoring and PCA."""
    if checked_direction(direction) == TO_SOURCE:
        return run.target_preprocessing.readable(run.target)
    return run.source_preprocessing.readable(run.source)


def run(
    recipe: Recipe | None = None,
    source: Modality | None = None,
    target: Modality | None = None,
    *,
    progress: Progress = silent,
    executor: Executor | None = None,
    store: StageStore | None = None,
    judges_held_out: bool = True,
) -> Run:
    """Run a recipe: preprocess, score both modalities, match, and evaluate.

    Parameters
    ----------
    recipe
        The settings; the default recipe unless given.
    source, target
        The two modalities; read from the files of the recipe unless given.
    executor
        Trains members and folds, and matches labels, in parallel; the cores of this machine do unless given.
    store
        Stores finished stages; nothing is stored unless given.
    judges_held_out
        Whether held-out pairs are judged, if pairs are known and the recipe asks for it; the runs of a sweep leave
        it out.

    Returns
    -------
    The finished run.

    Raises
    ------
    PsmatchError
        For a problem of the data or the settings that the user can solve; also if the run needs more memory than it
        may use.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier(strength=0.05))
    >>> psmatch.run(quick, source, target)
    Run(RNA → Image: 1,000 × 850 cells, 13 labels matched, ..., 0 cells excluded, 3 notes, no known pairs)
    """
    recipe = recipe or Recipe()
    store = store or NoStageStore()
    if source is None or target is None:
        source, target = read_inputs(recipe, progress=progress)
    prepared = prepare_inputs(recipe.labels, source, target, pairs=recipe.judging.pairs, seed=recipe.seed)
    store.finished("data", prepared)
    sizes = SideSize.of(prepared.source), SideSize.of(prepared.target)
    n_cells = prepared.source.n_cells + prepared.target.n_cells
    check_needs(recipe, *sizes, n_labels=len(prepared.source.label_names))
    with computing_on(executor):
        scored = score_modalities(recipe, prepared.source, prepared.target, store=store, progress=progress)
        free_after_stage(n_cells)
        models = scored.models
        notes = (str(prepared.pairs), *prepared.notes, *scored.notes, *_proposed(recipe, prepared))
        store.finished("notes", notes)
        store.finished("propensity", list(models))
        models, link_notes = link_modalities(recipe, models, progress=progress)
        if link_notes:
            notes = (*notes, *link_notes)
            store.finished("notes", notes)
        if positions := linked_positions(models):
            store.finished("link", positions)
        coupling = match(models[0], models[1], recipe.matcher, seed=recipe.seed, progress=progress, executor=executor)
        store.finished("match", coupling)
        monitor = monitor_matching(coupling, (prepared.source, prepared.target), recipe, store=store, progress=progress)
        free_after_stage(n_cells)
        store.finished("monitor", monitor)
        evaluation, held_out = None, None
        if known_ids(prepared.source, prepared.target) is not None:
            evaluation = evaluate(coupling, recipe.judging, progress=progress)
            if judges_held_out:
                held_out, why_not = judge_held_out_pairs(recipe, models, store=store, progress=progress)
                notes = (*notes, why_not) if why_not else notes
                store.finished("notes", notes)
    finished = Run(
        recipe=recipe,
        source=prepared.source,
        target=prepared.target,
        labels=prepared.labels,
        source_preprocessing=scored.preprocessing[0],
        target_preprocessing=scored.preprocessing[1],
        coupling=coupling,
        monitor=monitor,
        evaluation=evaluation,
        notes=notes,
        held_out_evaluation=held_out,
    )
    if isinstance(recipe.translator, TrainedTranslator):
        finished = _train_translators(finished, store, progress)
        store.finished("notes", finished.notes)
    uniform = _with_uniform_plan(finished, progress)
    if evaluation is None:
        return replace(finished, distributions=_compare_distributions(finished, uniform, progress))
    return replace(finished, accuracy=_measure_accuracy(finished, uniform, progress))


def _proposed(recipe: Recipe, prepared: PreparedInputs) -> list[str]:
    """The preprocessing that suits each modality, where the recipe has another."""
    sides = (prepared.source, prepared.target)
    settings = (recipe.source_preprocessing, recipe.target_preprocessing)
    batches = [batches_of_modality(side) for side in sides]
    notes = []
    for at, (which, side, current) in enumerate(zip(SIDES, sides, settings, strict=True)):
        found = propose_preprocessing(side)
        within = propose_within_batches(batches[at], batches[1 - at], found, current)
        said = [each.note(current, which) for each in (found, within) if each is not None]
        notes += [f"{side.name}: {note}" for note in said if note]
    shared = shared_batches_note(batches[0], batches[1])
    return [*notes, shared] if shared else notes


def _train_translators(run: Run, store: StageStore, progress: Progress) -> Run:
    """The run with a translator trained in each direction."""
    recipe = run.recipe

    def trained(direction: str) -> FittedTranslator:
        inputs, outputs = readable_sides(run, direction)
        key = translator_key(direction, run.coupling, recipe, inputs=inputs, outputs=outputs)
        make = partial(
            fit_translator,
            run.coupling,
            recipe.translator,
            direction=direction,
            inputs=inputs,
            outputs=outputs,
            preprocessing=run.source_preprocessing if direction == TO_SOURCE else run.target_preprocessing,
            seed=recipe.seed,
            progress=progress,
        )
        found = store.load_or_make(f"translator_{direction}", key, result_files.load_translator, make)
        progress(Event(f"translator: {outputs.name} from {inputs.name}", 1.0, "trained"))
        return found

    with training_on(recipe.device):
        translators = dict(zip(DIRECTIONS, side_by_side(trained, DIRECTIONS), strict=True))
    noted = [f"{direction}: {note}" for direction, fitted in translators.items() for note in fitted.notes]
    return replace(run, translators=translators, notes=(*run.notes, *noted))


def _with_uniform_plan(run: Run, progress: Progress) -> Run:
    """The same run with a uniform plan, the baseline of all translations: its translators are trained on it too."""
    coupling = match(run.coupling.source, run.coupling.target, UniformMatcher(), seed=run.recipe.seed)
    uniform = replace(run, coupling=coupling, translators={})
    return _train_translators(uniform, NoStageStore(), progress) if run.translators else uniform


def _measure_accuracy(run: Run, uniform: Run, progress: Progress) -> dict[str, tuple[FeatureAccuracy, ...]]:
    """What the matching adds to the prediction of features, where true pairs are known."""
    runs, found = {MATCHED: run, UNIFORM: uniform}, {}
    couplings = {plan: each.coupling for plan, each in runs.items()}
    for direction, part in zip(DIRECTIONS, StagePart(progress, ACCURACY_STAGE, "").split(len(DIRECTIONS)), strict=True):
        *heard, rest = part.begin(f"features, {direction.replace('_', ' ')}").split(len(runs) + 1)
        pairs = zip(runs.items(), heard, strict=True)
        translations = {plan: each.translate(direction, progress=of.hear) for (plan, each), of in pairs}
        fitted = run.translators.get(direction)
        found[direction] = translation_accuracy(couplings, translations, run.recipe, fitted=fitted, progress=rest.hear)
    progress(Event(ACCURACY_STAGE, 1.0))
    return found


def _translated(run: Run, direction: str, of: Modality) -> np.ndarray | CarriedFeatures:
    """The features of ``of`` at all cells; carried ones are computed label by label, when they are compared."""
    if direction in run.translators:
        return run.translate(direction).values
    return carry(run.coupling, run.recipe.translator, direction=direction, features=of, seed=run.recipe.seed)


def _compare_distributions(run: Run, uniform: Run, progress: Progress) -> dict[str, Distributions]:
    """Translated cells compared with observed ones in both directions, and with a uniform plan as baseline."""

    def compare(direction: str) -> Distributions:
        at, of = sides if direction == TO_SOURCE else sides[::-1]
        with a_core():
            both = {name: _translated(each, direction, of) for name, each in ((TRANSLATED, run), (UNIFORM, uniform))}
        rules, seed, hears = run.recipe.comparing, run.recipe.seed, heard[direction]
        return compare_distributions(both, at.labels, of, rules, direction=direction, seed=seed, progress=hears)

    progress(Event("compare", 0.0, "distributions, both directions"))
    heard = told_together(progress, "compare", DIRECTIONS, words=lambda name: name.replace("_", " "))
    sides = readable_sides(run, TO_SOURCE)  # once for both directions
    found = dict(zip(DIRECTIONS, side_by_side(compare, DIRECTIONS), strict=True))
    progress(Event("compare", 1.0))  # where no label has enough cells, nothing else tells it
    return found
