"""A cell of an image modality with its matches as pictures: matches, their mean, and what to compare them with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block


@dataclass(frozen=True, eq=False)
class MatchedImages:
    """The images that belong to the matches of one cell, flat, ``(c·h·w,)`` each.

    Parameters
    ----------
    matches
        The heaviest matches, heaviest first, ``(k, c·h·w)``.
    rows
        Their rows in the target modality, ``(k,)``.
    weights
        Their shares of the cell's weight, ``(k,)``.
    mean
        Mean of all matches by weight: the translation of the cell; None if the cell has no match.
    label_mean
        Mean of all cells of the label: what is predicted without a matching.
    partner
        The true partner; None if it is not known.
    """

    matches: np.ndarray = field(repr=False)
    rows: np.ndarray
    weights: np.ndarray
    mean: np.ndarray | None = field(repr=False)
    label_mean: np.ndarray = field(repr=False)
    partner: np.ndarray | None = field(repr=False)

    @property
    def r2(self) -> float:
        """1 − squared error of the mean / that of the label's mean, for this cell; NaN without a partner or a match."""
        if self.partner is None or self.mean is None:
            return float("nan")
        baseline = float(np.sum((self.label_mean - self.partner) ** 2))
        error = float(np.sum((self.mean - self.partner) ** 2))
        return 1 - error / baseline if baseline > 0 else float("nan")


def matched_images(
    block: Block, row: int, columns: np.ndarray, target: Modality, *, top: int = 8, partner: int | None = None
) -> MatchedImages:
    """The images of the matches of one source cell.

    Parameters
    ----------
    block
        The plan of the cell's label.
    row
        Row of the cell in it.
    columns
        Rows of the label's cells in ``target``, ``(m,)``.
    target
        The target modality as it was read: its features are pixels.
    top
        Most matches.
    partner
        Row of the true partner in ``target``, if it is known.

    Raises
    ------
    PsmatchError
        If the target modality holds no images.
    """
    if target.image_shape is None:
        raise PsmatchError(f"{target.name} holds no images.", hint="Look at the weights of the matches instead.")
    mass = np.asarray(block.rows(row, row + 1)[0], dtype=np.float64)
    total = float(mass.sum())
    weights = mass / total if total > 0 else mass
    order = np.argsort(-weights, kind="stable")[:top]
    order = order[weights[order] > 0]
    pixels = to_dense(target.X[columns])
    return MatchedImages(
        matches=pixels[order],
        rows=columns[order],
        weights=weights[order],
        mean=weights @ pixels if total > 0 else None,
        label_mean=pixels.mean(axis=0),
        partner=None if partner is None else to_dense(target.X[[partner]])[0],
    )
