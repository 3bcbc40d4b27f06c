"""Labeled Gromov-Wasserstein agrees with the published implementation and obeys the laws of its definition."""

import tracemalloc

import numpy as np
import pytest

from psmatch_core.transport.joint.gromov import label_distortions, labeled_gromov
from psmatch_core.transport.joint.inner_products import balance_scales, cost_spread, factorize, largest_distance
from psmatch_core.transport.options import SolveOptions
from tests.conftest import SHARED

ORACLE = SHARED / "oracles" / "labeled_egw.npz"


def sides(sizes=((30, 20), (25, 35)), d_x=5, d_y=3, seed=0):
    rng = np.random.default_rng(seed)
    turn = rng.normal(size=(d_x, d_y))
    x, y = [], []
    for label, (n, m) in enumerate(sizes):
        middle = 2 * rng.normal(size=d_x) * (label + 1)
        x.append(middle + rng.normal(size=(n, d_x)))
        y.append((middle + rng.normal(size=(m, d_x))) @ turn)
    return x, y


def whole(found):
    """The joint plan, written out."""
    shapes = [plan.shape for plan in found.plans]
    T = np.zeros((sum(n for n, _ in shapes), sum(m for _, m in shapes)))
    row = column = 0
    for mass, plan, (n, m) in zip(found.masses, found.plans, shapes, strict=True):
        T[row : row + n, column : column + m] = mass * plan.rows(0, n)
        row, column = row + n, column + m
    return T


def squared(points):
    points = np.concatenate(points)
    cost = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return cost / cost.max()


@pytest.mark.data
@pytest.mark.parametrize(("case", "tolerance"), [("equal", 1e-4), ("uneven", 1e-4), ("sharp", 2e-3)])
def test_equals_the_published_implementation(case, tolerance):
    if not ORACLE.exists():
        pytest.skip("the reference values are not beside this checkout (../shared/oracles)")
    with np.load(ORACLE) as file:
        X, Y, at_x, at_y = (file[f"{case}_{name}"] for name in ("X", "Y", "labels_x", "labels_y"))
        labels = range(at_x.max() + 1)
        masses = np.bincount(at_x) / at_x.size  # uniform marginals over all cells
        x, y = [X[at_x == label] for label in labels], [Y[at_y == label] for label in labels]
        found = labeled_gromov(x, y, float(file[f"{case}_epsilon"]), masses=masses, options=SolveOptions(1e-6))
        assert found.converged
        for label in labels:
            expected = file[f"{case}_T{label}"]
            mine = masses[label] * found.plans[label].rows(0, expected.shape[0])
            assert np.abs(mine - expected).sum() <= tolerance * expected.sum()


def test_one_label_is_plain_entropic_gromov_wasserstein():
    import ot

    x, y = sides(sizes=((40, 30),))
    mine = whole(labeled_gromov(x, y, 0.02, options=SolveOptions(1e-7)))
    # POT's gradient is twice that of the objective with ½
    theirs = ot.gromov.entropic_gromov_wasserstein(
        squared(x), squared(y), np.full(40, 1 / 40), np.full(30, 1 / 30), epsilon=0.04, max_iter=500, tol=1e-12
    )
    assert np.abs(mine - theirs).sum() < 1e-4


def test_energy_is_that_of_the_definition_and_never_rises():
    x, y = sides()
    found = labeled_gromov(x, y, 0.005, masses=[0.3, 0.7], options=SolveOptions(1e-8))
    assert found.iterations > 2
    assert (np.diff(found.energies) <= 1e-10).all()
    A, B, T = squared(x), squared(y), whole(found)
    p, q = T.sum(axis=1), T.sum(axis=0)
    distortion = (A**2 * p * p[:, None]).sum() + (B**2 * q * q[:, None]).sum() - 2 * np.sum(A @ T @ B * T)
    inside = np.zeros(T.shape)  # each label's KL against its own marginals
    start = np.cumsum([0] + [len(each) for each in x]), np.cumsum([0] + [len(each) for each in y])
    for k, mass in enumerate(found.masses):
        inside[start[0][k] : start[0][k + 1], start[1][k] : start[1][k + 1]] = mass
    positive = T > 0
    entropy = np.sum(T[positive] * np.log(T[positive] * inside[positive] / np.outer(p, q)[positive]))
    assert found.energies[-1] == pytest.approx(distortion / 2 + 0.005 * entropy, abs=1e-8)


