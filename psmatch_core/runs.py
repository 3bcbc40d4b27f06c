"""run: from two modalities (or two files) to a coupling, its evaluation and everything that was noticed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from psmatch_core import io
from psmatch_core.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.coupling import Coupling, Outcome
from psmatch_core.errors import PsmatchError
from psmatch_core.evaluation import Evaluation, evaluate
from psmatch_core.inputs import load_inputs, prepare
from psmatch_core.labels import LabelReport
from psmatch_core.matching import known_ids, match
from psmatch_core.modality import Modality
from psmatch_core.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.progress import Event, Progress, silent
from psmatch_core.propensity import PropensityModel, fit_propensity
from psmatch_core.recipe import Recipe, stage_key
from psmatch_core.scored import ScoredModality
from psmatch_core.translation import TO_SOURCE, Translation, translate

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Parameters
    ----------
    recipe
        The settings.
    source, target
        The matched cells with the values they came with.
    labels
        How the labels of the two sides compared.
    source_preprocessing, target_preprocessing
        The fitted transforms, which take new cells.
    coupling
        Who goes with whom; it holds both scored modalities, and they the features.
    evaluation
        Metrics against the known pairs; None where none is known.
    notes
        Everything the user must know, in the order in which it happened.
    """

    recipe: Recipe
    source: Modality
    target: Modality
    labels: LabelReport
    source_preprocessing: FittedPreprocessing
    target_preprocessing: FittedPreprocessing
    coupling: Coupling
    evaluation: Evaluation | None
    notes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def source_propensity(self) -> PropensityModel:
        """The source's propensity model; refused where the run matched in another space."""
        return _propensities(self.coupling.source)

    @property
    def target_propensity(self) -> PropensityModel:
        """The target's propensity model; refused where the run matched in another space."""
        return _propensities(self.coupling.target)

    @cached_property
    def label_table(self) -> pd.DataFrame:
        """One row a label of either side: cells, status, error, iterations, effective matches per cell."""
        rows = []
        for status in self.coupling.statuses:
            block = self.coupling.blocks.get(status.label)
            rows.append(
                {
                    "label": status.label,
                    "n_source": status.n_source,
                    "n_target": status.n_target,
                    "status": status.outcome.value,
                    "needs_attention": status.outcome.needs_attention,
                    "note": status.message,
                    "marginal_error": status.marginal_error,
                    "iterations": status.iterations,
                    "epsilon": status.epsilon,
                    "n_effective": float(np.median(block.n_effective)) if block is not None else float("nan"),
                }
            )
        kept = {status.label for status in self.coupling.statuses}
        for label in sorted({*self.labels.source_counts, *self.labels.target_counts} - kept):
            n_source, n_target = self.labels.source_counts.get(label, 0), self.labels.target_counts.get(label, 0)
            one_side = not (n_source and n_target)
            rows.append(
                {
                    "label": label,
                    "n_source": n_source,
                    "n_target": n_target,
                    "status": Outcome.NO_COUNTERPART.value if one_side else "left out: too few cells",
                    "needs_attention": True,
                    "note": "",
                    "marginal_error": float("nan"),
                    "iterations": 0,
                    "epsilon": float("nan"),
                    "n_effective": float("nan"),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """Every cell that was left out, with its modality and the reason."""
        rows = [(side.name, cell, reason) for side in (self.source, self.target) for cell, reason in side.excluded]
        return pd.DataFrame(rows, columns=["modality", "cell", "reason"])

    def translate(self, direction: str = TO_SOURCE, *, progress: Progress = silent) -> Translation:
        """Features as a biologist reads them (before z-scoring and PCA) carried across the coupling."""
        raw, fitted = (
            (self.target, self.target_preprocessing)
            if direction == TO_SOURCE
            else (self.source, self.source_preprocessing)
        )
        return translate(
            self.coupling,
            self.recipe.translator,
            direction=direction,
            features=fitted.readable(raw),
            seed=self.recipe.seed,
            progress=progress,
        )

    def __repr__(self) -> str:
        return f"Run({self.coupling!r}, {self.evaluation!r})"


class Keeper(Protocol):
    """Where a run keeps finished stages, and finds those that an earlier run has finished."""

    def keep(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        """The stage's result: loaded where one with this key exists, else made and kept."""

    def done(self, stage: str, result: object) -> None:
        """Told when a stage is finished."""


class KeepNothing:
    """The keeper of a run that lives in memory only."""

    def keep(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        return make()

    def done(self, stage: str, result: object) -> None:
        """Nothing to keep."""


def run(
    recipe: Recipe | None = None,
    source: Modality | None = None,
    target: Modality | None = None,
    *,
    progress: Progress = silent,
    executor: Executor | None = None,
    keeper: Keeper | None = None,
) -> Run:
    """Do all that a recipe says: preprocess, score both sides, match, and judge where pairs are known.

    Parameters
    ----------
    recipe
        The settings; the default recipe unless given.
    source, target
        The two modalities; read from the recipe's files unless given.
    executor
        Runs labels side by side.
    keeper
        Keeps stages; nothing is kept unless given.

    Raises
    ------
    PsmatchError
        For anything about the data or the settings that the user must change.
    """
    recipe = recipe or Recipe()
    keeper = keeper or KeepNothing()
    if source is None or target is None:
        source, target = load_inputs(recipe, progress=progress)
    prepared = prepare(recipe.labels, source, target)
    keeper.done("data", prepared)
    sides = (prepared.source, prepared.target)
    configs = (recipe.source_preprocessing, recipe.target_preprocessing)
    names = ("source", "target")
    fitted: list[FittedPreprocessing] = []
    features: list[Modality] = []
    for side, config, name in zip(sides, configs, names, strict=True):
        progress(Event(f"preprocess: {side.name}", 0.0, "choosing and scaling features"))
        transform, described = _features(side, config, name, recipe, keeper)
        fitted.append(transform)
        features.append(described)
        progress(Event(f"preprocess: {side.name}", 1.0))
    label_names = tuple(sorted(set(prepared.source.label_names)))
    if isinstance(recipe.space, JointVAE):
        models = _latents((features[0], features[1]), recipe.space, label_names, recipe, keeper, progress)
    else:
        with ThreadPoolExecutor(2) as pool:  # the two sides are independent, and numpy and torch release the lock
            models = list(
                pool.map(
                    lambda side: _propensity(side[0], side[1], label_names, recipe, keeper, progress),
                    zip(features, names, strict=True),
                )
            )
    notes = (*prepared.notes, *fitted[0].notes, *fitted[1].notes, *models[0].notes, *models[1].notes)
    keeper.done("notes", notes)
    keeper.done("propensity", models)
    coupling = match(models[0], models[1], recipe.matcher, seed=recipe.seed, progress=progress, executor=executor)
    keeper.done("coupling", coupling)
    evaluation = None
    if known_ids(prepared.source, prepared.target) is not None:
        evaluation = evaluate(coupling, recipe.judging, progress=progress)
    finished = Run(
        recipe=recipe,
        source=prepared.source,
        target=prepared.target,
        labels=prepared.labels,
        source_preprocessing=fitted[0],
        target_preprocessing=fitted[1],
        coupling=coupling,
        evaluation=evaluation,
        notes=notes,
    )
    keeper.done("run", finished)
    return finished


def _propensities(scored: ScoredModality) -> PropensityModel:
    if not isinstance(scored, PropensityModel):
        raise PsmatchError(
            f"{scored.modality.name} was matched by {scored.space_name}: this run has no propensity scores.",
            hint="Look at `run.coupling.source` and `run.coupling.target`, or choose propensity scores as the space.",
        )
    return scored


def _features(
    side: Modality, config: Preprocessing, name: str, recipe: Recipe, keeper: Keeper
) -> tuple[FittedPreprocessing, Modality]:
    key = stage_key("features", side.fingerprint, config, recipe.seed)
    fitted = keeper.keep(
        f"{name}_preprocessing", key, io.load_preprocessing, lambda: config.fit(side, seed=recipe.seed)
    )
    return fitted, keeper.keep(f"{name}_features", key, io.load_modality, lambda: fitted.transform(side))


def _latents(
    sides: tuple[Modality, Modality],
    vae: JointVAE,
    label_names: tuple[str, ...],
    recipe: Recipe,
    keeper: Keeper,
    progress: Progress,
) -> list[ScoredModality]:
    """Both sides' latents, from the one training that makes them; each is a stage, so that pages find it."""

    @cache
    def trained() -> tuple[JointLatents, JointLatents]:
        return fit_joint_vae(*sides, vae, label_names=label_names, seed=recipe.seed, progress=progress)

    inputs = [text for side in sides for text in (side.fingerprint, side.name)]
    models: list[ScoredModality] = []
    for index, (name, side) in enumerate(zip(("source", "target"), sides, strict=True)):
        key = stage_key("joint latents", name, inputs, list(label_names), vae, recipe.seed)
        models.append(
            keeper.keep(
                f"{name}_propensity",
                key,
                partial(_load_latents, modality=side),
                lambda index=index: trained()[index],  # type: ignore[misc]
            )
        )
        progress(Event(f"latents: {side.name}", 1.0, "trained"))
    return models


def _load_latents(path: Path, modality: Modality) -> ScoredModality:
    return io.load_scored(path, modality)


def _propensity(
    features: Modality, name: str, label_names: tuple[str, ...], recipe: Recipe, keeper: Keeper, progress: Progress
) -> PropensityModel:
    key = stage_key(
        "propensity",
        features.fingerprint,
        features.name,
        list(label_names),
        recipe.classifier,
        recipe.scoring,
        recipe.seed,
    )
    model = keeper.keep(
        f"{name}_propensity",
        key,
        lambda path: io.load_propensity(path, features),
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
