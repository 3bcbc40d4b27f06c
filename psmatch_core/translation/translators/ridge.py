"""Ridge regression: the linear map with the smallest error over all pairs of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.progress import Event, Progress
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator
from psmatch_core.translation.translators.pairs import MatchedPairs

# Penalty / training cells on standardised features, from almost none to almost predicting the mean.
PENALTIES_PER_CELL = tuple(float(10 ** (exponent / 2)) for exponent in range(-8, 5))


@dataclass(frozen=True, eq=False)
class FittedRidge(Predictor):
    """Weights ``(n_inputs, n_outputs)`` and intercepts ``(n_outputs,)``."""

    weights: np.ndarray
    intercepts: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(X @ self.weights + self.intercepts)

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "intercepts": self.intercepts}


@dataclass(frozen=True)
class RidgeTranslator(TrainedTranslator, title="Ridge regression (linear, trained)", place=3):
    """Ridge regression (linear) from a cell to its matches; the penalty is chosen on held-out cells.

    It is fitted to the weighted mean of each cell's matches. The squared error over all pairs of the plan differs from
    the error over these means by a constant, so this is the exact minimum that networks on sampled pairs approach.
    """

    penalty: float = option(
        0.0,
        minimum=0,
        label="λ",
        help="Ridge penalty per training cell, on standardised features; 0 chooses it on held-out cells.",
        advanced=True,
    )

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        from sklearn.linear_model import Ridge  # heavy: only where something is trained

        train, test = pairs.training, pairs.validation
        automatic = self.penalty == 0 and test.size > 0
        candidates = PENALTIES_PER_CELL if automatic else (self.penalty or 1.0,)
        notes: tuple[str, ...] = ()
        if self.penalty == 0 and not automatic:
            notes = ("ridge: no cell could be held out to choose the penalty, so it is 1 per training cell.",)
        X, targets = pairs.X.astype(np.float64), pairs.targets
        fits: list[tuple[float, FittedRidge]] = []
        for index, penalty in enumerate(candidates):
            model = Ridge(alpha=penalty * train.size).fit(X[train], targets[train])
            fitted = FittedRidge(model.coef_.T.copy(), np.asarray(model.intercept_), notes=notes)
            loss = float(np.mean((fitted.predict(X[test]) - targets[test]) ** 2)) if test.size else 0.0
            progress(
                Event(
                    "ridge",
                    (index + 1) / len(candidates),
                    f"penalty {penalty:.3g} per cell",
                    {"penalty": penalty, "validation_loss": loss},
                )
            )
            fits.append((loss, fitted))
        return min(fits, key=lambda each: each[0])[1]

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        return FittedRidge(state["weights"], state["intercepts"])
