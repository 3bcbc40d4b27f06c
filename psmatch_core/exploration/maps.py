"""Maps: the scored cells of both modalities in two dimensions, for display only; nothing is matched on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.matchers.problem import aligned

NEIGHBORS = 15


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Coordinates of the displayed cells.

    Parameters
    ----------
    source_cells, target_cells
        Row numbers of the displayed cells in their modality.
    source_xy, target_xy
        Their coordinates, ``(n, 2)`` and ``(m, 2)``, no unit.
    """

    source_cells: np.ndarray
    target_cells: np.ndarray
    source_xy: np.ndarray
    target_xy: np.ndarray

    is_shared: ClassVar[bool] = True  # whether places on the two maps can be compared


@dataclass(frozen=True, eq=False)
class SeparateMaps(ScoreMap):
    """Coordinates of the displayed cells on two maps of their own, whose places cannot be compared."""

    is_shared: ClassVar[bool] = False


def map_scores(
    source: ScoredModality,
    target: ScoredModality,
    *,
    method: str = "pca",
    by_label: bool = True,
    largest: int = 20_000,
    seed: int = 0,
    label: str = "",
) -> ScoreMap:
    """Place both modalities on one map of their scores, each cell by classifiers that were not trained on it.

    In-sample scores collapse every label into a dot, because the classifiers remember the label of each cell.

    Parameters
    ----------
    by_label
        Shift and scale the cells of each label as a matcher with ``align`` does, so that a label lies at one place for
        both modalities; otherwise there is one shift and one scale per modality.
    method
        ``pca`` (instant) or ``umap`` (seconds to minutes).
    largest
        Largest number of cells per modality; larger ones are sampled, each label in proportion.
    label
        Only the cells of this label; all if empty.
    """
    chosen = [_thinned(model, largest, seed) for model in (source, target)]
    if label:
        models = (source, target)
        chosen = [cells[model.modality.labels[cells] == label] for model, cells in zip(models, chosen, strict=True)]
    x, y = aligned(source.held_out_space, target.held_out_space)
    if by_label:
        x, y = _aligned_by_label(x, y, source.y, target.y)
    points = np.concatenate([x[chosen[0]], y[chosen[1]]]).astype(np.float32)
    xy = pca_plane(points) if method == "pca" else _umap(points, seed)
    n = chosen[0].size
    return ScoreMap(chosen[0], chosen[1], xy[:n].astype(np.float32), xy[n:].astype(np.float32))


def _aligned_by_label(
    x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides with the cells of each label aligned, around the mean of the label's two centres."""
    x, y = x.copy(), y.copy()
    for label in np.intersect1d(of_x, of_y):
        mine, theirs = of_x == label, of_y == label
        centre = (x[mine].mean(axis=0) + y[theirs].mean(axis=0)) / 2
        a, b = aligned(x[mine], y[theirs])
        x[mine], y[theirs] = centre + a, centre + b
    return x, y


def _thinned(model: ScoredModality, largest: int, seed: int) -> np.ndarray:
    n = model.modality.n_cells
    if n <= largest:
        return np.arange(n)
    rng = stream(seed, "map", model.modality.name)
    parts = []
    for label in range(len(model.label_names)):
        cells = np.flatnonzero(model.y == label)
        parts.append(rng.permutation(cells)[: max(1, int(np.ceil(cells.size * largest / n)))])
    return np.sort(np.concatenate(parts))


def pca_plane(points: np.ndarray) -> np.ndarray:
    """Points ``(n, d)`` on their two main directions, ``(n, 2)``."""
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered.T @ centered)
    plane = centered @ axes[:2].T
    return plane if plane.shape[1] == 2 else np.column_stack([plane, np.zeros(len(plane))])


def _umap(points: np.ndarray, seed: int) -> np.ndarray:
    import umap  # heavy: its first use on a machine compiles for tens of seconds

    neighbors = min(NEIGHBORS, points.shape[0] - 1)
    if neighbors < 2:
        return pca_plane(points)
    fitted: Any = umap.UMAP(n_neighbors=neighbors, random_state=derived_seed(seed, "umap") % 2**31, n_jobs=1)
    return np.asarray(fitted.fit_transform(points))
