"""How long a run will take, judging by earlier runs of the same data: for the order of the queue, not for the user.

Beside the shared stages lie two small files for each pair of data files: how long training took with the same settings,
after which a run finds its scores there and is short, and how long it took last with any settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import TRAINING_SETTINGS, device_parts, stage_key
from psmatch_core.workspace.queue_order import UNKNOWN_SECONDS


@dataclass(frozen=True)
class Measured:
    """How long a run took [s].

    Parameters
    ----------
    training
        Until both modalities were scored by trained models; None if it found them in the cache.
    rest
        Everything else that it did before it gave up its place.
    """

    training: float | None
    rest: float


def expected_seconds(recipe: Recipe, cache: Path | None, *, trains: bool = False) -> float:
    """About how long a run of this recipe will work [s].

    Parameters
    ----------
    cache
        Folder in which stages are shared; without one nothing is known.
    trains
        Whether the work trains again even if the scores are in the cache, as a label that is left out does.
    """
    if cache is None:
        return UNKNOWN_SECONDS
    same, alike = _read(_same_training(recipe, cache)), _read(_same_data(recipe, cache))
    known = same or alike
    if known is None:
        return UNKNOWN_SECONDS
    training = UNKNOWN_SECONDS if known.training is None else known.training
    return known.rest + (0.0 if same is not None and not trains else training)


def record_seconds(recipe: Recipe, cache: Path | None, measured: Measured) -> None:
    """Keep how long a run took; a run that trained nothing keeps what is known about its training."""
    if cache is None:
        return
    for path in (_same_training(recipe, cache), _same_data(recipe, cache)):
        before = _read(path)
        training = measured.training if measured.training is not None else before and before.training
        disk.write_json(path, {"training": training, "rest": round(measured.rest, 2)})


def _read(path: Path) -> Measured | None:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return Measured(None if read["training"] is None else float(read["training"]), float(read["rest"]))
    except (OSError, ValueError, KeyError, TypeError):  # not measured yet, or a file that another program left
        return None


def _same_training(recipe: Recipe, cache: Path) -> Path:
    settings = [getattr(recipe, name) for name in TRAINING_SETTINGS]
    return (
        cache / f"seconds-{stage_key('training', recipe.source, recipe.target, *settings, *device_parts(recipe))}.json"
    )


def _same_data(recipe: Recipe, cache: Path) -> Path:
    return cache / f"seconds-{stage_key('data', recipe.source, recipe.target)}.json"
