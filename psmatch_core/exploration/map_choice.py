"""Other maps than that of all scores: one label, cells as they were matched, and the maps that came with the cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.maps import ScoreMap, SeparateMaps, pca_plane
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.matchers.problem import aligned

Models = tuple[ScoredModality, ScoredModality]


def map_as_matched(coupling: Coupling, labels: Sequence[str], *, align: bool) -> ScoreMap:
    """The cells of some labels where the matching compared them: the two main directions of their positions.

    These are the positions that the costs were computed from, so the classifiers may have been trained on the cells.
    With several labels, each lies around the same centre.

    Parameters
    ----------
    labels
        Labels that have a plan.
    align
        Whether the matcher brings both sides of a label to one centre and scale.

    Raises
    ------
    PsmatchError
        If a label has no plan.
    """
    placed = []
    for label in labels:
        coupling[label]  # refused without a plan
        x = coupling.source.space[coupling.source_cells[label]]
        y = coupling.target.space[coupling.target_cells[label]]
        centre = (x.mean(axis=0) + y.mean(axis=0)) / 2
        placed.append(aligned(x, y) if align else (x - centre, y - centre))
    sides = [np.concatenate([each[side] for each in placed]) for side in (0, 1)]
    cells = [np.concatenate([of[label] for label in labels]) for of in (coupling.source_cells, coupling.target_cells)]
    plane = pca_plane(np.concatenate(sides).astype(np.float32)).astype(np.float32)
    order = [np.argsort(each, kind="stable") for each in cells]
    both = plane[: cells[0].size][order[0]], plane[cells[0].size :][order[1]]
    return ScoreMap(cells[0][order[0]], cells[1][order[1]], *both)


def map_of_label(scores: ScoreMap, models: Models, label: str) -> ScoreMap:
    """The cells of one label on a map, at their places on it."""
    return _kept(scores, *(model.modality.labels[cells] == label for model, cells in _sides(scores, models)))


def own_maps(scores: ScoreMap, source: np.ndarray | None, target: np.ndarray | None) -> SeparateMaps:
    """The cells of each modality on a map of its own, such as X_umap of its file.

    Parameters
    ----------
    scores
        Where the cells of a modality without a map of its own are drawn.
    source, target
        Place of every cell of a modality ``(n_cells, 2)``, or None. Cells whose place is unknown (NaN) are left out.
    """
    found = []
    for own, cells, xy in (
        (source, scores.source_cells, scores.source_xy),
        (target, scores.target_cells, scores.target_xy),
    ):
        if own is None:
            found.append((cells, xy))
        else:
            known = np.flatnonzero(np.isfinite(own).all(axis=1))
            found.append((known, own[known].astype(np.float32)))
    return SeparateMaps(found[0][0], found[1][0], found[0][1], found[1][1])


def _sides(scores: ScoreMap, models: Models) -> list[tuple[ScoredModality, np.ndarray]]:
    return list(zip(models, (scores.source_cells, scores.target_cells), strict=True))


def _kept(scores: ScoreMap, source: np.ndarray, target: np.ndarray) -> ScoreMap:
    return type(scores)(
        scores.source_cells[source], scores.target_cells[target], scores.source_xy[source], scores.target_xy[target]
    )
