"""Scores of the judged cells of a split, trained once and kept, for benchmarks that ask several things of them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import fit
from benchmarks.quality_splits import Split, of_new_cells
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.modality import Modality
from psmatch_core.pipeline.recipe import Recipe

Models = tuple[PropensityModel, PropensityModel]
Places = tuple[np.ndarray, np.ndarray]  # (n_cells, d) of either side


@dataclass(frozen=True, eq=False)
class SplitScores:
    """What both benchmarks start from.

    Parameters
    ----------
    trained, judged
        Features of both modalities: cells that classifiers may be trained on, and cells that none of them has seen.
    default, bagged
        The judged cells, scored by the default classifier and by feature bagging.
    """

    trained: tuple[Modality, Modality]
    judged: tuple[Modality, Modality]
    default: Models
    bagged: Models

    def by_members(self, which: Models, *path: int) -> Places:
        """The judged cells' scores by one member of an ensemble, found by its number in each nested ensemble."""
        places = []
        for model in which:
            fitted: Any = model.fitted
            for number in path:
                fitted = fitted.members[number]
            places.append(fitted.logits(model.modality.in_shape(model.modality.X)))
        return places[0], places[1]


def placed(models: Models, places: Places) -> Models:
    """The models with these positions of the cells in place of their scores."""
    source, target = (replace(model, logits=each, linked=None) for model, each in zip(models, places, strict=True))
    return source, target


def split_scores(split: Split, folder: Path | None) -> SplitScores:
    """Train the default and feature bagging on one split, or read what was kept in the folder."""
    kept = (
        None if folder is None else folder / f"{split.folder.name}-{split.protocol}-{split.control}{split.seed}.pickle"
    )
    if kept is not None and kept.exists():
        return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]
    recipe = Recipe(seed=split.seed)
    cells = split.modalities()
    fitted = [
        config.fit(side, seed=split.seed)
        for side, config in zip(cells[0], (recipe.source_preprocessing, recipe.target_preprocessing), strict=True)
    ]
    trained, judged = ([each.transform(side) for each, side in zip(fitted, part, strict=True)] for part in cells)
    models = [of_new_cells(fit(trained, which, split.seed), judged) for which in ("default", "bagged")]
    found = SplitScores((trained[0], trained[1]), (judged[0], judged[1]), *models)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".part").write_bytes(pickle.dumps(found))
        kept.with_suffix(".part").rename(kept)
    return found
