"""The summary of a plan from one pass agrees with the plan as a matrix."""

import numpy as np
import pytest

from psmatch_core.matching.blocks import PotentialBlock, SparseBlock, overview as blocks_overview
from psmatch_core.matching.blocks.heatmap_bins import block_means
from psmatch_core.matching.blocks.overview import overview
from psmatch_core.transport import solve
from psmatch_core.transport.kernels.summary import summarize_plan
from psmatch_core.transport.problem import Potentials


def solved(n, m, epsilon, cost="euclidean", seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 4)), rng.normal(size=(m, 4)) + 3
    found = solve(x, y, epsilon, cost=cost)
    return PotentialBlock(x, y, found.f, found.g, epsilon, np.full(n, 1 / n), np.full(m, 1 / m), cost=cost)


@pytest.mark.parametrize(("epsilon", "tolerance"), [(2.0, 1e-4), (0.05, 1e-3), (1e-4, 1e-6)])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_one_pass_agrees_with_the_matrix(epsilon, tolerance, cost):
    n, m, k = 133, 71, 4  # neither fills its leaves of 64
    block = solved(n, m, epsilon, cost)
    rng = np.random.default_rng(1)
    row_bins, column_bins = rng.integers(0, 7, n), rng.integers(0, 5, m)
    row_bins[:7], column_bins[:5] = np.arange(7), np.arange(5)
    found = summarize_plan(
        block.x, block.y, Potentials(block.f, block.g, epsilon), a=block.a, b=block.b,
        squared=cost == "sqeuclidean", row_bins=row_bins, column_bins=column_bins, k=k,
    )  # fmt: skip
    P = block.to_array()
    assert found.masses == pytest.approx(P.sum(axis=1), rel=tolerance)
    assert found.column_masses == pytest.approx(P.sum(axis=0), rel=tolerance, abs=1e-9)
    assert np.exp(found.entropies) == pytest.approx(block.n_effective, rel=tolerance)
    expected = np.eye(7)[row_bins].T @ P @ np.eye(5)[column_bins]
    assert found.bins == pytest.approx(expected, rel=tolerance, abs=1e-9)
    index, weight = block.top(k)
    assert found.top_share == pytest.approx(weight, rel=tolerance, abs=1e-6)
    clear = weight[:, 0] > 1.01 * weight[:, 1]
    assert (found.top_index[clear, 0] == index[clear, 0]).all()
    from psmatch_core.transport.kernels.costs import distances

    assert found.cost == pytest.approx(float((P * distances(block.x, block.y, cost)).sum()), rel=tolerance)


def test_cells_without_weight_take_no_part():
    block = solved(40, 30, 0.3)
    a = block.a.copy()
    a[3] = 0
    bins = np.zeros(40, dtype=int), np.zeros(30, dtype=int)
    found = summarize_plan(
        block.x, block.y, Potentials(block.f, block.g, 0.3), a=a, b=block.b, squared=False, row_bins=bins[0],
        column_bins=bins[1], k=2,
    )  # fmt: skip
    assert found.masses[3] == pytest.approx(0, abs=1e-30)
    assert np.isfinite(found.entropies).all()
    assert np.isfinite(found.cost)


@pytest.mark.parametrize("kind", ["potential", "sparse"])
def test_together_is_the_same_as_one_by_one(kind, monkeypatch):
    monkeypatch.setattr(blocks_overview, "SMALL", 1000)  # so that the one pass is taken
    block = solved(90, 60, 0.2)
    if kind == "sparse":
        from scipy import sparse

        block = SparseBlock(sparse.csr_matrix(block.to_array()))
    like = block_means(block, max_bins=20)
    found = overview(block, like, 3)
    assert found.means.means == pytest.approx(block_means(block, like=like, max_bins=20).means, rel=1e-3)
    assert found.n_effective == pytest.approx(block.n_effective, rel=1e-3)
    assert found.masses == pytest.approx(block.marginals[0], rel=1e-3)
    assert found.top_weight == pytest.approx(block.top(3)[1], rel=1e-3)
    assert (found.cost is None) == (kind == "sparse")
