"""Selections of cells in one modality, for example by a shape drawn on a map, and their matches in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.map_choice import map_of_label
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.matching.coupling import Coupling

AT_ONCE = 250_000  # entries of a plan formed at a time (2 MB, which stay in a core's cache)


@dataclass(frozen=True, eq=False)
class Selection:
    """Some cells of one modality.

    Parameters
    ----------
    side
        ``source`` or ``target``.
    cells
        Their row numbers in the modality, ascending, each once, ``(s,)``.
    origin
        How they were selected, as text.
    name
        The name given by the user; empty without one.
    """

    side: str
    cells: np.ndarray
    origin: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise PsmatchError(
                f"A selection belongs to the source or the target, got {self.side!r}.", hint="Use source or target."
            )
        object.__setattr__(self, "cells", np.unique(np.asarray(self.cells, dtype=np.int64)))

    def __len__(self) -> int:
        return int(self.cells.size)

    @property
    def other(self) -> str:
        """The other modality, where the matches are."""
        return SIDES[1 - SIDES.index(self.side)]

    def named(self, name: str) -> Selection:
        """The same selection with a name."""
        return replace(self, name=name)

    def names(self, coupling: Coupling) -> np.ndarray:
        """Names of the cells, ``(s,)``."""
        return np.asarray(_modality(coupling, self.side).obs_names[self.cells])


def inside(xy: np.ndarray, polygon: ArrayLike) -> np.ndarray:
    """Which points are inside a polygon, ``(n,)``: a ray to the right crosses its edges an odd number of times.

    Parameters
    ----------
    xy
        Points ``(n, 2)``.
    polygon
        Corners in order, ``(c, 2)``; the last is joined to the first.

    Source: Shimrat 1962, Algorithm 112, CACM 5(8), with half-open edges, so that a ray through a corner counts once.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1:] != (2,) or len(corners) < 3 or not np.isfinite(corners).all():
        raise PsmatchError("A lasso needs at least three corners.", hint="Draw around the cells.")
    x, y = np.asarray(xy, dtype=np.float64).T
    crossed = np.zeros(x.size, dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        spans = (y1 > y) != (y2 > y)
        crossed ^= spans & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return crossed


def on_map(scores: ScoreMap, side: str, polygon: ArrayLike) -> Selection:
    """The cells of one modality inside a shape on the map; cells that the map does not show cannot be selected."""
    xy, cells = (scores.source_xy, scores.source_cells) if side == "source" else (scores.target_xy, scores.target_cells)
    return Selection(side, cells[inside(xy, polygon)], "drawn on the map")


def in_panel(
    scores: ScoreMap, models: tuple[ScoredModality, ScoredModality], side: str, polygon: ArrayLike, *, label: str
) -> Selection:
    """The cells of one modality that have a label and lie inside a shape drawn in its panel of the map."""
    found = on_map(map_of_label(scores, models, label), side, polygon)
    return replace(found, origin=f"drawn in the panel of {display(label)}")


def in_rectangle(
    scores: ScoreMap,
    modality: Modality,
    side: str,
    *,
    across: tuple[float, float] = (0.0, 100.0),
    up: tuple[float, float] = (0.0, 100.0),
    labels: Sequence[str] = (),
) -> Selection:
    """The cells of one modality that have some labels and lie inside a rectangle on the map.

    Parameters
    ----------
    modality
        The modality of that side, with the labels.
    across, up
        The rectangle, its edges included, in percent of the width and height of both modalities' cells on the map.
    labels
        All of them if none is given.
    """
    xy, cells = (scores.source_xy, scores.source_cells) if side == "source" else (scores.target_xy, scores.target_cells)
    both = np.concatenate([scores.source_xy, scores.target_xy]).astype(np.float64)
    low, high = both.min(axis=0), both.max(axis=0)
    first, last = (low + (high - low) * np.array(ends) / 100 for ends in zip(across, up, strict=True))
    rounding = 1e-6 * (high - low)
    chosen = np.all((xy >= first - rounding) & (xy <= last + rounding), axis=1)
    if labels:
        chosen &= np.isin(modality.labels[cells], list(labels))
    whole = across == up == (0, 100)
    where = "" if whole else f"{across[0]:g} to {across[1]:g}% from the left, {up[0]:g} to {up[1]:g}% from the bottom"
    return Selection(side, cells[chosen], ", ".join(part for part in (*labels, where) if part) or "all on the map")


def matched_weight(coupling: Coupling, selection: Selection) -> np.ndarray:
    """How the weight of the selected cells is distributed over the other modality, ``(n_other_cells,)``.

    Each selected cell with matches adds its row, normalised to sum 1; the result sums to the number of such cells.
    """
    return _carried(coupling, selection.side, selection.cells, np.ones(len(selection)))


def _carried(coupling: Coupling, side: str, cells: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of some cells ``(s,)`` distributed over the other modality by their normalised rows.

    Only the rows of these cells are computed, once, in pieces.
    """
    mine, theirs = _cells(coupling, side)
    own = np.zeros(_modality(coupling, side).n_cells)
    own[cells] = weight
    total = np.zeros(_modality(coupling, SIDES[1 - SIDES.index(side)]).n_cells)
    for label, block in coupling.blocks.items():
        rows = np.flatnonzero(own[mine[label]] > 0)
        if not rows.size:
            continue
        part = (block if side == "source" else block.T).part(rows)
        for start, stop in row_chunks(*part.shape, AT_ONCE):
            chunk = part.rows(start, stop)
            mass = chunk.sum(axis=1)
            share = own[mine[label]][rows[start:stop]]
            total[theirs[label]] += np.divide(share, mass, out=np.zeros_like(mass), where=mass > 0) @ chunk
    return total


def selected_cells_table(coupling: Coupling, selection: Selection, *, top: int = 3, most: int = 200) -> pd.DataFrame:
    """One row per selected cell, at most ``most``: label, effective matches, and best matches.

    Columns: ``cell``, ``label``, ``n_effective`` (cells), and ``match_i`` with
    ``weight_i`` (share of the cell's weight) for i = 1 … top; empty if a cell has no match.
    """
    mine, theirs = _cells(coupling, selection.side)
    model, other = _model(coupling, selection.side), _modality(coupling, selection.other)
    cells = np.sort(selection.cells[:most])
    spread = np.full(cells.size, np.nan)
    match, share = np.full((top, cells.size), "", dtype=object), np.full((top, cells.size), np.nan)
    for label, block in coupling.blocks.items():
        rows = np.flatnonzero(np.isin(mine[label], cells, assume_unique=True))
        if not rows.size:
            continue
        part = (block if selection.side == "source" else block.T).part(rows)
        at = np.searchsorted(cells, mine[label][rows])
        spread[at] = part.n_effective
        index, weight = part.top(min(top, part.shape[1]))
        for place in range(index.shape[1]):
            has = index[:, place] >= 0
            match[place, at[has]] = other.obs_names[theirs[label][index[has, place]]]
            share[place, at[has]] = weight[has, place]
    best = {f"{what}_{i + 1}": kept[i] for i in range(top) for what, kept in (("match", match), ("weight", share))}
    names, labels = model.modality.obs_names[cells], model.modality.labels[cells]
    return pd.DataFrame({"cell": names, "label": labels, "n_effective": spread, **best})


def feature_values(
    coupling: Coupling,
    selection: Selection,
    sides: tuple[Modality, Modality],
    features: tuple[Sequence[str], ...],
    *,
    weight: np.ndarray | None = None,
) -> pd.DataFrame:
    """Means of chosen features in the selection: measured, and projected from its matches.

    Parameters
    ----------
    sides
        Source and target with readable features, before z-scoring and PCA; rows as in the coupling.
    features
        Chosen features of the source and of the target.
    weight
        That of :func:`matched_weight`, if it is at hand.

    Returns
    -------
    One row per feature: ``modality``, ``feature``, ``measured_in`` (``selected cells`` or ``their matches``, weighted
    mean), ``measured``, ``projected`` onto the other group through the plan, and ``same_labels``: the mean over all
    cells of the labels of the selection, which a random selection would have too.
    """
    weight = matched_weight(coupling, selection) if weight is None else weight
    matches = np.flatnonzero(weight > 0)
    # Averaged over the selected cells, the projection from the matches is the weighted mean over the matches. In the
    # other direction, the projection onto the matches is the mean with the weight carried back to the selected side.
    carried = {selection.other: weight}
    if len(features[SIDES.index(selection.side)]):
        carried[selection.side] = _carried(coupling, selection.other, matches, weight[matches])
    groups = {
        selection.side: (selection.cells, np.ones(len(selection))),
        selection.other: (matches, weight[matches]),
    }
    labels = np.unique(_modality(coupling, selection.side).labels[selection.cells])
    rows = []
    for side, modality, chosen in zip(SIDES, sides, features, strict=True):
        if not len(chosen):
            continue
        columns = _columns(modality, chosen)
        values = to_dense(modality.X[:, columns])  # (n_cells, c)
        cells, shares = groups[side]
        mean, projected = _mean(values[cells], shares), _mean(values, carried[side])
        background = values[np.isin(modality.labels, labels)].mean(axis=0)
        for at, feature in enumerate(chosen):
            rows.append(
                {
                    "modality": modality.name,
                    "feature": feature,
                    "measured_in": "selected cells" if side == selection.side else "their matches",
                    "measured": float(mean[at]),
                    "projected": float(projected[at]),
                    "same_labels": float(background[at]),
                }
            )
    names = ["modality", "feature", "measured_in", "measured", "projected", "same_labels"]
    return pd.DataFrame(rows, columns=names)


def _mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    total = weight.sum()
    return np.asarray(weight @ values / total) if total > 0 else np.full(values.shape[1], np.nan)


def _columns(modality: Modality, chosen: Sequence[str]) -> np.ndarray:
    place = {str(name): at for at, name in enumerate(modality.var_names)}
    missing = [name for name in chosen if name not in place]
    if missing:
        raise PsmatchError(f"{modality.name} has no feature {missing[0]}.", hint="Choose one from the list.")
    return np.array([place[name] for name in chosen])


def _model(coupling: Coupling, side: str) -> ScoredModality:
    return coupling.source if side == "source" else coupling.target


def _modality(coupling: Coupling, side: str) -> Modality:
    return _model(coupling, side).modality


def _cells(coupling: Coupling, side: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    both = (coupling.source_cells, coupling.target_cells)
    return both if side == "source" else both[::-1]
