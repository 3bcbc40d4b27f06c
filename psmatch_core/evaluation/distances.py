"""How far one cloud of cells is from another: five distances between two samples.

All take two clouds in the same space, ``x (n, d)`` and ``y (m, d)``, and return one number: 0, or for some estimators
about 0, if both are samples of one distribution. How far from 0 it may be by chance depends on the number of cells;
:mod:`psmatch_core.evaluation.distributions` measures that on two halves of the observed cells.

Most of the time goes into the distances between all cells. :class:`Cloud` and :class:`Clouds` compute them once for all
measures, and once for a reference that several clouds are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.special import digamma

from psmatch_core.base.errors import PsmatchError

EXACT, SLICED = "exact", "sliced"
TOUCHING = 1e-12  # distances below this share of the samples' extent are rounding error: the cells are the same


@dataclass(frozen=True, eq=False)
class Cloud:
    """Cells ``(n, d)``, and the distances between them, computed when they are first asked for."""

    cells: np.ndarray

    @cached_property
    def within(self) -> np.ndarray:
        """Between each two different cells once, ``(n (n − 1) / 2,)``, in units of the space."""
        return np.asarray(pdist(self.cells))

    @cached_property
    def bandwidth(self) -> float:
        """The median of these, the usual width of the kernel of :func:`mmd2`; 1 if all cells are equal."""
        found = float(np.median(self.within)) if self.within.size else 0.0
        return found if found > 0 else 1.0


@dataclass(frozen=True, eq=False)
class Clouds:
    """A cloud x ``(n, d)``, the cloud y ``(m, d)`` that it is compared with, and the distances between their cells."""

    x: Cloud
    y: Cloud

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> Clouds:
        """Two clouds that are compared once."""
        return cls(Cloud(x), Cloud(y))

    @cached_property
    def between(self) -> np.ndarray:
        """From each cell of x to each of y, ``(n, m)``, in units of the space."""
        return np.asarray(cdist(self.x.cells, self.y.cells))

    @property
    def sizes(self) -> tuple[int, int]:
        """Cells of x and of y."""
        return self.x.cells.shape[0], self.y.cells.shape[0]


def l2_mean(clouds: Clouds) -> float:
    """Euclidean length of the difference between the two means, in units of the space."""
    return float(np.linalg.norm(clouds.x.cells.mean(axis=0) - clouds.y.cells.mean(axis=0)))


def knn_kl(clouds: Clouds, *, k: int = 5) -> float:
    """Kullback-Leibler divergence KL(x ‖ y) by k nearest neighbours, nats; infinite if x has no spread.

    The density at a point is estimated as k over the volume of the ball that reaches its k-th neighbour, in its own
    sample and in the other; the mean log-ratio is corrected by digamma terms. The estimate can be slightly below 0.

    Repeated cells have no density. If the k-th neighbour is at distance 0, the ball grows to the next distinct
    distance, and the cells that it really contains, ties included, are counted instead of k: the version of the
    estimator in which k differs between points. Repeats therefore increase the divergence, as they should, without
    making it infinite. If all cells of x are one repeated point there is no such distance, and the result is infinity.

    Parameters
    ----------
    k
        Neighbours: more give less variance and more bias.

    Raises
    ------
    PsmatchError
        If x has fewer than k + 1 cells, or y fewer than k.

    Source: Wang, Kulkarni and Verdú 2009, Divergence estimation for multidimensional densities via k-nearest-neighbor
    distances, the estimator with a k that differs by point; Pérez-Cruz 2008 for fixed k, where the terms in k cancel.
    """
    (n, m), d = clouds.sizes, clouds.x.cells.shape[1]
    if n <= k or m < k:
        raise PsmatchError(
            f"The divergence with {k} neighbours needs {k + 1} and {k} cells, got {n:,} and {m:,}.",
            hint="Use fewer neighbours, or leave out labels this small.",
        )
    extent = float(np.ptp(np.concatenate([clouds.x.cells, clouds.y.cells]), axis=0).max(initial=0))
    if extent == 0:
        return 0.0  # both are the same single point
    own, n_own = _reach(squareform(clouds.x.within), k + 1, d, extent)  # a cell's first neighbour is itself
    other, n_other = _reach(clouds.between, k, d, extent)
    if not np.isfinite(own).all():
        return float("inf")
    # `other` is infinite only if y is one repeated point at this x; the extent is then the finite distance used.
    ratio = np.log(np.where(np.isfinite(other), other, extent)) - np.log(own)
    return float(d * ratio.mean() + np.mean(digamma(n_own - 1) - digamma(n_other)) + np.log(m / (n - 1)))


def _reach(lengths: np.ndarray, k: int, d: int, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """How far each row ``(n, m)`` is from its k-th neighbour, or the next distinct one, and how many are that near."""
    distance = np.partition(lengths, k - 1, axis=1)[:, k - 1]
    for row in np.flatnonzero(distance <= TOUCHING * extent):  # rare: cells that are repeated k times or more
        apart = lengths[row]
        distance[row] = apart[apart > TOUCHING * extent].min(initial=np.inf)
    reached = np.where(np.isfinite(distance), distance, extent * d) * (1 + TOUCHING)
    return distance, np.count_nonzero(lengths <= reached[:, None], axis=1)


def wasserstein1(clouds: Clouds, *, kind: str = EXACT, n_projections: int = 200, seed: int = 0) -> tuple[float, str]:
    """1-Wasserstein distance with Euclidean cost, in units of the space.

    Parameters
    ----------
    kind
        ``exact``: optimal transport, cubic in the number of cells: of as many cells as there are others by the best
        one-to-one assignment (scipy), else by network simplex (POT's ``emd2``). ``sliced``: the
        mean over random directions of the distance in one dimension (of as many cells, between the sorted ones; else
        POT's), a lower bound of the exact distance and
        smaller by a factor that grows with the dimension. The two kinds cannot be compared with each other.

    Returns
    -------
    The distance, and a warning of the solver: empty if the answer is proved optimal.

    Source: Bonneel et al. 2015 for the sliced distance.
    """
    if kind not in (EXACT, SLICED):
        raise PsmatchError(
            f"The 1-Wasserstein distance is {EXACT} or {SLICED}, got {kind!r}.", hint="Choose one of them."
        )
    n, m = clouds.sizes
    if kind == SLICED:
        return _sliced(clouds, n_projections, seed), ""
    if n == m:  # an optimal plan of equal masses is a permutation (Birkhoff)
        return float(clouds.between[linear_sum_assignment(clouds.between)].mean()), ""
    import ot  # takes a second, with scikit-learn

    found, log = ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), clouds.between, numItermax=10_000_000, log=True)
    return float(found), str(log.get("warning") or "")


def _sliced(clouds: Clouds, n_projections: int, seed: int) -> float:
    """The mean distance along random directions, those of POT for the same seed."""
    x, y = clouds.x.cells, clouds.y.cells
    directions = np.random.RandomState(seed % 2**32).randn(x.shape[1], n_projections)
    directions /= np.sqrt((directions**2).sum(axis=0))
    if x.shape[0] == y.shape[0]:
        sorted_x, sorted_y = (np.sort(directions.T @ each.T, axis=1) for each in (x, y))  # (n_projections, n)
        return float(np.abs(sorted_x - sorted_y).mean())
    import ot  # takes a second, with scikit-learn

    return float(ot.sliced_wasserstein_distance(x, y, projections=directions, p=1))


def energy(clouds: Clouds) -> float:
    """Energy distance √(2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖) between the two samples as distributions, ≥ 0.

    It is a square root of lengths: if all distances double, it grows by √2. The means include the pairs of a cell with
    itself (V-statistic), as ``scipy.stats.energy_distance`` does in one dimension.

    Source: Székely and Rizzo 2013, Energy statistics: a class of statistics based on distances.
    """
    within = sum(2 * each.within.sum() / each.cells.shape[0] ** 2 for each in (clouds.x, clouds.y))
    return float(np.sqrt(max(2 * clouds.between.mean() - within, 0.0)))


def mmd2(clouds: Clouds, *, bandwidth: float) -> float:
    """Squared maximum mean discrepancy with kernel exp(−‖a − b‖² / 2 bandwidth²); **unbiased**, so it can be < 0.

    Parameters
    ----------
    bandwidth
        In units of the space; the same for all values to be compared: that of the observed :class:`Cloud`.

    Source: Gretton et al. 2012, A kernel two-sample test, Lemma 6; the median heuristic is theirs too.
    """
    within_x, within_y, between = (
        float(_kernel(lengths, bandwidth).mean()) if lengths.size else float("nan")  # one cell has no spread
        for lengths in (clouds.x.within, clouds.y.within, clouds.between)
    )
    return within_x + within_y - 2 * between


def _kernel(lengths: np.ndarray, bandwidth: float) -> np.ndarray:
    values = np.square(lengths)
    values *= -0.5 / bandwidth**2
    return np.exp(values, out=values)
