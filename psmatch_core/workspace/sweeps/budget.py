"""The budget of a sweep before it starts: how many runs, how much is reused, and about how long it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.monitor import HalvesOf
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import (
    FEATURE_SETTINGS,
    TRAINING_SETTINGS,
    halves_key,
    propensity_key,
    settings_key,
)
from psmatch_core.workspace import results
from psmatch_core.workspace.folder_stage_store import SECONDS, shared_path
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.sweeps.points import Sweep

HALVES_SHARE = 0.5  # of the time of a training, for the trainings on halves; measured in docs/monitor.md
MATCHINGS_WITH_HALVES = 5  # the run's, and two each from halves of the cells and of the features


@dataclass(frozen=True)
class Budget:
    """The cost of a sweep.

    Parameters
    ----------
    n_runs
        Runs, which are done one after another.
    n_trainings, n_reused
        Different trainings among them, and how many of these are already in the cache.
    n_halvings
        Trainings on halves of the cells and of the features that are not in the cache; those of one point together
        take about half as long as its training.
    seconds
        About how long the sweep takes, judging by the base run; None if its stages were not timed.
    is_same_kind
        Whether all trainings are of the kind that was timed; otherwise the time is a guess.
    """

    n_runs: int
    n_trainings: int
    n_reused: int
    n_halvings: int
    seconds: float | None
    is_same_kind: bool


def estimate_budget(base: RunFolder, sweep: Sweep, *, cache: Path | None = None, stability: bool = True) -> Budget:
    """Estimate the cost of a sweep over the settings of a finished run.

    Parameters
    ----------
    base
        The run whose settings are varied and whose stages were timed.
    cache
        Folder in which finished stages are shared.

    Raises
    ------
    PsmatchError
        For an option or a value that does not exist.
    """
    recipe = base.recipe
    recipes = sweep.recipes(recipe)
    distinct = {settings_key(each, (*TRAINING_SETTINGS, "device")): each for each in recipes}
    models = _models(base)
    reused = [key for key, each in distinct.items() if models and _is_kept("propensity", recipe, each, models, cache)]
    halved = [key for key, each in distinct.items() if models and _is_kept("halves", recipe, each, models, cache)]
    n_new, n_halvings = len(distinct) - len(reused), (len(distinct) - len(halved)) if stability else 0
    times = stage_seconds(base)
    train = _training_seconds(recipe, models, cache)
    if train is None and any("epoch" in event.values or "C" in event.values for event in base.events()):
        train = times.get("propensity")  # it trained its models itself instead of finding them in the cache
    rest = sum(times.get(stage, 0.0) for stage in ("read", "preprocess", "evaluate"))
    match = times.get("match")
    seconds = None
    if match is not None and (train is not None or not n_new + n_halvings):
        matchings = MATCHINGS_WITH_HALVES if stability else 1
        seconds = (n_new + HALVES_SHARE * n_halvings) * (train or 0.0) + len(recipes) * (rest + matchings * match)
    return Budget(
        n_runs=len(recipes),
        n_trainings=len(distinct),
        n_reused=len(reused),
        n_halvings=n_halvings,
        seconds=seconds,
        is_same_kind=all((each.space, each.classifier) == (recipe.space, recipe.classifier) for each in recipes),
    )


def stage_seconds(folder: RunFolder) -> dict[str, float]:
    """How long each kind of stage of a run took [s], from the times of its events."""
    seen: dict[str, list[float]] = {}
    before: float | None = None
    for at, event in folder.timed_events():
        kind = event.stage.partition(":")[0]
        # The first event of a stage comes when its first part is done, so the time before it belongs to this stage.
        seen.setdefault(kind, [at if before is None else before]).append(at)
        before = at
    return {kind: times[-1] - times[0] for kind, times in seen.items()}


def _models(base: RunFolder) -> tuple[PropensityModel, PropensityModel] | None:
    if not results.has_propensities(base):
        return None
    source, target = results.load_models(base)
    both = isinstance(source, PropensityModel) and isinstance(target, PropensityModel)
    return (source, target) if both else None  # type: ignore[return-value]


def _keys(what: str, recipe: Recipe, models: tuple[PropensityModel, PropensityModel]) -> list[str]:
    """Keys of a stage of both modalities, for a recipe with the features of these models."""
    if what == "halves":
        return [halves_key(model.modality, model.label_names, recipe, HalvesOf.CELLS.value) for model in models]
    return [propensity_key(model.modality, model.label_names, recipe) for model in models]


def _is_kept(
    what: str, base: Recipe, recipe: Recipe, models: tuple[PropensityModel, PropensityModel], cache: Path | None
) -> bool:
    if cache is None or settings_key(base, FEATURE_SETTINGS) != settings_key(recipe, FEATURE_SETTINGS):
        return False
    return all(shared_path(cache, what, key).exists() for key in _keys(what, recipe, models))


def _training_seconds(
    recipe: Recipe, models: tuple[PropensityModel, PropensityModel] | None, cache: Path | None
) -> float | None:
    """How long both modalities of the base run trained, side by side [s]; None if it was not timed."""
    if models is None or cache is None:
        return None
    keys = _keys("propensity", recipe, models)
    paths = [shared_path(cache, "propensity", key).with_suffix(SECONDS) for key in keys]
    if not all(path.exists() for path in paths):
        return None
    return max(float(json.loads(path.read_text(encoding="utf-8"))) for path in paths)
