"""Labeled co-optimal transport: planted features are found, and each iteration lowers the objective."""

import numpy as np
import pytest

from psmatch_core.transport.joint.coot import feature_plan, label_costs, labeled_coot
from psmatch_core.transport.options import SolveOptions

FEATURES = 8


def planted(noise=0.1, seed=0, n=60, labels=3):
    """The same cells on both sides, the target's features in another order; the order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(FEATURES)
    x = [rng.normal(size=FEATURES) + rng.normal(size=(n, FEATURES)) for _ in range(labels)]
    y = [each[rng.permutation(n)][: n - 10 * k] for k, each in enumerate(x)]
    return x, [each[:, order] + noise * rng.normal(size=each.shape) for each in y], order


@pytest.mark.parametrize("epsilon", [0.2, 0.0])
def test_a_planted_order_of_features_is_recovered(epsilon):
    x, y, order = planted()
    found = labeled_coot(x, y, epsilon, epsilon)
    assert found.converged
    assert (found.features.dense().argmax(axis=0) == order).all()


def test_exact_plans_of_cells_and_features_are_permutations():
    x, y, order = planted(noise=0.01)
    found = labeled_coot(x, y, 0.0, 0.0)
    assert np.allclose(found.features.dense().max(axis=0), 1 / FEATURES)
    assert (found.plans[0].matrix.getnnz(axis=1) == 1).all()
    cost = ((x[0][:, order][:, None] - y[0][None]) ** 2).sum(axis=2)
    assert found.plans[0].matrix.multiply(cost).sum() == pytest.approx(cost.min(axis=1).mean())


@pytest.mark.parametrize("epsilon", [0.5, 0.0])
def test_energy_is_that_of_the_definition_and_never_rises(epsilon):
    x, y, _ = planted(noise=1.0)
    masses = np.array([0.5, 0.3, 0.2])
    found = labeled_coot(x, y, epsilon, epsilon, masses=masses, max_iterations=30, options=SolveOptions(1e-7))
    assert (np.diff(found.energies) <= 1e-6).all()
    V = found.features.dense()
    total = found.features.epsilon * found.features.divergence
    for mass, plan, a, b in zip(masses, found.plans, x, y, strict=True):
        T = plan.rows(0, len(a)) if epsilon else plan.matrix.toarray()
        cost = ((a[:, None, :, None] - b[None, :, None, :]) ** 2).reshape(len(a), len(b), -1) @ V.ravel()
        total += mass * np.sum(cost * T)
        if epsilon:
            total += mass * plan.epsilon * np.sum(T * np.log(T * T.size))
    assert found.energies[-1] == pytest.approx(total, abs=1e-4)


def test_the_labels_costs_make_the_objective():
    x, y, _ = planted(noise=1.0)
    masses = np.array([0.5, 0.3, 0.2])
    found = labeled_coot(x, y, 0.5, 0.5, masses=masses, max_iterations=300, options=SolveOptions(1e-7))
    parts = label_costs(x, y, [plan.pull for plan in found.plans], 0.5, masses=masses, options=SolveOptions(1e-7))
    V = found.features.dense()
    for part, plan, a, b in zip(parts, found.plans, x, y, strict=True):
        cost = ((a[:, None, :, None] - b[None, :, None, :]) ** 2).reshape(len(a), len(b), -1) @ V.ravel()
        assert part == pytest.approx(np.sum(cost * plan.rows(0, len(a))), rel=1e-4)


def test_equal_costs_give_no_result():
    assert labeled_coot([np.ones((3, 2))], [np.ones((4, 5))], 0.1, 0.1) is None


def test_one_label_starts_from_its_cells():
    x, y, _ = planted(labels=1)
    found = labeled_coot(x, y, 0.5, 0.5)
    assert found is not None
    assert found.features.V.sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("epsilon", [0.05, 0.0])
def test_feature_plan_is_the_optimal_transport_that_pot_finds(epsilon):
    import ot

    gain = np.random.default_rng(2).normal(size=(9, 6))
    a, b = np.full(9, 1 / 9), np.full(6, 1 / 6)
    mine = feature_plan(gain, epsilon, options=SolveOptions(1e-8)).dense()
    theirs = (
        ot.sinkhorn(a, b, -2 * gain, epsilon, method="sinkhorn_log", numItermax=5000)
        if epsilon
        else ot.emd(a, b, -2 * gain)
    )
    assert np.allclose(mine, theirs, atol=1e-6)
