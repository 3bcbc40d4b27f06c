"""The fixed space in which clouds of cells are compared, computed from the observed cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import linalg

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.cores import a_core
from psmatch_core.data.modality import Matrix

MANY_VALUES = 4_000_000  # of cells × features: from here on they are read a few rows at a time
MOST_CELLS = 20_000  # from which the axes are computed; of more, as many at equal distances
EXACT_BELOW = 2000  # cells or features, whichever are fewer: their whole decomposition is soon computed


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
        """The space of observed cells ``(n, d)``.

        On one core: on a busy machine, threads that wait for each other took ten times as long.
        """
        with a_core():
            return cls._of(X, n_components)

    @classmethod
    def _of(cls, X: Matrix, n_components: int) -> Self:
        if is_tall(X):
            return cls(*_tall_space(X, n_components))
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
        z = to_dense(X) - self.mean
        z /= self.spread
        return z @ self.axes if self.axes.size else z

    def place_all(self, X: Matrix) -> np.ndarray:
        """The same for many cells, a few rows at a time."""
        width = self.axes.shape[1] if self.axes.size else X.shape[1]
        found = np.empty((X.shape[0], width))
        for start, stop in row_chunks(*X.shape):
            found[start:stop] = self.place(X[start:stop])
        return found


def is_tall(X: Matrix) -> bool:
    """Whether cells ``(n, d)`` are too many to be held in double precision, and at least as many as their features."""
    return X.shape[0] * X.shape[1] > MANY_VALUES and X.shape[0] >= X.shape[1]


def exact_components(dense: np.ndarray, n: int) -> np.ndarray:
    """The first principal components of cells ``(n_cells, n_features)``, by a whole singular value decomposition.

    The numbers and signs are those of scikit-learn's ``PCA`` with ``svd_solver="full"`` (a test compares the bits).
    """
    left, values, axes = linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray((left * np.sign(largest))[:, :n] * values[:n])


def _tall_space(X: Matrix, n_components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean, spread, axes and explained share, a few rows at a time, by the covariance of the z-scores."""
    if X.shape[0] > MOST_CELLS:
        X = X[np.linspace(0, X.shape[0] - 1, MOST_CELLS).astype(np.intp)]
    pieces = list(row_chunks(*X.shape))
    mean = sum(to_dense(X[start:stop]).sum(axis=0) for start, stop in pieces) / X.shape[0]
    squares = sum(((to_dense(X[start:stop]) - mean) ** 2).sum(axis=0) for start, stop in pieces)
    spread = np.sqrt(squares / X.shape[0])
    spread = np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
    d = X.shape[1]
    n = min(n_components, d)
    if not n or n == d:  # a rotation of all features changes no distance
        return mean, spread, np.zeros((0, 0)), 1.0
    total = np.zeros((d, d))
    for start, stop in pieces:
        z = (to_dense(X[start:stop]) - mean) / spread
        total += z.T @ z
    values, vectors = linalg.eigh(total, subset_by_index=[d - n, d - 1])
    axes = vectors[:, ::-1]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(n)]  # the sign of an axis is free: this entry is positive
    return mean, spread, axes * np.sign(largest), float(values.sum() / max(np.trace(total), np.finfo(float).tiny))
