"""Distances between clouds: analytic answers, scipy's in one dimension, symmetry, translation, scaling, duplicates."""

import numpy as np
import pytest
from scipy.stats import energy_distance, wasserstein_distance

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation import distances
from psmatch_core.evaluation.distances import Cloud, Clouds


def between(measure):
    return lambda x, y, **more: measure(Clouds.of(x, y), **more)


l2_mean, knn_kl, wasserstein1 = map(between, (distances.l2_mean, distances.knn_kl, distances.wasserstein1))
energy, mmd2 = map(between, (distances.energy, distances.mmd2))

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 3)), RNG.normal(loc=0.7, scale=1.4, size=(90, 3))
SYMMETRIC = {
    "l2_mean": l2_mean,
    "w1": lambda x, y: wasserstein1(x, y)[0],
    "w1 sliced": lambda x, y: wasserstein1(x, y, kind="sliced", seed=3)[0],
    "energy": energy,
    "mmd2": lambda x, y: mmd2(x, y, bandwidth=1.3),
}
ALL = {**SYMMETRIC, "kl": knn_kl}


@pytest.mark.parametrize(("scale", "shift"), [(0.6, 0.0), (0.6, 1.0), (1.0, 0.0), (1.0, 1.0), (1.3, 0.0)])
def test_kl_of_gaussians_is_the_analytic_one(scale, shift):
    rng = np.random.default_rng(1)
    n, d = 4000, 2
    x, y = rng.normal(size=(n, d)) * scale + shift, rng.normal(size=(n, d))
    analytic = d * (-np.log(scale) + (scale**2 + shift**2 - 1) / 2)
    assert knn_kl(x, y, k=5) == pytest.approx(analytic, abs=0.06 + 0.08 * analytic)


@pytest.mark.parametrize("n", [(50, 50), (80, 33)])
def test_one_dimension_agrees_with_scipy(n):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=n[0]), rng.gamma(2.0, size=n[1])
    assert wasserstein1(x[:, None], y[:, None])[0] == pytest.approx(wasserstein_distance(x, y), rel=1e-9)
    assert wasserstein1(x[:, None], y[:, None], kind="sliced")[0] == pytest.approx(wasserstein_distance(x, y), rel=1e-6)
    assert energy(x[:, None], y[:, None]) == pytest.approx(energy_distance(x, y), rel=1e-9)


def test_w1_of_as_many_cells_is_the_cost_that_network_simplex_finds():
    import ot

    rng = np.random.default_rng(5)
    for n, d in ((1, 1), (7, 3), (60, 20)):
        x, y = rng.normal(size=(n, d)), np.round(rng.normal(size=(n, d)), 1)
        theirs = ot.emd2(np.full(n, 1 / n), np.full(n, 1 / n), ot.dist(x, y, metric="euclidean"))
        assert wasserstein1(x, y)[0] == pytest.approx(theirs, rel=1e-12)
        assert wasserstein1(np.repeat(x, 2, axis=0), y)[0] == pytest.approx(theirs, rel=1e-9)  # another way: n and 2n


def test_sliced_w1_is_that_of_pot():
    import ot

    rng = np.random.default_rng(8)
    for n, m, d in ((40, 40, 3), (30, 41, 20), (7, 7, 1)):
        x, y = rng.normal(size=(n, d)), np.round(rng.normal(size=(m, d)), 1)
        theirs = ot.sliced_wasserstein_distance(x, y, n_projections=50, p=1, seed=4)
        assert wasserstein1(x, y, kind="sliced", n_projections=50, seed=4)[0] == pytest.approx(theirs, rel=1e-12)


def test_the_divergence_by_all_distances_is_that_by_a_tree():
    from scipy.spatial import KDTree

    rng = np.random.default_rng(9)
    x, y, k = rng.normal(size=(150, 6)), rng.normal(size=(110, 6)) * 1.2, 4
    own, other = KDTree(x).query(x, k=[k + 1])[0], KDTree(y).query(x, k=[k])[0]
    expected = 6 * np.mean(np.log(other / own)) + np.log(110 / 149)  # no ties: the terms in k cancel
    assert knn_kl(x, y, k=k) == pytest.approx(expected, rel=1e-10)


def test_a_reference_measured_once_gives_what_each_pair_of_clouds_gives():
    reference = Cloud(Y)
    for x in (X, 2 * X):
        shared, alone = Clouds(Cloud(x), reference), Clouds.of(x, Y)
        assert distances.energy(shared) == distances.energy(alone)
        assert distances.mmd2(shared, bandwidth=2.0) == distances.mmd2(alone, bandwidth=2.0)


