"""Multinomial ridge regression, its strength chosen by cross-validated cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from psmatch_core.base.config import option
from psmatch_core.base.cores import a_core, side_by_side
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.classifiers.base import NO_HELD_OUT, Classifier, FittedClassifier, Folds
from psmatch_core.classification.classifiers.multinomial import MAX_ITERATIONS, MultinomialRidge, linear_logits
from psmatch_core.data.modality import Matrix

# C × n_cells, from "labels hardly distinguished" to "hardly regularised" on z-scored features; half a decade
# is finer than the seed-to-seed noise of the cross-validated loss.
STRENGTHS_TIMES_CELLS = tuple(float(10 ** (exponent / 2)) for exponent in range(0, 9))
WORSE_IN_A_ROW = 2  # the cross-validated loss is unimodal along the path up to noise: two rises end it


@dataclass(frozen=True, eq=False)
class FittedLinear(FittedClassifier):
    """Weights ``(n_features, n_labels)`` and intercepts ``(n_labels,)``."""

    weights: np.ndarray
    intercepts: np.ndarray

    def logits(self, X: Matrix) -> np.ndarray:
        return linear_logits(X, self.weights, self.intercepts)

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "intercepts": self.intercepts}


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
        candidates = automatic if self.strength == 0 else (self.strength,)
        held_out = [np.full((y.size, n_labels), np.nan) for _ in candidates]
        loss = np.full(len(candidates), np.inf)
        with_held_out, final = _fold_models(features, y, folds, n_labels)
        notes: list[str] = []
        for index, strength in enumerate(candidates):
            logits = side_by_side(partial(_logits_of_fold, strength=strength), with_held_out)
            for each, found in zip(with_held_out, logits, strict=True):
                held_out[index][each.cells] = found
            seen = ~np.isnan(held_out[index][:, 0])
            if seen.any():
                log_p = log_softmax(held_out[index][seen], axis=1)
                loss[index] = -log_p[np.arange(int(seen.sum())), y[seen]].mean()
            progress(
                Event(
                    "linear",
                    (index + 1) / (len(candidates) + 1),
                    f"C = {strength:.3g}",
                    {"C": strength, "validation_loss": float(loss[index])},
                )
            )
            if index >= WORSE_IN_A_ROW and loss[index] > loss[index - 1] > loss[index - 2]:
                break
        best = int(np.argmin(loss))
        with a_core():
            final.fit(candidates[best])
        if not final.converged:
            notes.append(f"linear: the optimiser stopped after {MAX_ITERATIONS} iterations before its tolerance.")
        weights = final.weights if rotation is None else rotation @ final.weights
        progress(Event("linear", 1.0, f"C = {candidates[best]:.3g} chosen"))
        return FittedLinear(held_out[best], weights, final.intercepts, notes=tuple(notes))

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        return FittedLinear(NO_HELD_OUT, state["weights"], state["intercepts"])


def _logits_of_fold(fold: _Fold, *, strength: float) -> np.ndarray:
    """Logits of the held-out cells of a fold, after a fit at this strength."""
    with a_core():
        fold.model.fit(strength)
        return fold.model.logits(fold.X)


def _fold_models(X: Matrix, y: np.ndarray, folds: Folds, n_labels: int) -> tuple[list[_Fold], MultinomialRidge]:
    """A model for each fold that holds cells out, and one for all cells.

    The cells are brought into the order of the folds once, so that a training set is two slices and not a copy.
    """
    order = np.argsort(folds.assignment, kind="stable")
    X, y, assignment = X[order], y[order], folds.assignment[order]
    models = []
    for fold in range(folds.n_folds):
        start, stop = np.searchsorted(assignment, [fold, fold + 1])
        if start == stop:
            continue
        parts = tuple((X[part], y[part]) for part in (slice(0, start), slice(stop, None)) if y[part].size)
        models.append(_Fold(order[start:stop], X[start:stop], MultinomialRidge(parts, n_labels)))
    return models, MultinomialRidge(((X, y),), n_labels)


@dataclass(frozen=True, eq=False)
class _Fold:
    """The cells that a fold holds out, their features, and the model of all others."""

    cells: np.ndarray
    X: Matrix
    model: MultinomialRidge


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
