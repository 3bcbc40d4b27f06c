"""Halves: a modality scored twice, by two classifiers that each saw one half of its cells or of its features.

Where two such scores lead to the same matches, the matches follow from what both halves share. Halves of the cells show
whether the matches depend on which cells were trained on; halves of the features show whether they rest on noise of
single features, because the two classifiers see the same cell through different features.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.cores import has_cores_for_more_than, part_of, side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import Classifier, stratified_folds
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Matrix, Modality

N_HALVES = 2


class HalvesOf(enum.Enum):
    """What is split into halves."""

    CELLS = "cells"
    FEATURES = "features"


@dataclass(frozen=True, eq=False)
class HalfScores:
    """Centred logits of all cells of a modality by two classifiers, each trained on one half.

    Parameters
    ----------
    first, second
        ``(n_cells, n_labels)``, nats.
    """

    first: np.ndarray
    second: np.ndarray


def can_halve(modality: Modality, of: HalvesOf) -> bool:
    """Whether a modality can be split so: pixels of an image are no features that could be left out."""
    return of is HalvesOf.CELLS or (modality.image_shape is None and modality.n_features >= N_HALVES)


def half_scores(
    modality: Modality,
    label_names: tuple[str, ...],
    classifier: Classifier,
    of: HalvesOf = HalvesOf.CELLS,
    *,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> HalfScores:
    """Train the classifier twice, each time on one half, and score all cells with both.

    Halves of the cells are halves of every label; a label with a single cell is in both, since otherwise one classifier
    would not know it at all. Halves of the features are drawn at random.

    Raises
    ------
    PsmatchError
        For features that cannot be halved (:func:`can_halve`).

    Source: ours; halves of the cells as in Lange et al. 2004 (Stability-based validation of clustering solutions,
    section 2), who compare two solutions from disjoint halves of the data.
    """
    if not can_halve(modality, of):
        raise PsmatchError(
            f"{modality.name}: its features cannot be split into halves.", hint="Use halves of the cells instead."
        )
    X, y = training_data(modality, label_names)
    purpose = "halves" if of is HalvesOf.CELLS else "feature halves"
    own_seed = derived_seed(seed, purpose, modality.name, modality.fingerprint)
    stage = f"halves: {modality.name}, {of.value}"
    done = [0.0] * N_HALVES

    def scores(half: int) -> np.ndarray:
        seen, trained = _half(X, y, of, own_seed, half)
        progress(Event(stage, sum(done) / N_HALVES, f"training on half {half + 1} of {N_HALVES} of the {of.value}"))
        half_seed = derived_seed(own_seed, "half", half)
        folds = stratified_folds(y[trained], n_folds, seed=half_seed).first_only  # no held-out scores are needed
        with one_thread():
            fitted = classifier.fit(
                part_of(seen, rows=trained),
                y[trained],
                n_labels=len(label_names),
                folds=folds,
                seed=half_seed,
                progress=_part(progress, stage, half, done),
            )
            return fitted.logits(seen)

    # Both modalities with two members each keep four cores busy; the second half would only wait with its memory.
    halves = range(N_HALVES)
    first, second = side_by_side(scores, halves) if has_cores_for_more_than(4) else [scores(half) for half in halves]
    progress(Event(stage, 1.0))
    return HalfScores(first, second)


def half_models(model: PropensityModel, halves: HalfScores) -> tuple[PropensityModel, PropensityModel]:
    """The model with the scores of each half in place of its own, to be used for matching only."""
    return (
        replace(model, logits=halves.first, linked=None),
        replace(model, logits=halves.second, linked=None),
    )


def _half(X: Matrix, y: np.ndarray, of: HalvesOf, seed: int, half: int) -> tuple[Matrix, np.ndarray]:
    """The features that a half sees, of all cells, and the mask ``(n_cells,)`` of its training cells."""
    if of is HalvesOf.CELLS:
        return X, stratified_folds(y, N_HALVES, seed=seed).assignment != 1 - half
    columns = stream(seed, "columns").permutation(X.shape[1])
    parts = (columns[: X.shape[1] // 2], columns[X.shape[1] // 2 :])
    return part_of(X, columns=np.sort(parts[half])), np.ones(y.size, dtype=bool)


def _part(progress: Progress, stage: str, half: int, done: list[float]) -> Progress:
    """The progress of a half as a part of the stage; ``done`` holds the part of each half that is done."""

    def report(event: Event, /) -> None:
        done[half] = event.fraction
        message = f"half {half + 1} of {N_HALVES}: {event.message}"
        progress(Event(stage, sum(done) / N_HALVES, message))

    return report
