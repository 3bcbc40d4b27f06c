"""Multinomial ridge regression, solved by L-BFGS in the precision of the data and without a copy of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from psmatch_core.base.cores import with_idle_cores
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.classifiers.base import centered
from psmatch_core.data.modality import Matrix

if TYPE_CHECKING:
    from psmatch_core.base.sparse_products import ByFeature

GRADIENT_TOLERANCE = 1e-3  # of the mean loss; 1e-4 costs twice the time and moves the held-out loss by 0.003
MAX_ITERATIONS = 300
LINE_SEARCH_STEPS = 50
ROWS_AT_ONCE = 8192  # their scores stay in the cache, and nothing of all cells × labels is formed
SHARE_ROWS, MOST_SHARES = 16_384, 32  # of cells summed on one core; neither depends on the number of cores
SHIFTED_ROWS = 1024  # of a shifted matrix, which is read twice: the second time, its rows are in the cache

SAMPLE_STEP = 8  # of the cells of a label, one is in the sample

Rows = tuple[Matrix, np.ndarray]  # features (n, n_features) and the label of each cell (n,)


@dataclass
class MultinomialRidge:
    """Weights ``(n_features, n_labels)`` and intercepts ``(n_labels,)``, fitted along a path of strengths.

    Parameters
    ----------
    parts
        The training cells, as runs of rows: slices of a matrix are read where they lie.

    The first fit starts at the frequencies of the labels, so that no weight has to learn them; each other one where the
    one before ended. Sums over features are in the precision of the features, all others in
    double precision. Labels without a cell here get weight 0 and the lowest intercept, not the zero that would favour
    them. Two labels share one row of weights, each with half of it, as is usual.
    """

    parts: tuple[Rows, ...]
    n_labels: int
    converged: bool = True
    present: np.ndarray = field(init=False, repr=False)
    weights: np.ndarray = field(init=False, repr=False)
    intercepts: np.ndarray = field(init=False, repr=False)
    _shares: list[list[_Run]] = field(init=False, repr=False)
    _at: np.ndarray = field(init=False, repr=False)  # (n_features + 1, n_rows): weights, then intercepts

    def __post_init__(self) -> None:
        self.present, n_cells = np.unique(np.concatenate([y for _, y in self.parts]), return_counts=True)
        n_rows = 1 if self.present.size == 2 else self.present.size
        self._at = np.zeros((self.parts[0][0].shape[1] + 1, n_rows))
        frequencies = np.log(n_cells)
        self._shares = [
            [_Run.of(*run, n_rows) for run in _runs_of(*share, _rows_at_once(share[0]))]
            for part in self.parts
            for share in _runs_of(*part, _share_of(part[1].size))
        ]
        self._at[-1] = np.diff(frequencies) if n_rows != self.present.size else frequencies - frequencies.mean()

    @property
    def end(self) -> np.ndarray:
        """Where the last fit ended, ``(n_features + 1, n_rows)``: a model of the same cells may start there."""
        return self._at

    def start_at(self, end: np.ndarray) -> None:
        """Start the next fit where one of the same cells ended."""
        self._at = end

    def start_at_a_sample(self, strength: float) -> None:
        """Start the next fit where one of every eighth cell of each label ends, which costs an eighth for each step.

        What is minimised and when it ends stay the same. Only training cells are read: held-out scores stay held out.
        """
        parts = tuple((X[some], y[some]) for X, y in self.parts for some in [_of_each_label(y, SAMPLE_STEP)])
        sample = MultinomialRidge(parts, self.n_labels)
        sample.fit(strength)
        self.start_at(sample.end)

    def fit(self, strength: float) -> None:
        """Minimise ``strength`` × the summed cross-entropy + half the sum of the squared weights."""
        n_cells = sum(y.size for _, y in self.parts)
        found = minimize(
            self._loss,
            self._at.ravel(),
            args=(1 / (strength * n_cells), n_cells),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": MAX_ITERATIONS,
                "maxls": LINE_SEARCH_STEPS,
                "gtol": GRADIENT_TOLERANCE,
                "ftol": 64 * np.finfo(float).eps,
            },
        )
        self.converged = bool(found.success)
        self._at = found.x.reshape(self._at.shape)
        rows = self._at if self._at.shape[1] > 1 else self._at * np.array([-0.5, 0.5])[: self.present.size]
        self.weights = np.zeros((rows.shape[0] - 1, self.n_labels))
        self.weights[:, self.present] = rows[:-1]
        self.intercepts = np.full(self.n_labels, float(rows[-1].min()))
        self.intercepts[self.present] = rows[-1]

    def logits(self, X: Matrix) -> np.ndarray:
        """Centred logits ``(n, n_labels)``."""
        return linear_logits(X, self.weights, self.intercepts)

    def _loss(self, at: np.ndarray, penalty: float, n_cells: int) -> tuple[float, np.ndarray]:
        """Mean cross-entropy with its penalty, and the gradient."""
        shaped = at.reshape(self._at.shape)
        weights, in_precision = shaped[:-1], shaped.astype(self.parts[0][0].dtype)
        gradient = np.zeros_like(shaped)
        total = 0.0
        for value, summed in with_idle_cores(lambda rows: self._sums(rows, in_precision), self._shares):
            total += value
            gradient += summed
        gradient /= n_cells
        gradient[:-1] += penalty * weights
        return total / n_cells + 0.5 * penalty * float(np.vdot(weights, weights)), gradient.ravel()

    def _sums(self, share: list[_Run], at: np.ndarray) -> tuple[float, np.ndarray]:
        """Summed cross-entropy of some cells, and its gradient ``(n_features + 1, n_rows)``."""
        gradient = np.zeros(self._at.shape)
        total = 0.0
        for run in share:
            with np.errstate(invalid="ignore"):  # OpenBLAS may raise the flag on numbers that are all finite
                scores = np.asarray(run.X @ at[:-1])
            value, residual = self._cross_entropy(scores + at[-1], run.y)
            total += value
            with np.errstate(invalid="ignore"):
                gradient[:-1] += run.transposed_times(residual)
            gradient[-1] += residual.sum(axis=0, dtype=np.float64)
        return total, gradient

    def _cross_entropy(self, scores: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Summed cross-entropy of scores ``(n, n_rows)``, and its derivative by each score."""
        own = np.searchsorted(self.present, y)
        has_one_row = self.present.size == 2
        if has_one_row:
            scores = scores * np.array([-0.5, 0.5], dtype=scores.dtype)
        rows = np.arange(y.size)
        scores = scores - scores.max(axis=1, keepdims=True)
        picked = scores[rows, own].astype(np.float64)
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1, dtype=np.float64)
        scores /= sums[:, None].astype(scores.dtype)
        scores[rows, own] -= 1
        return float(np.log(sums).sum() - picked.sum()), scores[:, 1:] if has_one_row else scores


