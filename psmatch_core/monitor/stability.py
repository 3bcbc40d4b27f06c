"""Match stability: do two matchings, made from different halves of the data, send a cell to the same place?

Each modality is scored by two classifiers that saw different halves of its cells, or of its features
(:mod:`psmatch_core.monitor.halves`), and each pair of classifiers, one per modality, gives a matching. Where the two
matchings agree, the matches can be reproduced; that does not show that they are correct: partners exchanged at random
within a label would agree just as well. No true pairs are needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psmatch_core.base.arrays import nan_mean, row_chunks
from psmatch_core.base.cores import a_core, side_by_side
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent, told_together
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.rowwise import TILE_VALUES
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import Linking, link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.monitor.halves import N_HALVES, HalfScores, half_models

NO_SPREAD = 1e-9  # × the spread of the cells: projections closer together than this differ only by rounding error


@dataclass(frozen=True)
class LabelStability:
    """Agreement of two independently trained matchings of one label; NaN if there is nothing to compare.

    Parameters
    ----------
    agreement
        Correlation, over the cells of the label, between the positions of their matches: 1 same, 0 unrelated.
    shared_mass
        Share of the mass on the same pairs in both plans, 0 to 1.
    n_cells
        Source cells of the label.
    """

    label: str
    agreement: float
    shared_mass: float
    n_cells: int


@dataclass(frozen=True)
class Stability:
    """Match stability of a run, label by label."""

    per_label: tuple[LabelStability, ...]

    @cached_property
    def by_label(self) -> Mapping[str, LabelStability]:
        return {row.label: row for row in self.per_label}

    @property
    def agreement(self) -> float:
        """Mean agreement over the labels that can be compared, weighted by their source cells."""
        return _weighted([(row.agreement, row.n_cells) for row in self.per_label])

    @property
    def shared_mass(self) -> float:
        """Mean shared mass, with the same weights."""
        return _weighted([(row.shared_mass, row.n_cells) for row in self.per_label])


def match_stability(
    source: PropensityModel,
    target: PropensityModel,
    halves: tuple[HalfScores, HalfScores],
    matcher: Matcher,
    *,
    judging: Judging | None = None,
    seed: int = 0,
    linking: Linking | None = None,
    spaces: tuple[np.ndarray, np.ndarray] | None = None,
    stage: str = "halves: match",
    progress: Progress = silent,
) -> Stability:
    """Match with the scores of each half, and compare the two matchings label by label.

    Parameters
    ----------
    halves
        Scores of the source and of the target, from :func:`~psmatch_core.monitor.halves.half_scores`.
    judging
        The fixed space in which positions are compared; its defaults unless given.
    linking
        Links the scores of each half as the run linked its own; None if it did not.
    spaces
        The cells in that space, if it is known: what :func:`fixed_spaces` gives.
    stage
        What the progress calls it.
    """
    sources, targets = half_models(source, halves[0]), half_models(target, halves[1])
    pair = []
    *parts, comparing = StagePart(progress, stage, "").split(N_HALVES + 1)
    for half, part in enumerate(parts):
        matching = part.begin(f"matching with half {half + 1} of {N_HALVES}")
        own_seed = derived_seed(seed, "half", half)  # partners drawn at random must not agree with themselves
        models = (sources[half], targets[half])
        if linking is not None:
            before, matching = matching.split(2)
            models = link_scores(*models, matcher, linking, seed=own_seed, progress=before.hear)
        pair.append(match(*models, matcher, seed=own_seed, progress=matching.hear))
    comparing = comparing.begin("comparing both matchings")
    compared = compare(pair[0], pair[1], spaces or fixed_spaces(source, target, judging or Judging()), part=comparing)
    progress(Event(stage, 1.0))
    return compared


def fixed_spaces(source: PropensityModel, target: PropensityModel, judging: Judging) -> tuple[np.ndarray, np.ndarray]:
    """The cells of both modalities, ``(n_cells, d)`` each, in a space that no classifier chose."""
    found = side_by_side(lambda model: fixed_space(model.modality, judging), (source, target))
    return found[0], found[1]


def compare(
    first: Coupling, second: Coupling, spaces: tuple[np.ndarray, np.ndarray], *, part: StagePart = UNHEARD
) -> Stability:
    """Agreement between two couplings of the same cells.

    Parameters
    ----------
    spaces
        Source cells ``(n_cells, d)`` and target cells ``(m_cells, d')`` in a space that no classifier chose.
    part
        Hears how many cells of each label are done.
    """
    sizes = [math.prod(first.blocks[label].shape) for label in first.labels]
    heard = told_together(part.hear, part.stage, first.labels, sizes=sizes, words="label {}".format)

    def stability(label: str) -> LabelStability:
        cells = first.source_cells[label]
        if label not in second.blocks:
            return LabelStability(label, float("nan"), float("nan"), cells.size)
        with a_core():
            agreement, shared = _agreement_and_shared_mass(
                (first.blocks[label], second.blocks[label]),
                spaces[0][cells],
                spaces[1][first.target_cells[label]],
                StagePart(heard[label], part.stage, ""),
            )
        return LabelStability(label, agreement, shared, cells.size)

    return Stability(tuple(side_by_side(stability, first.labels)))


def _agreement_and_shared_mass(
    blocks: tuple[Block, Block], x: np.ndarray, y: np.ndarray, part: StagePart
) -> tuple[float, float]:
    """How alike two plans ``(n, m)`` send the cells x ``(n, d)`` and y ``(m, d')``, and their mass on the same pairs.

    The agreement is that of both directions. The shared mass is out of 1: one minus the total variation distance. The
    rows of a plan are computed once for all of this: they are nearly all of the work.
    """
    (n, m), shared = blocks[0].shape, 0.0
    pulled = [np.empty((n, y.shape[1])) for _ in blocks]
    pushed = [np.zeros((m, x.shape[1])) for _ in blocks]
    row_sums, column_sums = [np.empty(n) for _ in blocks], [np.zeros(m) for _ in blocks]
    for start, stop in row_chunks(n, m, TILE_VALUES):
        tiles = [block.rows(start, stop) for block in blocks]
        for at, tile in enumerate(tiles):
            pulled[at][start:stop] = tile @ y
            pushed[at] += tile.T @ x[start:stop]
            row_sums[at][start:stop] = tile.sum(axis=1)
            column_sums[at] += tile.sum(axis=0)
        shared += float(np.minimum(*tiles).sum())
        part.tell(stop, n)
    there, back = _agreement(pulled, row_sums, y), _agreement(pushed, column_sums, x)
    return float(nan_mean(np.array([there, back]))), shared


def _agreement(sums: list[np.ndarray], masses: list[np.ndarray], values: np.ndarray) -> float:
    """Correlation of two barycentric projections of ``values (m, d)``: all coordinates together, centred in the label.

    NaN if a plan sends all cells to the same place: then there is nothing to compare.

    Parameters
    ----------
    sums, masses
        What each plan sends to the cells, ``(n, d)``, and how much of it, ``(n,)``.
    """
    mean = values.mean(axis=0)  # a cell without a match is placed at the mean of its label
    places = []
    for total, mass in zip(sums, masses, strict=True):
        place = np.where(mass[:, None] > 0, total / np.where(mass > 0, mass, 1)[:, None], mean)  # (n, d)
        places.append(place - place.mean(axis=0))
    spread = float(np.sqrt(values.var(axis=0).sum() * places[0].shape[0]))
    lengths = [float(np.linalg.norm(place)) for place in places]
    if min(lengths) <= NO_SPREAD * max(spread, np.finfo(float).tiny):
        return float("nan")
    return float(np.sum(places[0] * places[1]) / (lengths[0] * lengths[1]))


def _weighted(pairs: list[tuple[float, int]]) -> float:
    known = [(value, weight) for value, weight in pairs if np.isfinite(value)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else float("nan")
