"""How far one cloud of cells lies from another: five measures, each of two samples and nothing else.

All take ``x (n, d)`` and ``y (m, d)`` in the same space and give one number; 0 (or, for estimators that may fall
below it, about 0) where both are samples of the same distribution. How large "about" is at a given number of cells
is not for a formula to say: :mod:`psmatch_core.evaluation.distributions` measures it on two halves of the observed
cells.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist, pdist
from scipy.special import digamma

from psmatch_core.base.errors import PsmatchError

EXACT, SLICED = "exact", "sliced"
TOUCHING = 1e-12  # distances below this share of the samples' extent are rounding: the cells are the same


def l2_mean(x: np.ndarray, y: np.ndarray) -> float:
    """Euclidean length of the difference of the two means, in units of the space."""
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


def knn_kl(x: np.ndarray, y: np.ndarray, *, k: int = 5) -> float:
    """Kullback-Leibler divergence KL(x ‖ y) by k nearest neighbours, nats; infinite where x has no spread.

    Each point's density under its own sample is k over the volume that reaches its k-th neighbour there, under the
    other sample likewise; the mean log-ratio is corrected by digamma terms. It may fall a little below 0.

    Repeated cells have no density. Where the k-th neighbour lies at distance 0 the ball grows to the next distinct
    distance, and in either sample the cells that a ball really holds, ties included, are counted instead of k: the
    estimator with a count of each point's own. Repeats therefore raise the divergence, as they should, without
    making it infinite; one point alone repeated has no such distance: infinity.

    Parameters
    ----------
    k
        Neighbours; more smooths and biases, fewer scatters.

    Raises
    ------
    PsmatchError
        Where x has fewer than k + 1 cells, or y fewer than k.

    Source: Wang, Kulkarni and Verdú 2009, Divergence estimation for multidimensional densities via k-nearest-neighbor
    distances, the estimator with a k that differs by point; Pérez-Cruz 2008 for fixed k, where the terms in k cancel.
    """
    n, m, d = x.shape[0], y.shape[0], x.shape[1]
    if n <= k or m < k:
        raise PsmatchError(
            f"The divergence with {k} neighbours needs {k + 1} and {k} cells, got {n:,} and {m:,}.",
            hint="Lower the number of neighbours, or leave labels this small out.",
        )
    extent = float(np.ptp(np.concatenate([x, y]), axis=0).max(initial=0))
    if extent == 0:
        return 0.0  # both are the same single point
    own, n_own = _reach(x, x, k + 1, extent)  # the first neighbour of a cell in its own sample is itself
    other, n_other = _reach(x, y, k, extent)
    if not np.isfinite(own).all():
        return float("inf")
    # `other` is infinite only where y is one repeated point that this x sits on: as dense as it can be said to be.
    ratio = np.log(np.where(np.isfinite(other), other, extent)) - np.log(own)
    return float(d * ratio.mean() + np.mean(digamma(n_own - 1) - digamma(n_other)) + np.log(m / (n - 1)))


def _reach(x: np.ndarray, of: np.ndarray, k: int, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each x to its k-th neighbour, or to the first distinct one after it, and the cells within it."""
    tree = KDTree(of)
    distance = np.asarray(tree.query(x, k=[k])[0])[:, 0]
    for row in np.flatnonzero(distance <= TOUCHING * extent):  # seldom: cells that are repeated k times and more
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
        ``exact``: optimal transport by network simplex (POT's ``emd2``), cubic in the number of cells. ``sliced``:
        the mean over random directions of the distance in one dimension (POT), a lower bound of the exact one
        and smaller by a factor that grows with the dimension: the two kinds do not compare with each other.

    Returns
    -------
    The distance, and what must be known of it: empty where the solver proved its answer.

    Source: Bonneel et al. 2015 for the sliced one.
    """
    import ot  # loads slowly

    if kind == SLICED:
        return float(ot.sliced_wasserstein_distance(x, y, n_projections=n_projections, p=1, seed=seed % 2**32)), ""
    if kind != EXACT:
        raise PsmatchError(
            f"The 1-Wasserstein distance is {EXACT} or {SLICED}, got {kind!r}.", hint="Choose one of them."
        )
    n, m = x.shape[0], y.shape[0]
    found, log = ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), cdist(x, y), numItermax=10_000_000, log=True)
    return float(found), str(log.get("warning") or "")


def energy(x: np.ndarray, y: np.ndarray) -> float:
    """Energy distance √(2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖) of the two samples taken as distributions, ≥ 0.

    A square root of lengths: it grows by √2 where all distances double. The means run over all pairs, a cell
    with itself included (V-statistic), as ``scipy.stats.energy_distance`` has it in one dimension.

    Source: Székely and Rizzo 2013, Energy statistics: a class of statistics based on distances.
    """
    square = 2 * cdist(x, y).mean() - _mean_within(x) - _mean_within(y)
    return float(np.sqrt(max(square, 0.0)))


def _mean_within(x: np.ndarray) -> float:
    return float(2 * pdist(x).sum() / x.shape[0] ** 2)


def median_bandwidth(y: np.ndarray) -> float:
    """The median distance between two different cells, the usual width of the kernel; 1 where all are alike."""
    found = float(np.median(pdist(y))) if y.shape[0] > 1 else 0.0
    return found if found > 0 else 1.0


def mmd2(x: np.ndarray, y: np.ndarray, *, bandwidth: float) -> float:
    """Squared maximum mean discrepancy with kernel exp(−‖a − b‖² / 2 bandwidth²); **unbiased**, so it may be < 0.

    Parameters
    ----------
    bandwidth
        In units of the space: one for all that is to be compared, :func:`median_bandwidth` of the observed cells.

    Source: Gretton et al. 2012, A kernel two-sample test, Lemma 6; the median heuristic is theirs too.
    """
    n, m = x.shape[0], y.shape[0]
    scale = -0.5 / bandwidth**2
    within_x = 2 * np.exp(scale * pdist(x, "sqeuclidean")).sum() / (n * (n - 1))
    within_y = 2 * np.exp(scale * pdist(y, "sqeuclidean")).sum() / (m * (m - 1))
    return float(within_x + within_y - 2 * np.exp(scale * cdist(x, y, "sqeuclidean")).mean())
