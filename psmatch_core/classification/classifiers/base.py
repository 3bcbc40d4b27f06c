"""What a classifier is, what it gives back, and the folds on which it never cheats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import stream
from psmatch_core.base.setting_words import kind_title
from psmatch_core.classification.networks.training import LossCurve
from psmatch_core.data.images import shape_text
from psmatch_core.data.modality import Matrix

NEVER_HELD_OUT = -1
MANY_CELLS = 10_000  # from here on, the cells of one fold tell losses apart that differ by 0.01 nats
VERY_MANY_CELLS = 75_000  # from here on schedules of networks are short, and fits start at that of a sample
NO_HELD_OUT = np.empty((0, 0))  # where no cell was held out, or nobody needs what was


@dataclass(frozen=True)
class Folds:
    """Which cells are held out together.

    Parameters
    ----------
    assignment
        Fold of each cell, ``(n_cells,)``; -1 for a cell that always trains (the only one of its label).
    n_folds
        Number of folds.
    only_stops
        Whether held-out cells only decide when training stops, and nobody needs their scores: none are kept.
    """

    assignment: np.ndarray
    n_folds: int
    only_stops: bool = False

    def held_out(self, fold: int) -> np.ndarray:
        """Mask ``(n_cells,)`` of the cells held out in a fold."""
        return np.asarray(self.assignment == fold % self.n_folds)

    @property
    def first_only(self) -> Folds:
        """One fold, the first; all other cells always train. A classifier then validates at most once."""
        return Folds(np.where(self.assignment == 0, 0, NEVER_HELD_OUT), 1, only_stops=True)

    def rotated(self, by: int) -> Folds:
        """The same folds, renumbered so that fold ``by`` becomes fold 0."""
        if not by % self.n_folds:
            return self
        moved = np.where(self.assignment == NEVER_HELD_OUT, NEVER_HELD_OUT, (self.assignment - by) % self.n_folds)
        return replace(self, assignment=moved)


def stratified_folds(y: np.ndarray, n_folds: int, *, seed: int, purpose: str = "folds") -> Folds:
    """Deal the cells of every label to the folds in turn, in random order.

    A label with at least two cells has cells on both sides of every split that holds one of it out; a label
    with one cell always trains and is never validated.

    Parameters
    ----------
    y
        Label of each cell as an index, ``(n_cells,)``.
    n_folds
        Number of folds; fewer are made if there are fewer cells to deal, so that none is empty.
    """
    rng = stream(seed, purpose)
    counts = np.unique(y, return_counts=True)[1]
    n_dealt = int(counts[counts > 1].sum())
    n_folds = min(n_folds, n_dealt) if n_dealt else n_folds
    assignment = np.full(y.size, NEVER_HELD_OUT)
    next_fold = int(rng.integers(n_folds))
    for label in np.unique(y):
        cells = rng.permutation(np.flatnonzero(y == label))
        if cells.size < 2:
            continue
        assignment[cells] = (next_fold + np.arange(cells.size)) % n_folds
        next_fold = (next_fold + cells.size) % n_folds
    return Folds(assignment, n_folds)


@dataclass(frozen=True, eq=False)
class FittedClassifier(ABC):
    """A trained classifier.

    Parameters
    ----------
    held_out
        Centred logits ``(n_cells, n_labels)`` of the training cells, each from a fit that did not train on
        that cell; NaN rows where there is no such fit. Empty in a classifier restored from a file, in the members of
        an average, and where ``folds.only_stops``.
    curves
        Loss by epoch, one curve a network.
    notes
        What happened that the user must know, such as a restart.
    """

    held_out: np.ndarray
    curves: tuple[LossCurve, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def logits(self, X: Matrix) -> np.ndarray:
        """Centred logits ``(n_cells, n_labels)``, nats, of any cells with the same features."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers by name, from which :meth:`Classifier.restore` makes an equal one."""


@dataclass(frozen=True)
class Classifier(Config, ABC):
    """A strategy that learns the label from one modality: from features ``(n, d)`` or images ``(n, c, h, w)``."""

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        """Refuse what this classifier cannot read, before anything trains.

        Raises
        ------
        PsmatchError
            For images, unless a classifier says that it reads them.
        """
        if len(X.shape) == 4:
            raise PsmatchError(
                f"{name}: {kind_title(type(self))} reads features, but these cells are {shape_text(X.shape[1:])}.",
                hint="Choose the recommended classifier, or measure features of the images first.",
            )

    @property
    def lighter(self) -> Classifier:
        """The same kind of classifier at less cost, for a second opinion; itself unless it averages many."""
        return self

    def lighter_after(self, fitted: FittedClassifier, n_cells: int) -> Classifier:
        """The lighter classifier, with what ``fitted`` has chosen where so many cells make choosing again take long."""
        return self.lighter

    @abstractmethod
    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        """Train on cells ``X (n_cells, n_features)`` or ``(n_cells, c, h, w)``, label indices ``y (n_cells,)``.

        Fold 0 of ``folds`` is the validation set of a classifier that needs one.
        """

    @abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        """The fitted classifier whose :meth:`FittedClassifier.state` this is; it scores new cells only."""


def centered(logits: np.ndarray) -> np.ndarray:
    """Logits ``(n, n_labels)`` with mean 0 in every row: softmax leaves that constant free."""
    logits = np.asarray(logits, dtype=np.float64)
    return logits - logits.mean(axis=1, keepdims=True)
