"""k nearest matched: a new cell gets what was carried to the cells of its own modality that are most like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from psmatch_core.config import option
from psmatch_core.progress import Event, Progress
from psmatch_core.translators.base import Predictor, TrainedTranslator
from psmatch_core.translators.pairs import MatchedPairs


@dataclass(frozen=True, eq=False)
class FittedNeighbors(Predictor):
    """Training cells ``(n, n_inputs)``, the weighted mean of each one's matches ``(n, n_outputs)``, and k."""

    cells: np.ndarray
    targets: np.ndarray
    k: int

    @cached_property
    def _model(self) -> Any:
        from sklearn.neighbors import KNeighborsRegressor  # heavy: only where something is predicted

        return KNeighborsRegressor(self.k, weights="distance").fit(self.cells, self.targets)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self._model.predict(np.asarray(X, dtype=self.cells.dtype)), dtype=np.float64)

    def state(self) -> dict[str, np.ndarray]:
        return {"cells": self.cells, "targets": self.targets, "k": np.array(self.k)}


@dataclass(frozen=True)
class NeighborTranslator(TrainedTranslator):
    """k nearest matched cells: no training, and never a value that was not measured nearby.

    A new cell gets the mean of its nearest training cells' barycentric projections, each weighted by one over its
    distance (Euclidean, between standardised features of the input modality).
    """

    n_neighbors: int = option(
        15, minimum=1, maximum=1000, unit="cells", label="k", help="Nearest cells that are averaged."
    )

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        train = pairs.training
        k = min(self.n_neighbors, train.size)
        notes = (
            (f"neighbours: only {train.size:,} matched cells train, so k is {k} instead of {self.n_neighbors}.",)
            if k < self.n_neighbors
            else ()
        )
        progress(Event("neighbours", 1.0, f"{train.size:,} cells kept"))
        # float32 halves the file; neighbours of z-scored features do not hang on the seventh digit
        cells, targets = (np.ascontiguousarray(each[train], dtype=np.float32) for each in (pairs.X, pairs.targets))
        return FittedNeighbors(cells, targets, k, notes=notes)

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        return FittedNeighbors(state["cells"], state["targets"], int(state["k"]))
