"""Propensity scores: what one classifier predicts for the cells of one modality, and how good it is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from psmatch_core.base.arrays import read_only
from psmatch_core.base.config import Config, option
from psmatch_core.base.cores import computing_on, part_of, side_by_side
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import (
    Classifier,
    FittedClassifier,
    Folds,
    RecommendedClassifier,
    stratified_folds,
)
from psmatch_core.classification.classifiers.base import NO_HELD_OUT
from psmatch_core.classification.scored_modality import ScoredModality, Space
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Matrix, Modality


@dataclass(frozen=True)
class Scoring(Config):
    """Which scores are used for matching, and how cells are held out."""

    scores: str = option(
        "in_sample",
        choices=("in_sample", "out_of_fold"),
        help="in_sample: the ensemble scores all cells, its own training cells included (measured best for matching); "
        "out_of_fold: each cell is scored only by classifiers that never saw it.",
        advanced=True,
    )
    n_folds: int = option(
        5, minimum=2, maximum=50, unit="folds", help="Parts into which cells are split.", advanced=True
    )
    n_repeats: int = option(
        3, minimum=1, maximum=50, unit="repeats", help="Repeats of the folds for out-of-fold scores.", advanced=True
    )


@dataclass(frozen=True)
class PropensityScores(Space, title="Propensity scores: one classifier per modality (recommended)", place=1):
    """Scores of one classifier per modality, trained separately: settings ``classifier`` and ``scoring``."""

    @property
    def title(self) -> str:
        return PropensityModel.space_name


@dataclass(frozen=True, eq=False)
class PropensityModel(ScoredModality):
    """Propensity scores of one modality.

    Parameters
    ----------
    logits
        Centred logits for matching, ``(n_cells, n_labels)``, nats; ``held_out_logits`` are the same from classifiers
        that were not trained on the cell.
    fitted
        The trained classifier, which scores new cells.
    classifier, scoring, seed
        What made it.
    linked
        Positions ``(n_cells, d)``, nats, of scores and linked features together (:mod:`psmatch_core.matching.link`);
        None if cells are matched by their logits.
    """

    space_name: ClassVar[str] = "propensity scores"
    space_unit: ClassVar[str] = "nats"

    logits: np.ndarray
    fitted: FittedClassifier
    classifier: Classifier
    scoring: Scoring
    seed: int
    linked: np.ndarray | None = None

    @property
    def space(self) -> np.ndarray:
        """The linked positions; the logits if there are none."""
        return self.logits if self.linked is None else self.linked

    @property
    def scores(self) -> np.ndarray:
        """The logits."""
        return self.logits

    @property
    def held_out_space(self) -> np.ndarray:
        """The held-out logits; the logits of cells that were never held out."""
        return np.where(self.is_validated[:, None], self.held_out_logits, self.logits)

    def score(self, X: Matrix) -> np.ndarray:
        """Centred logits ``(n, n_labels)`` of new cells ``(n, n_features)`` with the modality's features."""
        if X.shape[1] != self.modality.n_features:
            raise PsmatchError(
                f"{self.modality.name}: new cells have {X.shape[1]:,} features, the model was trained on "
                f"{self.modality.n_features:,}.",
                hint="Preprocess the new cells with the transform that was fitted for this run.",
            )
        return self.fitted.logits(self.modality.in_shape(X))

    def __repr__(self) -> str:
        return (
            f"PropensityModel({self.modality.name}: {len(self.label_names)} labels, validation loss "
            f"{self.validation_loss:.3f} of {self.label_entropy:.3f} nats, accuracy {self.accuracy:.2f})"
        )


