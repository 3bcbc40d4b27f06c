"""monitor_matching: everything that can be known of a matching without true pairs, measured at the end of every run."""

from __future__ import annotations

from functools import partial

import numpy as np

from psmatch_core.base.cores import side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.memory import free_after_stage
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.carrying_features import NEAR_ZERO, carrying_features
from psmatch_core.data.given_away import given_away
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import (
    Evidence,
    Flag,
    HalfScores,
    HalvesOf,
    HiddenLabels,
    LabelFlag,
    Monitoring,
    MonitorReport,
    Stability,
    can_halve,
    epsilon_by_information,
    find_hidden_labels,
    fixed_spaces,
    half_scores,
    judge,
    label_null,
    match_stability,
    modality_agreement,
)
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import halves_key, matching_key
from psmatch_core.pipeline.stage_store import NoStageStore, StageStore

STAGES = {HalvesOf.CELLS: "halves", HalvesOf.FEATURES: "feature_halves"}  # each after the side


def monitor_matching(
    coupling: Coupling,
    cells: tuple[Modality, Modality],
    recipe: Recipe,
    monitoring: Monitoring | None = None,
    *,
    store: StageStore | None = None,
    progress: Progress = silent,
) -> MonitorReport:
    """Measure what speaks for and against a matching, and judge every label.

    Parameters
    ----------
    cells
        The source and the target as they were read, in which features and batches that give labels away are looked for.
    monitoring
        What is measured; the recipe's unless given, and then without matching again where that takes long.
    store
        Keeps the scores of the halves.

    What cannot be measured for this method is missing in the report, and its notes say why.
    """
    is_automatic = monitoring is None
    monitoring = monitoring or recipe.monitoring
    store = store or NoStageStore()
    models = _propensities(coupling.source, coupling.target)
    notes: list[str] = []
    found: dict[HalvesOf, Stability | None] = dict.fromkeys(HalvesOf)
    hidden: HiddenLabels | None = None
    null, epsilon, spaces = None, None, None
    if models is None:
        notes.append(
            f"matched by {coupling.source.space_name}: halves and hidden labels need propensity scores, so only the "
            "losses and the plan are judged"
        )
    else:
        why_not = _why_not_halves(recipe, is_asked=monitoring.stability, is_automatic=is_automatic)
        if why_not:
            notes.append(f"matchings from halves of the data were not compared: {why_not}")
        for of in HalvesOf if not why_not else ():
            if all(can_halve(model.modality, of) for model in models):
                halves = scores_of_halves(models, recipe, of, store=store, progress=progress)
                if spaces is None:
                    progress(
                        Event(f"halves: match, {of.value}", 0.0, "axes of the space in which matches are compared")
                    )
                    spaces = fixed_spaces(*models, recipe.judging)
                found[of] = measure_stability(models, halves, recipe, of, spaces=spaces, progress=progress)
                if of is HalvesOf.FEATURES:
                    epsilon = epsilon_by_information(
                        *models, halves, recipe.matcher, seed=recipe.seed, progress=progress
                    )
                del halves  # four matrices of all cells × labels, beside which the next four would be made
                free_after_stage(sum(model.modality.n_cells for model in models))
            else:
                notes.append(f"halves of the {of.value} were not compared: images and single features have none")
        try:
            hidden = find_hidden_labels(*models, recipe.matcher, seed=recipe.seed, progress=progress)
        except PsmatchError as error:
            notes.append(f"hidden labels were not looked for: {error.problem.rstrip('.')}")
        if monitoring.n_shuffles:
            null = label_null(
                *models,
                recipe.matcher,
                n_shuffles=monitoring.n_shuffles,
                largest=monitoring.null_cells,
                seed=recipe.seed,
                progress=progress,
            )
    evidence = Evidence(
        cells=found[HalvesOf.CELLS],
        features=found[HalvesOf.FEATURES],
        hidden=hidden,
        modalities=modality_agreement(coupling.source, coupling.target, seed=recipe.seed),
        null=null,
        epsilon=epsilon,
        data_flags=data_flags(cells, models),
        notes=tuple(notes),
    )
    return judge(coupling, evidence, made_of=matching_key(coupling, recipe))


