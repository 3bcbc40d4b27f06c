"""Multinomial ridge regression, its strength chosen by cross-validated cross-entropy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from psmatch_core.base.config import option
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.classifiers.base import NO_HELD_OUT, Classifier, FittedClassifier, Folds, centered
from psmatch_core.data.modality import Matrix

# C × n_cells, from "labels hardly distinguished" to "hardly regularised" on z-scored features; half a decade
# is finer than the seed-to-seed noise of the cross-validated loss.
STRENGTHS_TIMES_CELLS = tuple(float(10 ** (exponent / 2)) for exponent in range(0, 9))
GRADIENT_TOLERANCE = 1e-3  # of the mean loss; 1e-4 costs twice the time and moves the held-out loss by 0.003
MAX_ITERATIONS = 300
WORSE_IN_A_ROW = 2  # the cross-validated loss is unimodal along the path up to noise: two rises end it


@dataclass(frozen=True, eq=False)
class FittedLinear(FittedClassifier):
    """Weights ``(n_features, n_labels)`` and intercepts ``(n_labels,)``."""

    weights: np.ndarray
    intercepts: np.ndarray

    def logits(self, X: Matrix) -> np.ndarray:
        return centered(np.asarray(X @ self.weights) + self.intercepts)

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "intercepts": self.intercepts}


@dataclass(frozen=True)
class LinearClassifier(Classifier, title="Ridge regression (multinomial, no network)", place=6):
    """Multinomial logistic regression with a ridge penalty, by scikit-learn's L-BFGS."""

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
        models = [_Ridge(n_labels) for _ in range(folds.n_folds)]
        notes: list[str] = []
        for index, strength in enumerate(candidates):
            for fold, model in enumerate(models):
                test = folds.held_out(fold)
                if test.any():
                    model.fit(features[~test], y[~test], strength)
                    held_out[index][test] = model.logits(features[test])
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
        final = _Ridge(n_labels)
        final.fit(features, y, candidates[best])
        if not final.converged:
            notes.append(f"linear: the optimiser stopped after {MAX_ITERATIONS} iterations before its tolerance.")
        weights = final.weights if rotation is None else rotation @ final.weights
        progress(Event("linear", 1.0, f"C = {candidates[best]:.3g} chosen"))
        return FittedLinear(held_out[best], weights, final.intercepts, notes=tuple(notes))

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        return FittedLinear(NO_HELD_OUT, state["weights"], state["intercepts"])


class _Ridge:
    """scikit-learn's logistic regression, warm-started along the path and padded to labels not seen."""

    def __init__(self, n_labels: int) -> None:
        self.n_labels = n_labels
        self.weights = np.zeros((0, n_labels))
        self.intercepts = np.zeros(n_labels)
        self.converged = True
        self._model: Any = None

    def fit(self, X: Matrix, y: np.ndarray, strength: float) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        present = np.unique(y)
        if self._model is None:
            self._model = LogisticRegression(tol=GRADIENT_TOLERANCE, max_iter=MAX_ITERATIONS, warm_start=True)
        model = self._model
        model.set_params(C=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(X, y)
                self.converged = True
            except ConvergenceWarning:
                self.converged = False
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, y)
        coefficients, intercepts = model.coef_, model.intercept_
        if present.size == 2 and coefficients.shape[0] == 1:  # two labels share one row: ± half of it each
            coefficients = np.vstack([-coefficients / 2, coefficients / 2])
            intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
        # A label that this fold never saw gets the lowest intercept seen, not the zero that would favour it.
        self.weights = np.zeros((X.shape[1], self.n_labels))
        self.weights[:, present] = coefficients.T
        self.intercepts = np.full(self.n_labels, float(intercepts.min()))
        self.intercepts[present] = intercepts

    def logits(self, X: Matrix) -> np.ndarray:
        return centered(np.asarray(X @ self.weights) + self.intercepts)


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
