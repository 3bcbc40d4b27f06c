"""The budget of a sweep before it starts: how many runs, what is used again, about how long."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import (
    FEATURE_SETTINGS,
    TRAINING_SETTINGS,
    halves_key,
    propensity_key,
    settings_key,
)
from psmatch_core.workspace import results
from psmatch_core.workspace.folder_stage_store import SECONDS
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.sweeps.points import Sweep


@dataclass(frozen=True)
class Budget:
    """What a sweep will cost.

    Parameters
    ----------
    n_runs
        Runs, one after another.
    n_trainings, n_reused
        Different trainings among them, and how many of these lie finished in the cache.
    n_halvings
        Trainings on halves, for the stability, that are still to be done; each takes about as long as a training.
    seconds
        About how long, by the times that the base run took; None where those are not known.
    is_same_kind
        Whether every training is of the kind that was measured; else the time is a guess.
    """

    n_runs: int
    n_trainings: int
    n_reused: int
    n_halvings: int
    seconds: float | None
    is_same_kind: bool


def budget(base: RunFolder, sweep: Sweep, *, cache: Path | None = None, stability: bool = True) -> Budget:
    """The budget of a sweep over the settings of a finished run.

    Parameters
    ----------
    base
        The run whose settings are varied and whose stage times are taken.
    cache
        Where finished stages are shared.

    Raises
    ------
    PsmatchError
        For an option or a value that does not exist.
    """
    recipe = base.recipe
    recipes = sweep.recipes(recipe)
    distinct = {settings_key(each, TRAINING_SETTINGS): each for each in recipes}
    models = _models(base)
    reused = [key for key, each in distinct.items() if models and _is_kept("propensity", recipe, each, models, cache)]
    halved = [key for key, each in distinct.items() if models and _is_kept("halves", recipe, each, models, cache)]
    n_new, n_halvings = len(distinct) - len(reused), (len(distinct) - len(halved)) if stability else 0
    times = stage_seconds(base)
    train = _training_seconds(recipe, models, cache)
    if train is None and any("epoch" in event.values or "C" in event.values for event in base.events()):
        train = times.get("propensity")  # it trained its models itself, and did not find them in the cache
    rest = sum(times.get(stage, 0.0) for stage in ("read", "preprocess", "evaluate"))
    match = times.get("match")
    seconds = None
    if match is not None and (train is not None or not n_new + n_halvings):
        matchings = 3 if stability else 1
        seconds = (n_new + n_halvings) * (train or 0.0) + len(recipes) * (rest + matchings * match)
    return Budget(
        n_runs=len(recipes),
        n_trainings=len(distinct),
        n_reused=len(reused),
        n_halvings=n_halvings,
        seconds=seconds,
        is_same_kind=all((each.space, each.classifier) == (recipe.space, recipe.classifier) for each in recipes),
    )


def stage_seconds(folder: RunFolder) -> dict[str, float]:
    """How long each kind of stage of a run took, in seconds, from the times of its events."""
    seen: dict[str, list[float]] = {}
    before: float | None = None
    for at, event in folder.timed_events():
        kind = event.stage.partition(":")[0]
        # a stage is announced when its first part is done: what came before belongs to it
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
    """Names under which the cache keeps a stage of both sides, for a recipe with the features of these models."""
    key = halves_key if what == "halves" else propensity_key
    return [key(model.modality, model.label_names, recipe) for model in models]


def _is_kept(
    what: str, base: Recipe, recipe: Recipe, models: tuple[PropensityModel, PropensityModel], cache: Path | None
) -> bool:
    if cache is None or settings_key(base, FEATURE_SETTINGS) != settings_key(recipe, FEATURE_SETTINGS):
        return False
    return all((cache / f"{what}-{key}.npz").exists() for key in _keys(what, recipe, models))


def _training_seconds(
    recipe: Recipe, models: tuple[PropensityModel, PropensityModel] | None, cache: Path | None
) -> float | None:
    """What training both sides of the base run took, side by side; None where it was not measured."""
    if models is None or cache is None:
        return None
    files = [(cache / f"propensity-{key}").with_suffix(SECONDS) for key in _keys("propensity", recipe, models)]
    if not all(file.exists() for file in files):
        return None
    return max(float(json.loads(file.read_text(encoding="utf-8"))) for file in files)
