"""How far one cloud of cells is from another: five distances between two samples.

All take ``x (n, d)`` and ``y (m, d)`` in the same space and return one number: 0, or for some estimators about 0, if
both are samples of the same distribution. How far from 0 it may be by chance depends on the number of cells;
:mod:`psmatch_core.evaluation.distributions` measures that on two halves of the observed cells.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist, pdist
from scipy.special import digamma

from psmatch_core.base.errors import PsmatchError

EXACT, SLICED = "exact", "sliced"
TOUCHING = 1e-12  # distances below this share of the samples' extent are rounding error: the cells are the same


def l2_mean(x: np.ndarray, y: np.ndarray) -> float:
    """Euclidean length of the difference between the two means, in units of the space."""
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


def knn_kl(x: np.ndarray, y: np.ndarray, *, k: int = 5) -> float:
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
    n, m, d = x.shape[0], y.shape[0], x.shape[1]
    if n <= k or m < k:
        raise PsmatchError(
            f"The divergence with {k} neighbours needs {k + 1} and {k} cells, got {n:,} and {m:,}.",
            hint="Use fewer neighbours, or leave out labels this small.",
        )
    extent = float(np.ptp(np.concatenate([x, y]), axis=0).max(initial=0))
    if extent == 0:
        return 0.0  # both are the same single point
    own, n_own = _reach(x, x, k + 1, extent)  # the first neighbour of a cell in its own sample is itself
    other, n_other = _reach(x, y, k, extent)
    if not np.isfinite(own).all():
        return float("inf")
    # `other` is infinite only if y is one repeated point at this x; the extent is then the finite distance used.
    ratio = np.log(np.where(np.isfinite(other), other, extent)) - np.log(own)
    return float(d * ratio.mean() + np.mean(digamma(n_own - 1) - digamma(n_other)) + np.log(m / (n - 1)))


def _reach(x: np.ndarray, of: np.ndarray, k: int, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each x to its k-th neighbour, or to the next distinct one, and the number of cells within it."""
    tree = KDTree(of)
    distance = np.asarray(tree.query(x, k=[k])[0])[:, 0]
    for row in np.flatnonzero(distance <= TOUCHING * extent):  # rare: cells that are repeated k times or more
        apart = np.linalg.norm(of - x[row], axis=1)
        distance[row] = apart[apart > TOUCHING * extent].min(initial=np.inf)
    reached = np.where(np.isfinite(distance), distance, extent * of.shape[1]) * (1 + TOUCHING)
    return distance, np.asarray(tree.query_ball_point(x, reached, return_length=True))


def wasserstein1(
    x: np.ndarray, y: np.ndarray, *, kind: str = EXACT, n_projections: int = 200, seed: int = 0
) -> tuple[float, str]:
    """1-Wasserstein distance with Euclidean cost, in units of the space.

    Parameters
    ----------
    kind
        ``exact``: optimal transport, cubic in the number of cells: of as many cells as there are others by the best
        one-to-one assignment (scipy), else by network simplex (POT's ``emd2``). ``sliced``: the
        mean over random directions of the distance in one dimension (POT), a lower bound of the exact distance and
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
    n, m = x.shape[0], y.shape[0]
    if kind == EXACT and n == m:  # an optimal plan of equal masses is a permutation (Birkhoff)
        cost = cdist(x, y)
        return float(cost[linear_sum_assignment(cost)].mean()), ""
    import ot  # takes a second, with scikit-learn

    if kind == SLICED:
        return float(ot.sliced_wasserstein_distance(x, y, n_projections=n_projections, p=1, seed=seed % 2**32)), ""
    found, log = ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), cdist(x, y), numItermax=10_000_000, log=True)
    return float(found), str(log.get("warning") or "")


def energy(x: np.ndarray, y: np.ndarray) -> float:
    """Energy distance √(2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖) between the two samples as distributions, ≥ 0.

    It is a square root of lengths: if all distances double, it grows by √2. The means include the pairs of a cell with
    itself (V-statistic), as ``scipy.stats.energy_distance`` does in one dimension.

    Source: Székely and Rizzo 2013, Energy statistics: a class of statistics based on distances.
    """
    square = 2 * cdist(x, y).mean() - _mean_within(x) - _mean_within(y)
    return float(np.sqrt(max(square, 0.0)))


def _mean_within(x: np.ndarray) -> float:
    return float(2 * pdist(x).sum() / x.shape[0] ** 2)


def median_bandwidth(y: np.ndarray) -> float:
    """The median distance between two different cells, the usual width of the kernel; 1 if all cells are equal."""
    found = float(np.median(pdist(y))) if y.shape[0] > 1 else 0.0
    return found if found > 0 else 1.0


def mmd2(x: np.ndarray, y: np.ndarray, *, bandwidth: float) -> float:
    """Squared maximum mean discrepancy with kernel exp(−‖a − b‖² / 2 bandwidth²); **unbiased**, so it can be < 0.

    Parameters
    ----------
    bandwidth
        In units of the space; the same for all values to be compared: :func:`median_bandwidth` of the observed cells.

    Source: Gretton et al. 2012, A kernel two-sample test, Lemma 6; the median heuristic is theirs too.
    """
    n, m = x.shape[0], y.shape[0]
    scale = -0.5 / bandwidth**2
    within_x = 2 * np.exp(scale * pdist(x, "sqeuclidean")).sum() / (n * (n - 1))
    within_y = 2 * np.exp(scale * pdist(y, "sqeuclidean")).sum() / (m * (m - 1))
    return float(within_x + within_y - 2 * np.exp(scale * cdist(x, y, "sqeuclidean")).mean())