def _why_not_halves(recipe: Recipe, *, is_asked: bool, is_automatic: bool) -> str:
    """Why matchings from halves are not compared; empty if they are."""
    if not is_asked:
        return "the recipe leaves them out"
    if not recipe.matcher.uses_scores:
        return "this method does not match by scores, so other classifiers change nothing"
    if is_automatic and not recipe.matcher.is_quick:
        return "matching by this method takes longer than training, and would be done four more times"
    return ""


def scores_of_halves(
    models: tuple[PropensityModel, PropensityModel],
    recipe: Recipe,
    of: HalvesOf,
    *,
    store: StageStore,
    progress: Progress = silent,
) -> tuple[HalfScores, HalfScores]:
    """Scores of both modalities from halves of the cells or of the features; kept ones are used again."""

    def scores(one: tuple[str, PropensityModel]) -> HalfScores:
        return _half_scores(*one, recipe, of, store=store, progress=progress)

    with training_on(recipe.device):
        source, target = side_by_side(scores, list(zip(SIDES, models, strict=True)))
    return source, target


def measure_stability(
    models: tuple[PropensityModel, PropensityModel],
    halves: tuple[HalfScores, HalfScores],
    recipe: Recipe,
    of: HalvesOf,
    *,
    spaces: tuple[np.ndarray, np.ndarray] | None = None,
    progress: Progress = silent,
) -> Stability:
    """Agreement of the matchings from halves of the cells or of the features, compared in ``spaces``."""
    return match_stability(
        *models,
        halves,
        recipe.matcher,
        judging=recipe.judging,
        linking=recipe.linking if models[0].linked is not None else None,
        spaces=spaces,
        seed=recipe.seed,
        stage=f"halves: match, {of.value}",
        progress=progress,
    )


def _half_scores(
    side: str, model: PropensityModel, recipe: Recipe, of: HalvesOf, *, store: StageStore, progress: Progress
) -> HalfScores:
    make = partial(
        half_scores,
        model.modality,
        model.label_names,
        recipe.classifier.lighter_after(model.fitted, model.modality.n_cells),
        of,
        n_folds=recipe.scoring.n_folds,
        seed=recipe.seed,
        progress=progress,
    )
    key = halves_key(model.modality, model.label_names, recipe, of.value)
    return store.load_or_make(f"{side}_{STAGES[of]}", key, result_files.load_halves, make)


def data_flags(
    cells: tuple[Modality, Modality], models: tuple[PropensityModel, PropensityModel] | None = None
) -> dict[str, tuple[LabelFlag, ...]]:
    """Labels that a feature or a batch of either modality gives away.

    Parameters
    ----------
    models
        If given, a held-out loss near 0 is told, and single features that carry it are looked for too.
    """
    flags: dict[str, tuple[LabelFlag, ...]] = {}
    for modality, model in zip(cells, models or (None, None), strict=True):
        found = given_away(modality)
        by_feature, learned = dict(found.by_feature), ""
        if model is not None and model.validation_loss <= NEAR_ZERO * model.label_entropy:
            by_feature = {**carrying_features(modality), **by_feature}
            learned = f", and the held-out loss is {model.validation_loss:.3f} nats"
        for label, feature in by_feature.items():
            text = f"{modality.name}: the feature {feature} alone tells the label{learned}"
            flags[label] = (*flags.get(label, ()), LabelFlag(Flag.GIVEN_AWAY, text))
        for label, (column, value) in found.by_batch.items():
            text = f"{modality.name}: its cells are {column} {value}, which holds no other label"
            flags[label] = (*flags.get(label, ()), LabelFlag(Flag.BATCH, text))
    return flags


def _propensities(source: ScoredModality, target: ScoredModality) -> tuple[PropensityModel, PropensityModel] | None:
    """Both sides as propensity models; None if cells were matched in another space."""
    if isinstance(source, PropensityModel) and isinstance(target, PropensityModel):
        return source, target
    return None
