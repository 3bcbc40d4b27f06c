"""Multinomial ridge regression, its strength chosen by cross-validated cross-entropy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from psmatch_core.base.config import option
from psmatch_core.base.cores import compute, part_of, side_by_side
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.classifiers.base import (
    MANY_CELLS,
    NO_HELD_OUT,
    VERY_MANY_CELLS,
    Classifier,
    FittedClassifier,
    Folds,
)
from psmatch_core.classification.classifiers.multinomial import MAX_ITERATIONS, MultinomialRidge, linear_logits
from psmatch_core.data.modality import Matrix

# C × n_cells, from "labels hardly distinguished" to "hardly regularised" on z-scored features; half a decade
# is finer than the seed-to-seed noise of the cross-validated loss.
STRENGTHS_TIMES_CELLS = tuple(float(10 ** (exponent / 2)) for exponent in range(0, 9))
_Span = tuple[int, int]  # cells that lie together: the first, and the one after the last
MANY_FITTED = 500  # features; with 100 of them a fit of 160,000 cells took 6.4 s instead of 7.3, and lost 0.003 nats
WORSE_IN_A_ROW = 2  # the cross-validated loss is unimodal along the path up to noise: two rises end it


@dataclass(frozen=True, eq=False)
class FittedLinear(FittedClassifier):
    """Weights ``(n_features, n_labels)``, intercepts ``(n_labels,)``, and the strength; NaN in files of before."""

    weights: np.ndarray
    intercepts: np.ndarray
    strength: float = field(default=float("nan"), kw_only=True)

    def logits(self, X: Matrix) -> np.ndarray:
        return linear_logits(X, self.weights, self.intercepts)

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "intercepts": self.intercepts, "strength": np.array(self.strength)}


@dataclass(frozen=True)
class LinearClassifier(Classifier, title="Ridge regression (multinomial, no network)", place=6):
    """Multinomial logistic regression with a ridge penalty, by L-BFGS."""

    strength: float = option(
        0.0,
        minimum=0,
        label="C",
        help="Inverse of the ridge penalty; 0 chooses it by cross-validated cross-entropy.",
        advanced=True,
    )

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        features, rotation = _rotated(X)
        automatic = tuple(product / y.size for product in STRENGTHS_TIMES_CELLS)
        strengths = automatic if self.strength == 0 else (self.strength,)
        cells = _InFolds(features, y, folds, n_labels)
        held = [] if self.strength and folds.only_stops else cells.held
        search = _Search(strengths, cells, held, progress)
        chosen = search.along_the_path() if y.size < MANY_CELLS else search.by_one_fold()
        search.report(f"C = {chosen:.3g} chosen, fitting all cells")
        final, intercepts, is_converged = compute(_fit_all, cells.data, n_labels, chosen)
        notes: list[str] = []
        if not is_converged:
            notes.append(f"linear: the optimiser stopped after {MAX_ITERATIONS} iterations before its tolerance.")
        weights = final if rotation is None else rotation @ final
        progress(Event("linear", 1.0, f"C = {chosen:.3g} chosen"))
        held_out = NO_HELD_OUT if folds.only_stops else search.held_out
        return FittedLinear(held_out, weights, intercepts, strength=chosen, notes=tuple(notes))

    def lighter_after(self, fitted: FittedClassifier, n_cells: int) -> LinearClassifier:
        """The same with the strength that was chosen."""
        if n_cells < MANY_CELLS or self.strength or not isinstance(fitted, FittedLinear) or np.isnan(fitted.strength):
            return self
        return replace(self, strength=fitted.strength)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        strength = float(state.get("strength", np.nan))
        return FittedLinear(NO_HELD_OUT, state["weights"], state["intercepts"], strength=strength)


@dataclass(eq=False)
class _Search:
    """The choice among strengths by the loss of held-out cells, whose logits at the best strength are kept."""

    strengths: Sequence[float]
    cells: _InFolds
    folds: list[_Span]
    progress: Progress
    held_out: np.ndarray = field(init=False)  # (n_cells, n_labels)
    losses: dict[int, float] = field(init=False, default_factory=dict)  # by the place of the strength
    ends: dict[_Span, np.ndarray] = field(init=False, default_factory=dict)  # where the last fit of a fold ended

    def along_the_path(self) -> float:
        """The best of the strengths in their order; each fit starts where the one before ended."""
        for at in range(len(self.strengths)):
            self._try(at, self.folds, anew=False)
            if at >= WORSE_IN_A_ROW and self.losses[at] > self.losses[at - 1] > self.losses[at - 2]:
                break
        return self.strengths[self._best]

    def by_one_fold(self) -> float:
        """The strength at which one fold is better than at both its neighbours; the other folds are fitted there.

        Each fit starts anew, like the final one.
        """
        at = len(self.strengths) * 2 // 3  # where the optimum of many cells mostly lies
        self._try(at, self.folds[:1], anew=True)
        for step in (-1, 1):
            while 0 <= at + step < len(self.strengths):
                if at + step not in self.losses:
                    self._try(at + step, self.folds[:1], anew=True)
                if self.losses[at + step] >= self.losses[at]:
                    break
                at += step
        self.report(f"C = {self.strengths[at]:.3g} chosen, other folds")  # which take minutes
        others = self._held_out(at, self.folds[1:], anew=True)
        self.held_out = np.where(np.isnan(others), self.held_out, others)
        return self.strengths[at]

    @property
    def _best(self) -> int:
        return min(self.losses, key=self.losses.__getitem__)  # the first of equal ones

    def _try(self, at: int, folds: Sequence[_Span], *, anew: bool) -> None:
        held_out = self._held_out(at, folds, anew=anew)
        self.losses[at] = self._loss(held_out)
        if self._best == at:
            self.held_out = held_out
        strength = self.strengths[at]
        self.report(f"C = {strength:.3g}", {"C": strength, "validation_loss": self.losses[at]})

    def report(self, message: str, values: Mapping[str, float] | None = None) -> None:
        self.progress(Event("linear", len(self.losses) / (len(self.strengths) + 1), message, values or {}))

    def _held_out(self, at: int, folds: Sequence[_Span], *, anew: bool) -> np.ndarray:
        """Logits of the cells that these folds hold out, each after a fit without it; NaN for all other cells."""
        cells = self.cells

        def fit(fold: _Span) -> tuple[np.ndarray, np.ndarray]:
            start = None if anew else self.ends.get(fold)
            return compute(_fit_without, cells.data, cells.n_labels, fold, self.strengths[at], start)

        held_out = np.full((cells.y.size, cells.n_labels), np.nan)
        for fold, (logits, self.ends[fold]) in zip(folds, side_by_side(fit, folds), strict=True):
            held_out[cells.order[slice(*fold)]] = logits
        return held_out

    def _loss(self, held_out: np.ndarray) -> float:
        """Cross-entropy of the cells that are held out; infinite if there are none."""
        seen = ~np.isnan(held_out[:, 0])
        if not seen.any():
            return np.inf
        return float(-log_softmax(held_out[seen], axis=1)[np.arange(int(seen.sum())), self.cells.y[seen]].mean())


@dataclass(frozen=True, eq=False)
class _InFolds:
    """Cells in the order of their folds, so that a training set is two runs of rows and not a copy."""

    X: Matrix
    y: np.ndarray
    folds: Folds
    n_labels: int

    @cached_property
    def order(self) -> np.ndarray:
        """The cells, fold by fold; those that are never held out come first."""
        return np.argsort(self.folds.assignment, kind="stable")

    @cached_property
    def data(self) -> tuple[Matrix, np.ndarray]:
        """Features and labels in this order."""
        return part_of(self.X, rows=self.order), self.y[self.order]

    @property
    def held(self) -> list[_Span]:
        """The cells that each fold holds out, by their places in the order; folds without cells are left out."""
        ends = np.searchsorted(self.folds.assignment[self.order], np.arange(self.folds.n_folds + 1)).tolist()
        return [fold for fold in itertools.pairwise(ends) if fold[0] < fold[1]]


def _fit_without(
    X: Matrix, y: np.ndarray, n_labels: int, held: _Span, strength: float, start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a run of held-out cells after a fit of all others, and where it ended; the next one may start there."""
    others = (slice(0, held[0]), slice(held[1], None))
    model = MultinomialRidge(tuple((X[part], y[part]) for part in others if y[part].size), n_labels)
    if start is not None:
        model.start_at(start)
    elif _needs_a_start(X):
        model.start_at_a_sample(strength)
    model.fit(strength)
    return model.logits(X[slice(*held)]), model.end


def _fit_all(X: Matrix, y: np.ndarray, n_labels: int, strength: float) -> tuple[np.ndarray, np.ndarray, bool]:
    """Weights and intercepts of all cells, and whether the fit converged."""
    model = MultinomialRidge(((X, y),), n_labels)
    if _needs_a_start(X):
        model.start_at_a_sample(strength)
    model.fit(strength)
    return model.weights, model.intercepts, model.converged


def _needs_a_start(X: Matrix) -> bool:
    return X.shape[0] >= VERY_MANY_CELLS and X.shape[1] >= MANY_FITTED


def _rotated(X: Matrix) -> tuple[Matrix, np.ndarray | None]:
    """X in its singular basis if that has fewer columns, and the rotation back.

    The ridge penalty does not see rotations, and directions without data get weight 0, so fitting in the
    basis of the n cells is the same problem with n instead of n_features unknowns per label.
    """
    n_cells, n_features = X.shape
    if sparse.issparse(X) or n_features <= n_cells:
        return X, None
    left, singular, right = np.linalg.svd(np.asarray(X, dtype=np.float64), full_matrices=False)
    return left * singular, right.T