@dataclass(frozen=True, eq=False)
class _Run:
    """Cells that are read together in every step of a descent."""

    X: Matrix
    y: np.ndarray
    by_feature: ByFeature | None  # of shifted rows, sorted once for all steps: 6 bytes a stored value

    @classmethod
    def of(cls, X: Matrix, y: np.ndarray, n_rows: int) -> _Run:
        return cls(X, y, X.by_feature(n_rows) if isinstance(X, ShiftedRows) else None)

    def transposed_times(self, residual: np.ndarray) -> np.ndarray:
        if isinstance(self.X, ShiftedRows):
            return self.X.transposed_times(residual, self.by_feature)
        return np.asarray(self.X.T @ residual)


def _runs_of(X: Matrix, y: np.ndarray, step: int) -> Iterator[Rows]:
    """The cells, a few at a time; all at once where a slice would be a copy."""
    if sparse.issparse(X):
        yield X, y
        return
    for start in range(0, y.size, step):
        yield X[start : start + step], y[start : start + step]


def _of_each_label(y: np.ndarray, step: int) -> np.ndarray:
    """Positions, ascending, of the first cell of each label and of each ``step``-th one after it."""
    order = np.argsort(y, kind="stable")
    first = np.searchsorted(y[order], y[order])  # where the cells of the same label begin
    return np.sort(order[(np.arange(y.size) - first) % step == 0])


def linear_logits(X: Matrix, weights: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """Centred logits ``(n, n_labels)`` of cells ``(n, n_features)``.

    The product is in the precision of the cells: in another one, all of them would be copied.
    """
    precision = X.dtype if X.dtype.kind == "f" else weights.dtype
    used = weights.astype(precision)
    if not isinstance(X, ShiftedRows):
        return centered(np.asarray(X @ used) + intercepts)
    found = np.empty((X.shape[0], weights.shape[1]))
    for start in range(0, X.shape[0], SHIFTED_ROWS):
        rows = slice(start, start + SHIFTED_ROWS)
        found[rows] = centered(X[rows] @ used + intercepts)
    return found


def _share_of(n_cells: int) -> int:
    return max(SHARE_ROWS, -(-n_cells // MOST_SHARES))


def _rows_at_once(X: Matrix) -> int:
    return SHIFTED_ROWS if isinstance(X, ShiftedRows) else ROWS_AT_ONCE