def test_w1_of_shifted_gaussians_is_the_shift():
    x = np.random.default_rng(3).normal(size=(2000, 1))
    y = np.random.default_rng(4).normal(size=(2000, 1)) + 1.5
    assert wasserstein1(x, y, kind="sliced")[0] == pytest.approx(1.5, abs=0.08)


def test_w1_of_a_translated_cloud_is_the_length_of_the_way_and_sliced_is_below_it():
    step = np.array([3.0, 0.0, 4.0])
    assert wasserstein1(X, X + step)[0] == pytest.approx(5, rel=1e-9)
    assert wasserstein1(X, Y, kind="sliced")[0] < wasserstein1(X, Y)[0]
    assert l2_mean(X, X + step) == pytest.approx(5)


def test_mmd_is_the_unbiased_formula_summed_by_hand():
    x, y = X[:7], Y[:5]

    def kernel(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * 1.3**2))

    xx = np.mean([kernel(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    yy = np.mean([kernel(y[i], y[j]) for i in range(5) for j in range(5) if i != j])
    xy = np.mean([kernel(a, b) for a in x for b in y])
    assert mmd2(x, y, bandwidth=1.3) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


def test_mmd_of_two_samples_of_one_distribution_is_zero_on_average():
    rng = np.random.default_rng(5)
    values = [mmd2(*rng.normal(size=(2, 30, 2)), bandwidth=1.0) for _ in range(300)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)
    assert min(values) < 0


@pytest.mark.parametrize("name", SYMMETRIC)
def test_all_but_the_divergence_are_symmetric(name):
    assert SYMMETRIC[name](X, Y) == pytest.approx(SYMMETRIC[name](Y, X), rel=1e-9)


def test_the_divergence_is_not_symmetric():
    assert abs(knn_kl(X, Y) - knn_kl(Y, X)) > 0.1


@pytest.mark.parametrize("name", ["l2_mean", "w1", "w1 sliced", "energy"])
def test_the_same_cells_are_at_distance_zero(name):
    assert ALL[name](X, X[::-1]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_moving_both_clouds_alike_changes_nothing(name):
    step = np.array([5.0, -3.0, 0.5])
    assert ALL[name](X + step, Y + step) == pytest.approx(ALL[name](X, Y), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("name", "power"), [("l2_mean", 1), ("w1", 1), ("w1 sliced", 1), ("energy", 0.5), ("kl", 0)])
def test_scaling_laws(name, power):
    assert ALL[name](4 * X, 4 * Y) == pytest.approx(4**power * ALL[name](X, Y), rel=1e-7)


def test_mmd_scales_with_its_bandwidth():
    assert Cloud(4 * Y).bandwidth == pytest.approx(4 * Cloud(Y).bandwidth)
    assert mmd2(4 * X, 4 * Y, bandwidth=4.0) == pytest.approx(mmd2(X, Y, bandwidth=1.0))


def test_repeated_cells_leave_the_divergence_finite_and_raise_it():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(500, 2)) * 0.7, rng.normal(size=(500, 2))
    once = knn_kl(x, y)
    few = knn_kl(np.concatenate([x, x[:25]]), y)
    many = knn_kl(np.repeat(x[:100], 8, axis=0), y)  # every cell more often than k
    assert few == pytest.approx(once, abs=0.1)
    assert once + 0.3 < many < np.inf


def test_one_repeated_cell_has_no_density():
    assert knn_kl(np.zeros((20, 3)), X) == np.inf
    assert knn_kl(np.ones((20, 3)), np.ones((9, 3))) == 0
    assert np.isfinite(knn_kl(X, np.zeros((20, 3))))


def test_too_few_cells_for_the_neighbours_are_refused():
    with pytest.raises(PsmatchError, match="5 neighbours needs 6 and 5 cells, got 5 and 90"):
        knn_kl(X[:5], Y, k=5)


def test_an_unknown_kind_is_refused():
    with pytest.raises(PsmatchError, match="exact or sliced, got 'fast'"):
        wasserstein1(X, Y, kind="fast")


def test_no_spread_has_bandwidth_one():
    assert Cloud(np.zeros((5, 2))).bandwidth == Cloud(np.zeros((1, 2))).bandwidth == 1
