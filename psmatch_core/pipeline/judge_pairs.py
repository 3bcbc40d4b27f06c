"""judge_held_out_pairs and judge_held_out_groups: the evaluation of pairs that no classifier saw."""

from __future__ import annotations

from psmatch_core.base.cores import side_by_side
from psmatch_core.base.progress import Progress, silent
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.sides import SIDES
from psmatch_core.evaluation.evaluate import Evaluation
from psmatch_core.evaluation.held_out_groups import KnownModalities, deal_groups, evaluate_groups, group_scores
from psmatch_core.evaluation.held_out_pairs import (
    FEWEST_PAIRS,
    HeldOutScores,
    evaluate_held_out,
    held_out_scores,
    split_pairs,
)
from psmatch_core.matching.match import known_ids
from psmatch_core.matching.several import Couplings
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.score_modalities import stage_sides
from psmatch_core.pipeline.stage_keys import group_scores_key, held_out_scores_key
from psmatch_core.pipeline.stage_store import NoStageStore, StageStore


def judge_held_out_pairs(
    recipe: Recipe,
    models: tuple[ScoredModality, ScoredModality],
    *,
    store: StageStore | None = None,
    progress: Progress = silent,
) -> tuple[Evaluation | None, str]:
    """Evaluate the settings of a run on held-out pairs.

    Parameters
    ----------
    models
        Both modalities as the run matched them.

    Returns
    -------
    The evaluation, or None and a sentence that says why there is none.
    """
    store = store or NoStageStore()
    source, target = models
    if not recipe.judging.held_out:
        return None, "Held-out pairs were not judged (judging.held_out)."
    if not (isinstance(source, PropensityModel) and isinstance(target, PropensityModel)):
        return None, f"Held-out pairs are judged for propensity scores only, not for {source.space_name}."
    parts = split_pairs(source.modality, target.modality, source.label_names, seed=recipe.seed)
    if parts is None:
        return None, f"Held-out pairs need two labels with {FEWEST_PAIRS} true pairs each."

    def score(one: tuple[str, PropensityModel]) -> HeldOutScores:
        side, model = one
        return store.load_or_make(
            f"{side}_held_out_scores",
            held_out_scores_key(model.modality, side, parts, recipe),
            result_files.load_held_out_scores,
            lambda: held_out_scores(
                model.modality,
                side,
                parts,
                recipe.classifier,
                n_folds=recipe.scoring.n_folds,
                seed=recipe.seed,
                progress=progress,
            ),
        )

    with training_on(recipe.device):
        first, second = side_by_side(score, list(zip(SIDES, (source, target), strict=True)))
    found = evaluate_held_out(
        (source, target),
        (first, second),
        parts,
        recipe.matcher,
        judging=recipe.judging,
        linking=recipe.linking if source.linked is not None else None,
        seed=recipe.seed,
        progress=progress,
    )
    return found, ""


def judge_held_out_groups(
    recipe: Recipe,
    couplings: Couplings,
    known: KnownModalities,
    *,
    store: StageStore | None = None,
    progress: Progress = silent,
) -> tuple[dict[tuple[str, str], Evaluation], str]:
    """Evaluate a matching of several modalities on cells that none of their classifiers saw.

    Parameters
    ----------
    known
        Every pair of modalities, with the ids by which they know their true pairs.
    store
        Keeps the scores, so that another matcher on the same data need not train again.

    Returns
    -------
    The evaluation of each pair of modalities with known pairs, and a sentence that says why there is none; empty if
    there is one, or if no pair is known.
    """
    if not any(known_ids(*both) is not None for both in known.values()):
        return {}, ""
    if not recipe.judging.held_out:
        return {}, "Held-out cells were not judged (judging.held_out)."
    store, models = store or NoStageStore(), couplings.models
    groups = deal_groups(known, next(iter(models.values())).label_names, seed=recipe.seed)
    if groups is None:
        return {}, f"Held-out cells need two labels with two cells of each modality in {len(models) + 1} groups."

    def score(one: tuple[str, str]) -> HeldOutScores:
        side, name = one
        features = models[name].modality
        return store.load_or_make(
            f"{side}_held_out_scores",
            group_scores_key(features, name, groups, recipe),
            result_files.load_held_out_scores,
            lambda: group_scores(
                features,
                groups,
                recipe.classifier,
                name=name,
                n_folds=recipe.scoring.n_folds,
                seed=recipe.seed,
                progress=progress,
            ),
        )

    with training_on(recipe.device):
        of_each = side_by_side(score, list(zip(stage_sides(len(models)), models, strict=True)))
    scores = dict(zip(models, of_each, strict=True))
    found = evaluate_groups(
        couplings,
        scores,
        groups,
        known,
        matcher=recipe.matcher,
        judging=recipe.judging,
        linking=recipe.linking,
        seed=recipe.seed,
        progress=progress,
    )
    return found, ""