def test_the_labels_shares_make_the_objective():
    x, y = sides()
    masses = np.array([0.3, 0.7])
    found = labeled_gromov(x, y, 0.005, masses=masses, options=SolveOptions(1e-8))
    pulls = [plan.pull for plan in found.plans]
    A, B, T = squared(x), squared(y), whole(found)
    p, q = T.sum(axis=1), T.sum(axis=0)
    distortion = (A**2 * p * p[:, None]).sum() + (B**2 * q * q[:, None]).sum() - 2 * np.sum(A @ T @ B * T)
    parts = label_distortions(x, y, pulls, masses=masses)
    assert masses @ parts == pytest.approx(distortion / 2, abs=1e-7)
    half = ((A[:, None, :, None] - B[None, :, None, :]) ** 2 * T[:, :, None, None] * T[None, None]).sum(axis=(2, 3)) / 2
    n, m = len(x[0]), len(y[0])
    assert parts[0] == pytest.approx(half[:n, :m].sum() / masses[0], abs=1e-7)


def test_cells_may_come_in_any_order():
    x, y = sides()
    turn = np.random.default_rng(4).permutation(len(y[1]))
    plain, turned = (labeled_gromov(x, each, 0.01, options=SolveOptions(1e-7)) for each in (y, [y[0], y[1][turn]]))
    assert np.abs(plain.plans[1].rows(0, 25)[:, turn] - turned.plans[1].rows(0, 25)).sum() < 1e-5


def test_distances_are_all_that_counts():
    """A rotation, a shift and a stretch of one side change nothing."""
    x, y = sides()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    moved = [7 * each @ rotation + 100 for each in y]
    a, b = (whole(labeled_gromov(x, side, 0.01, options=SolveOptions(1e-7))) for side in (y, moved))
    assert np.abs(a - b).sum() < 1e-5


def test_other_labels_enter():
    """The same cells in one label and others in the next give another plan, unlike label by label."""
    x, y = sides()
    alone = labeled_gromov(x[:1], y[:1], 0.002, options=SolveOptions(1e-6)).plans[0].rows(0, 30)
    together = labeled_gromov(x, y, 0.002, options=SolveOptions(1e-6)).plans[0].rows(0, 30)
    assert np.abs(alone - together).sum() > 0.1


def test_a_limit_of_iterations_is_reported_as_not_converged():
    x, y = sides()
    found = labeled_gromov(x, y, 0.0005, max_iterations=2, options=SolveOptions(1e-9))
    assert not found.converged
    assert found.iterations == 2
    assert found.change > 1e-9


def test_all_points_alike_give_the_uniform_plan():
    found = labeled_gromov([np.ones((4, 2)), np.ones((3, 2))], [np.ones((5, 3)), np.ones((2, 3))], 0.01)
    assert np.allclose(found.plans[0].rows(0, 4), 1 / 20)
    assert found.converged


def test_memory_is_that_of_a_label_and_not_of_all_pairs():
    """Four labels of 2,000 × 2,000 cells: 512 MB for all pairs, 128 MB for all pairs within labels, in float64."""

    def cells(seed):
        rng = np.random.default_rng(seed)
        return [rng.normal(size=(2000, 5)) + 3 * k for k in range(4)]

    x, y = cells(0), cells(1)
    tracemalloc.start()  # counts what numpy allocates, whatever the machine
    labeled_gromov(x, y, 0.001, max_iterations=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128e6


@pytest.mark.parametrize(("n", "d"), [(2, 3), (50, 1), (200, 40)])
def test_largest_distance_is_that_of_all_pairs(n, d):
    points = np.random.default_rng(n).normal(size=(n, d))
    assert largest_distance(points) == pytest.approx(
        np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2).max()), rel=1e-9
    )


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5)])
def test_any_matrix_is_a_table_of_inner_products(shape):
    gain = np.random.default_rng(0).normal(size=shape)
    u, v = balance_scales(*factorize(gain))
    assert np.allclose(u @ v.T, gain)
    both = gain - gain.mean(axis=0) - gain.mean(axis=1, keepdims=True) + gain.mean()
    assert cost_spread(u, v) == pytest.approx(2 * both.std())
