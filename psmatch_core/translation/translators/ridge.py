"""Ridge regression: the linear map with the smallest error over all pairs of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.progress import Event, Progress
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator
from psmatch_core.translation.translators.pairs import MatchedPairs

# Penalty / training cells on standardised features, from almost none to almost predicting the mean.
PENALTIES_PER_CELL = tuple(float(10 ** (exponent / 2)) for exponent in range(-8, 5))


def penalty_option() -> Any:
    """The declaration of the penalty, for every translator that fits a ridge regression."""
    return option(
        0.0,
        minimum=0,
        label="λ",
        help="Ridge penalty per training cell, on standardised features; 0 chooses it on held-out cells.",
        advanced=True,
    )


@dataclass(frozen=True, eq=False)
class FittedRidge(Predictor):
    """Weights ``(n_inputs, n_outputs)`` and intercepts ``(n_outputs,)``."""

    weights: np.ndarray
    intercepts: np.ndarray

    def predict(self, X: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(X @ self.weights + self.intercepts)

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "intercepts": self.intercepts}


@dataclass(frozen=True)
class RidgeTranslator(TrainedTranslator, title="Ridge regression (linear, trained)", place=3):
    """Ridge regression (linear) from a cell to its matches; the penalty is chosen on held-out cells.

    It is fitted to the weighted mean of each cell's matches. The squared error over all pairs of the plan differs from
    the error over these means by a constant, so this is the exact minimum that networks on sampled pairs approach.
    """

    penalty: float = penalty_option()

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        return fit_ridge(
            pairs.X.astype(np.float64),
            pairs.targets,
            training=pairs.training,
            validation=pairs.validation,
            penalty=self.penalty,
            progress=progress,
        )

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        return FittedRidge(state["weights"], state["intercepts"])


def fit_ridge(
    X: np.ndarray,
    targets: np.ndarray,
    *,
    training: np.ndarray,
    validation: np.ndarray,
    penalty: float,
    progress: Progress,
) -> FittedRidge:
    """Ridge regression of targets ``(n_cells, n_outputs)`` on inputs ``(n_cells, n_inputs)``.

    Parameters
    ----------
    training, validation
        Positions of the cells to train on, and of those that choose the penalty.
    penalty
        Per training cell; 0 chooses it on the validation cells, and takes 1 with a note if there are none.
    """
    from sklearn.linear_model import Ridge  # heavy: only where something is trained

    automatic = penalty == 0 and validation.size > 0
    candidates = PENALTIES_PER_CELL if automatic else (penalty or 1.0,)
    notes: tuple[str, ...] = ()
    if penalty == 0 and not automatic:
        notes = ("ridge: no cell could be held out to choose the penalty, so it is 1 per training cell.",)
    fits: list[tuple[float, FittedRidge]] = []
    for index, each in enumerate(candidates):
        model = Ridge(alpha=each * training.size).fit(X[training], targets[training])
        fitted = FittedRidge(model.coef_.T.copy(), np.asarray(model.intercept_), notes=notes)
        loss = 0.0
        if validation.size:
            loss = float(np.mean((fitted.predict(X[validation]) - targets[validation]) ** 2))
        values = {"penalty": each, "validation_loss": loss}
        progress(Event("ridge", (index + 1) / len(candidates), f"penalty {each:.3g} per cell", values))
        fits.append((loss, fitted))
    return min(fits, key=lambda fit: fit[0])[1]
