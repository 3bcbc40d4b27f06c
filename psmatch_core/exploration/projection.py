"""Values of the cells of one modality carried to the cells of the other by their matches, beside the label's mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling

FEW = 2  # columns with at most this many distinct numbers are categories: flags such as 0 and 1
MOST_CATEGORIES = 50  # that are projected one by one; rarer values are counted together
RARER = "a rarer value"


@dataclass(frozen=True, eq=False)
class ProjectedColumn:
    """A value of the cells of one modality, for each cell of the other.

    Parameters
    ----------
    values
        ``(n_cells,)`` of the other modality. Numbers: the mean over the matches of the cell, by weight, in the unit
        that was measured; NaN without a match. Categories: the one with the largest weight, empty without a match.
    label_values
        The same by a uniform plan ``(n_cells,)``: the mean, or the most frequent category, of the label.
    weight, label_weight
        Share of the weight that the category has, ``(n_cells,)``; None for numbers.
    within
        Share of the variance of the projected values that lies within labels, in [0, 1]; the rest lies between the
        labels' means, which a uniform plan shows too. NaN for categories, and where nothing varies.
    measured_within
        The same share of the measured values, over the cells that are matched.
    """

    values: np.ndarray
    label_values: np.ndarray
    weight: np.ndarray | None = None
    label_weight: np.ndarray | None = None
    within: float = float("nan")
    measured_within: float = float("nan")


def is_on_scale(*columns: np.ndarray) -> bool:
    """Whether a column, ``(n_cells,)`` for each modality, holds quantities: numbers, more than two distinct ones."""
    if not columns or not all(each.dtype.kind in "iuf" for each in columns):
        return False
    return len(np.unique(np.concatenate([each[np.isfinite(each)] for each in columns]))) > FEW


def category_texts(values: np.ndarray) -> np.ndarray:
    """The categories of a column ``(n_cells,)`` as text."""
    if values.dtype.kind == "f":
        return np.array([f"{each:g}" for each in values.tolist()], dtype=str)
    return values.astype(str)


def project_column(coupling: Coupling, side: str, values: np.ndarray) -> ProjectedColumn:
    """Carry a value of the cells of one modality through the plan to the cells of the other.

    Parameters
    ----------
    side
        ``source`` or ``target``: where the values were measured.
    values
        One for each cell of that side ``(n_cells,)``, numbers or text. NaN and empty text are unknown: a cell's value
        is the mean over those of its matches that are known.

    Raises
    ------
    PsmatchError
        If there is not one value for each cell.
    """
    model, other = (coupling.source, coupling.target) if side == SIDES[0] else (coupling.target, coupling.source)
    values = np.asarray(values)
    if values.shape != (model.modality.n_cells,):
        raise PsmatchError(
            f"{model.modality.name} has {model.modality.n_cells:,} cells, got values of shape {values.shape}.",
            hint="Give one value for each cell.",
        )
    labels = model.modality.labels, other.modality.labels
    if is_on_scale(values):
        return _numbers(coupling, side, values.astype(np.float64), labels)
    return _categories(coupling, side, category_texts(values), labels)


def heaviest_match(coupling: Coupling, side: str, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best match of some cells of one modality: its row in the other, −1 without one, and its share; ``(s,)`` each.

    Parameters
    ----------
    side
        ``source`` or ``target``: where the cells are.
    cells
        Their row numbers ``(s,)``, ascending, each once.
    """
    match, weight = np.full(cells.size, -1, dtype=np.int64), np.zeros(cells.size)
    both = (coupling.source_cells, coupling.target_cells)
    mine, theirs = both if side == SIDES[0] else both[::-1]
    for label, block in coupling.blocks.items():
        rows = np.flatnonzero(np.isin(mine[label], cells, assume_unique=True))
        if rows.size:
            index, share = (block if side == SIDES[0] else block.T).part(rows).top(1)
            at = np.searchsorted(cells, mine[label][rows])
            match[at] = np.where(index[:, 0] >= 0, theirs[label][index[:, 0]], -1)
            weight[at] = share[:, 0]
    return match, weight


def effective_of_cells(coupling: Coupling, side: str) -> np.ndarray:
    """Effective matches of each cell of one modality ``(n_cells,)``; NaN without a plan."""
    if side == SIDES[0]:
        return coupling.n_effective
    out = np.full(coupling.target.modality.n_cells, np.nan)
    for label, block in coupling.blocks.items():
        out[coupling.target_cells[label]] = block.T.n_effective
    return out


def _numbers(
    coupling: Coupling, side: str, values: np.ndarray, labels: tuple[np.ndarray, np.ndarray]
) -> ProjectedColumn:
    known = np.isfinite(values)
    carried = _carried(coupling, side, np.column_stack([np.where(known, values, 0.0), known]))
    projected = _ratio(carried[:, 0], carried[:, 1])
    means = np.full(projected.size, np.nan)
    for label in coupling.labels:
        own = values[(labels[0] == label) & known]
        means[labels[1] == label] = own.mean() if own.size else np.nan
    measured = np.where(np.isin(labels[0], coupling.labels), values, np.nan)
    return ProjectedColumn(
        projected,
        means,
        within=_share_within(projected, labels[1]),
        measured_within=_share_within(measured, labels[0]),
    )


def _categories(
    coupling: Coupling, side: str, texts: np.ndarray, labels: tuple[np.ndarray, np.ndarray]
) -> ProjectedColumn:
    counts = Counter(each for each in texts.tolist() if each)
    names = [name for name, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_CATEGORIES]]
    is_rarer = ~np.isin(texts, ["", *names])
    member = np.column_stack([*(texts == name for name in names), is_rarer]).astype(np.float64)  # (n, k)
    names = [*names, RARER]
    carried = _carried(coupling, side, member)
    shares = carried / _positive(carried.sum(axis=1))[:, None]
    of_label = np.full(shares.shape, np.nan)
    for label in coupling.labels:
        counted = member[labels[0] == label].sum(axis=0)
        of_label[labels[1] == label] = counted / counted.sum() if counted.any() else np.nan
    values, weight = _largest(shares, names)
    label_values, label_weight = _largest(of_label, names)
    return ProjectedColumn(values, label_values, weight, label_weight)


def _carried(coupling: Coupling, side: str, values: np.ndarray) -> np.ndarray:
    return coupling.push(values) if side == SIDES[0] else coupling.pull(values)


def _largest(shares: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The category with the largest share of each cell, empty where none is known, and that share."""
    known = np.isfinite(shares).all(axis=1) if shares.size else np.zeros(len(shares), dtype=bool)
    filled = np.where(np.isfinite(shares), shares, 0.0)
    at = filled.argmax(axis=1)
    best = np.array(names, dtype=str)[at]
    return np.where(known, best, ""), np.where(known, filled.max(axis=1), np.nan)


def _share_within(values: np.ndarray, labels: np.ndarray) -> float:
    known = np.isfinite(values)
    values, labels = values[known], labels[known]
    if not values.size:
        return float("nan")
    _, member = np.unique(labels, return_inverse=True)
    means = np.bincount(member, values) / np.bincount(member)
    total = float(np.sum((values - values.mean()) ** 2))
    if total <= 1e-12 * float(np.sum(values**2)):  # rounding of a constant
        return float("nan")
    return float(np.sum((values - means[member]) ** 2)) / total


def _ratio(sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return sums / _positive(weight)


def _positive(weight: np.ndarray) -> np.ndarray:
    return np.where(weight > 0, weight, np.nan)
