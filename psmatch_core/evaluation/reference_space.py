"""The fixed space in which clouds of cells are compared, computed from the observed cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.data.modality import Matrix


@dataclass(frozen=True)
class ReferenceSpace:
    """A fixed space: features z-scored by the observed cells, then their principal axes.

    Parameters
    ----------
    mean, spread
        Mean and standard deviation of the observed cells, ``(d,)``.
    axes
        ``(d, n_components)``; empty if the z-scored features are the space.
    explained
        Share of the observed variance within the space.
    """

    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray
    explained: float

    @classmethod
    def of(cls, X: Matrix, n_components: int) -> Self:
        """The space of observed cells ``(n, d)``."""
        dense = to_dense(X)
        mean, spread = dense.mean(axis=0), dense.std(axis=0)
        spread = np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
        n = min(n_components, dense.shape[1], dense.shape[0] - 1)
        if not n or n == dense.shape[1]:  # a rotation of all features changes no distance
            return cls(mean, spread, np.zeros((0, 0)), 1.0)
        from sklearn.decomposition import PCA

        pca: Any = PCA(n_components=n, random_state=0).fit((dense - mean) / spread)
        return cls(mean, spread, np.asarray(pca.components_.T), float(pca.explained_variance_ratio_.sum()))

    def place(self, X: Matrix) -> np.ndarray:
        """Coordinates of cells ``(n, d)`` in the space, in standard deviations of the observed features."""
        z = (to_dense(X) - self.mean) / self.spread
        return z @ self.axes if self.axes.size else z
