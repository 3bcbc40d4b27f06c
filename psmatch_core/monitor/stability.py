"""Match stability: do classifiers that were trained on different cells match a cell to the same place?

The cells of each label are split into two halves. One classifier is trained on each half, both score all cells, and
each pair of classifiers (one per modality) gives a matching. Where the two matchings agree, the matches follow from
the labels; where they differ, they depend on which cells were in a half. No true pairs are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from psmatch_core.base.arrays import nan_mean, row_chunks
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import Classifier, stratified_folds
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher

HALVES = 2
NO_SPREAD = 1e-9  # × the spread of the cells: projections closer together than this differ only by rounding error


@dataclass(frozen=True, eq=False)
class HalfScores:
    """Centred logits of all cells of a modality by two classifiers, each trained on one half of each label.

    Parameters
    ----------
    first, second
        ``(n_cells, n_labels)``, nats.
    """

    first: np.ndarray
    second: np.ndarray


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


def half_scores(
    modality: Modality,
    label_names: tuple[str, ...],
    classifier: Classifier,
    *,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> HalfScores:
    """Train the classifier twice, each time on one half of the cells of each label, and score all cells with both.

    A label with a single cell is in both halves; otherwise one classifier would not know the label at all.

    Source: ours; halves as in Lange et al. 2004 (Stability-based validation of clustering solutions, section 2),
    who compare two solutions from disjoint halves of the data.
    """
    X, y = training_data(modality, label_names)
    own_seed = derived_seed(seed, "halves", modality.name, modality.fingerprint)
    halves = stratified_folds(y, HALVES, seed=own_seed)
    scores = []
    for half in range(HALVES):
        stage = f"stability: {modality.name}"
        progress(Event(stage, half / HALVES, f"training on half {half + 1} of {HALVES}"))
        trained = halves.assignment != 1 - half
        half_seed = derived_seed(own_seed, "half", half)
        folds = stratified_folds(y[trained], n_folds, seed=half_seed)
        with one_thread():
            fitted = classifier.fit(
                X[trained],
                y[trained],
                n_labels=len(label_names),
                folds=folds,
                seed=half_seed,
                progress=_part(progress, stage, half),
            )
            scores.append(fitted.logits(X))
    progress(Event(f"stability: {modality.name}", 1.0))
    return HalfScores(scores[0], scores[1])


def half_models(model: PropensityModel, halves: HalfScores) -> tuple[PropensityModel, PropensityModel]:
    """The model with the scores of each half in place of its own, to be used for matching only."""
    return replace(model, logits=halves.first), replace(model, logits=halves.second)


def match_stability(
    source: PropensityModel,
    target: PropensityModel,
    halves: tuple[HalfScores, HalfScores],
    matcher: Matcher,
    *,
    judging: Judging | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Stability:
    """Match with the scores of each half, and compare the two matchings label by label.

    Parameters
    ----------
    halves
        Scores of the source and of the target, from :func:`half_scores`.
    judging
        The fixed space in which positions are compared; its defaults unless given.
    """
    sources, targets = half_models(source, halves[0]), half_models(target, halves[1])
    pair = []
    for half in range(HALVES):
        progress(Event("stability: match", half / HALVES, f"matching with half {half + 1} of {HALVES}"))
        pair.append(match(sources[half], targets[half], matcher, seed=seed))
    judging = judging or Judging()
    spaces = fixed_space(source.modality, judging), fixed_space(target.modality, judging)
    compared = compare(pair[0], pair[1], spaces)
    progress(Event("stability: match", 1.0))
    return compared


def compare(first: Coupling, second: Coupling, spaces: tuple[np.ndarray, np.ndarray]) -> Stability:
    """Agreement between two couplings of the same cells.

    Parameters
    ----------
    spaces
        Source cells ``(n_cells, d)`` and target cells ``(m_cells, d')`` in a space that no classifier chose.
    """
    rows = []
    for label in first.labels:
        cells = first.source_cells[label]
        if label not in second.blocks:
            rows.append(LabelStability(label, float("nan"), float("nan"), cells.size))
            continue
        blocks = first.blocks[label], second.blocks[label]
        x, y = spaces[0][cells], spaces[1][first.target_cells[label]]
        agreement = nan_mean(np.array([_agreement(blocks, y, way="pull"), _agreement(blocks, x, way="push")]))
        rows.append(LabelStability(label, agreement, _shared_mass(*blocks), cells.size))
    return Stability(tuple(rows))


def _agreement(blocks: tuple[Block, Block], values: np.ndarray, *, way: str) -> float:
    """Correlation of two barycentric projections of ``values (m, d)``: all coordinates together, centred in the label.

    NaN if a plan sends all cells to the same place: then there is nothing to compare.
    """
    places = []
    for block in blocks:
        sums, masses = (
            (block.pull(values), block.marginals[0]) if way == "pull" else (block.push(values), block.marginals[1])
        )
        mean = values.mean(axis=0)  # a cell without a match is placed at the mean of its label
        place = np.where(masses[:, None] > 0, sums / np.where(masses > 0, masses, 1)[:, None], mean)  # (n, d)
        places.append(place - place.mean(axis=0))
    spread = float(np.sqrt(values.var(axis=0).sum() * places[0].shape[0]))
    lengths = [float(np.linalg.norm(place)) for place in places]
    if min(lengths) <= NO_SPREAD * max(spread, np.finfo(float).tiny):
        return float("nan")
    return float(np.sum(places[0] * places[1]) / (lengths[0] * lengths[1]))


def _shared_mass(first: Block, second: Block) -> float:
    """Mass on the same pairs, out of 1: one minus the total variation distance between the plans."""
    pieces = row_chunks(*first.shape)
    return float(sum(np.minimum(first.rows(*piece), second.rows(*piece)).sum() for piece in pieces))


def _weighted(pairs: list[tuple[float, int]]) -> float:
    known = [(value, weight) for value, weight in pairs if np.isfinite(value)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else float("nan")


def _part(progress: Progress, stage: str, half: int) -> Progress:
    def report(event: Event, /) -> None:
        progress(Event(stage, (half + event.fraction) / HALVES, f"half {half + 1} of {HALVES}: {event.message}"))

    return report
