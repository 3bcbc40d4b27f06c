"""The stages before matching: features of both modalities, then propensity scores or joint latents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.keeper import Keeper, KeepNothing
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import features_key, latents_key, propensity_key

SIDES = ("source", "target")


@dataclass(frozen=True, eq=False)
class Scored:
    """Both modalities scored, and the fitted preprocessing that made their features.

    Parameters
    ----------
    preprocessing
        Of the source and of the target.
    models
        The source and the target, in the space in which they are matched.
    """

    preprocessing: tuple[FittedPreprocessing, FittedPreprocessing]
    models: tuple[ScoredModality, ScoredModality]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about both steps."""
        return tuple(note for each in (*self.preprocessing, *self.models) for note in each.notes)


def score_sides(
    recipe: Recipe,
    source: Modality,
    target: Modality,
    *,
    keeper: Keeper | None = None,
    progress: Progress = silent,
) -> Scored:
    """Preprocess two modalities with the same labels, and score both in the space of the recipe.

    Raises
    ------
    PsmatchError
        For features that the classifier or the matcher cannot use; before anything is trained.
    """
    keeper = keeper or KeepNothing()
    configs = (recipe.source_preprocessing, recipe.target_preprocessing)
    fitted: list[FittedPreprocessing] = []
    features: list[Modality] = []
    for side, config, name in zip((source, target), configs, SIDES, strict=True):
        progress(Event(f"preprocess: {side.name}", 0.0, "choosing and scaling features"))
        transform, described = _features(side, config, name, recipe, keeper)
        fitted.append(transform)
        features.append(described)
        progress(Event(f"preprocess: {side.name}", 1.0))
    for described in features:  # all checks come before minutes of training
        if isinstance(recipe.space, JointVAE):  # which uses no classifier
            recipe.space.check(described)
        else:
            recipe.classifier.check(described.in_shape(described.X), name=described.name)
    recipe.matcher.check(features[0], features[1])
    names = tuple(sorted(set(source.label_names)))
    if isinstance(recipe.space, JointVAE):
        models = _latents((features[0], features[1]), recipe.space, names, recipe, keeper, progress)
    else:
        with ThreadPoolExecutor(2) as pool:  # the two are independent, and numpy and torch release the interpreter lock
            models = list(
                pool.map(
                    lambda side: _propensity(side[0], side[1], names, recipe, keeper, progress),
                    zip(features, SIDES, strict=True),
                )
            )
    return Scored((fitted[0], fitted[1]), (models[0], models[1]))


def _features(
    side: Modality, config: Preprocessing, name: str, recipe: Recipe, keeper: Keeper
) -> tuple[FittedPreprocessing, Modality]:
    key = features_key(side, config, recipe.seed)
    fitted = keeper.keep(
        f"{name}_preprocessing", key, result_files.load_preprocessing, lambda: config.fit(side, seed=recipe.seed)
    )
    return fitted, keeper.keep(f"{name}_features", key, result_files.load_modality, lambda: fitted.transform(side))


def _latents(
    sides: tuple[Modality, Modality],
    vae: JointVAE,
    label_names: tuple[str, ...],
    recipe: Recipe,
    keeper: Keeper,
    progress: Progress,
) -> list[ScoredModality]:
    """The latents of both modalities, from one training; each is a stage of its own, so that pages find it."""

    @cache
    def trained() -> tuple[JointLatents, JointLatents]:
        return fit_joint_vae(*sides, vae, label_names=label_names, seed=recipe.seed, progress=progress)

    models: list[ScoredModality] = []
    for index, (name, side) in enumerate(zip(("source", "target"), sides, strict=True)):
        models.append(
            keeper.keep(
                f"{name}_propensity",
                latents_key(name, sides, label_names, recipe),
                partial(_load_latents, modality=side),
                lambda index=index: trained()[index],  # type: ignore[misc]
            )
        )
        progress(Event(f"latents: {side.name}", 1.0, "trained"))
    return models


def _load_latents(path: Path, modality: Modality) -> ScoredModality:
    return result_files.load_scored(path, modality)


def _propensity(
    features: Modality, name: str, label_names: tuple[str, ...], recipe: Recipe, keeper: Keeper, progress: Progress
) -> PropensityModel:
    model = keeper.keep(
        f"{name}_propensity",
        propensity_key(features, label_names, recipe),
        lambda path: result_files.load_propensity(path, features),
        lambda: fit_propensity(
            features,
            recipe.classifier,
            label_names=label_names,
            scoring=recipe.scoring,
            seed=recipe.seed,
            progress=progress,
        ),
    )
    progress(Event(f"propensity: {features.name}", 1.0, "trained"))
    return model