def fit_propensity(
    modality: Modality,
    classifier: Classifier | None = None,
    *,
    label_names: Sequence[str] | None = None,
    scoring: Scoring | None = None,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> PropensityModel:
    """Train a classifier that predicts the labels of one modality, and score its cells.

    Parameters
    ----------
    modality
        Cells and features.
    classifier
        The strategy; :class:`~psmatch_core.classification.classifiers.RecommendedClassifier` unless given.
    label_names
        The labels shared with the other modality, in the order that both modalities use; the modality's own by default.
    scoring
        Which scores serve for matching and how cells are held out.
    seed
        Folds and starts derive from it and from the modality's name and content, so that the two modalities
        never share folds: shared folds leak the pairing through the class priors of a fold.
    executor
        Fits members and folds in parallel; the cores of this machine do unless given.

    Returns
    -------
    The scores of all cells, and held-out losses, of one modality.

    Raises
    ------
    PsmatchError
        With fewer than two labels, or cells of a label that is not in ``label_names``.

    Source: Xi et al. 2024, section 3 and appendix; averaging is ours (docs/method.md).

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> psmatch.fit_propensity(source, psmatch.LinearClassifier(strength=0.05))
    PropensityModel(RNA: 13 labels, validation loss ... nats, accuracy ...)
    """
    classifier = classifier or RecommendedClassifier()
    scoring = scoring or Scoring()
    names = tuple(label_names) if label_names is not None else modality.label_names
    require_labels(modality, names)
    X, y = training_data(modality, names)
    classifier.check(X, name=modality.name)
    own_seed = derived_seed(seed, "propensity", modality.name, modality.fingerprint)
    folds = stratified_folds(y, scoring.n_folds, seed=own_seed)
    stage = f"propensity: {modality.name}"
    n_fits = folds.n_folds * scoring.n_repeats if scoring.scores == "out_of_fold" else 0
    whole = 1 / (1 + n_fits)
    with one_thread(), computing_on(executor):
        fitted = classifier.fit(
            X, y, n_labels=len(names), folds=folds, seed=own_seed, progress=_staged(progress, stage, whole)
        )
    logits, held_out = fitted.logits(X), fitted.held_out
    notes = [f"{modality.name}: {note}" for note in fitted.notes]
    if folds.n_folds < scoring.n_folds:
        notes.append(
            f"{modality.name}: {scoring.n_folds} folds were asked for, but only {folds.n_folds} cells can be held out; "
            f"{folds.n_folds} folds were made."
        )
    if n_fits:
        with computing_on(executor):
            held_out = _out_of_fold(X, y, len(names), classifier, scoring, own_seed, stage, progress)
        seen = ~np.isnan(held_out[:, 0])
        logits = np.where(seen[:, None], held_out, logits)
        if not seen.all():
            notes.append(
                f"{modality.name}: {plural(int((~seen).sum()), 'cell')} alone in their label cannot be scored out of "
                "fold; their in-sample scores are used."
            )
    singles = [name for index, name in enumerate(names) if (y == index).sum() == 1]
    if singles:
        notes.append(
            f"{modality.name}: too small to validate (one cell): {some(singles)}. They are trained on and matched."
        )
    return PropensityModel(
        modality=modality,
        label_names=names,
        logits=read_only(logits),
        held_out_logits=read_only(held_out),
        fitted=replace(fitted, held_out=NO_HELD_OUT),  # they would lie in memory twice
        classifier=classifier,
        scoring=scoring,
        seed=seed,
        curves=fitted.curves,
        notes=tuple(notes),
    )


def _out_of_fold(
    X: Matrix,
    y: np.ndarray,
    n_labels: int,
    classifier: Classifier,
    scoring: Scoring,
    seed: int,
    stage: str,
    progress: Progress,
) -> np.ndarray:
    """Mean over the repeats of each cell's logits from fits without its fold; NaN for cells never held out."""
    pieces = []
    for repeat in range(scoring.n_repeats):
        outer = stratified_folds(y, scoring.n_folds, seed=seed, purpose=f"outer folds {repeat}")
        pieces += [(outer, fold, derived_seed(seed, "outer", repeat, fold)) for fold in range(outer.n_folds)]
    done = itertools.count(1)

    def fit(piece: tuple[Folds, int, int]) -> tuple[np.ndarray, np.ndarray]:
        outer, fold, own_seed = piece
        test = outer.held_out(fold)
        inner = stratified_folds(y[~test], scoring.n_folds, seed=own_seed)
        seen = part_of(X, rows=~test)
        fitted = classifier.fit(seen, y[~test], n_labels=n_labels, folds=inner, seed=own_seed, progress=silent)
        logits = fitted.logits(X[test]) if test.any() else np.zeros((0, n_labels))
        ready = next(done)
        progress(Event(stage, (1 + ready) / (1 + len(pieces)), f"out-of-fold scores {ready} of {len(pieces)}"))
        return np.flatnonzero(test), logits

    total, count = np.zeros((y.size, n_labels)), np.zeros(y.size)
    for test, logits in side_by_side(fit, pieces):
        total[test] += logits
        count[test] += 1
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def require_labels(modality: Modality, names: tuple[str, ...]) -> None:
    """Refuse labels that cannot be predicted: fewer than two, not among the shared ones, or without a cell."""
    if len(set(names)) < 2:
        raise PsmatchError(
            f"{modality.name}: a classifier needs at least two labels, got {some(names) or 'none'}.",
            hint="Choose a label column with two or more labels that both modalities share.",
            code="PM-L15",
        )
    foreign = sorted(set(modality.label_names) - set(names))
    if foreign:
        raise PsmatchError(
            f"{modality.name}: cells carry labels that are not among the shared ones: {some(foreign)}.",
            hint="Leave these cells out first, or add their labels.",
        )
    absent = sorted(set(names) - set(modality.label_names))
    if absent:
        raise PsmatchError(
            f"{modality.name}: no cell carries {some(absent)}.", hint="Leave these labels out of the shared ones."
        )


def _staged(progress: Progress, stage: str, share: float) -> Progress:
    def report(event: Event, /) -> None:
        progress(Event(stage, share * event.fraction, f"{event.stage}: {event.message}", event.values))

    return report
