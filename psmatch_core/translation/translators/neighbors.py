"""k nearest matched cells: a new cell gets the features carried to the most similar cells of its own modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.progress import Event, Progress
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator
from psmatch_core.translation.translators.pairs import MatchedPairs


@dataclass(frozen=True, eq=False)
class FittedNeighbors(Predictor):
    """Principal axes ``(n_inputs, d)``, training cells in them ``(n, d)``, the mean of each cell's matches, and k."""

    axes: np.ndarray
    cells: np.ndarray
    targets: np.ndarray
    k: int

    @cached_property
    def _model(self) -> Any:
        from sklearn.neighbors import KNeighborsRegressor  # heavy: only where something is predicted

        return KNeighborsRegressor(self.k, weights="distance").fit(self.cells, self.targets)

    def predict(self, X: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(self._model.predict((X @ self.axes).astype(self.cells.dtype)), dtype=np.float64)

    def state(self) -> dict[str, np.ndarray]:
        return {"axes": self.axes, "cells": self.cells, "targets": self.targets, "k": np.array(self.k)}


@dataclass(frozen=True)
class NeighborTranslator(TrainedTranslator, title="k nearest matched cells (trained)", place=5):
    """k nearest matched cells: no parameters to train, and every predicted value is a mean of measured ones.

    A new cell gets the mean of its nearest training cells' barycentric projections, each weighted by one over its
    distance. Distances are Euclidean in the principal axes of the standardised inputs, because over thousands of
    features the noise makes all cells almost equally distant.
    """

    n_neighbors: int = option(
        15, minimum=1, maximum=1000, unit="cells", label="k", help="Number of nearest cells that are averaged."
    )

    n_components: int = option(
        50,
        minimum=1,
        maximum=1000,
        unit="components",
        help="Number of principal axes in which distances are measured.",
        advanced=True,
    )

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        from sklearn.decomposition import PCA  # heavy: only where something is trained

        train = pairs.training
        inputs = np.asarray(pairs.X[train], dtype=np.float64)
        k = min(self.n_neighbors, train.size)
        notes = (
            (f"neighbours: only {train.size:,} matched cells for training, so k is {k} instead of {self.n_neighbors}.",)
            if k < self.n_neighbors
            else ()
        )
        progress(Event("neighbours", 1.0, f"{train.size:,} cells kept"))
        pca = PCA(min(self.n_components, *inputs.shape), random_state=seed % 2**32).fit(inputs)
        axes = np.ascontiguousarray(pca.components_.T)
        # float32 halves the file; which cells are nearest does not depend on the seventh digit
        cells, targets = (np.asarray(each, dtype=np.float32) for each in (inputs @ axes, pairs.targets[train]))
        return FittedNeighbors(axes, cells, targets, k, notes=notes)

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        return FittedNeighbors(state["axes"], state["cells"], state["targets"], int(state["k"]))
