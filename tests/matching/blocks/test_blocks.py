"""Laws that every storage of a plan keeps, against the same plan written out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.matching.blocks import (
    LARGEST_ARRAY,
    DenseBlock,
    PotentialBlock,
    SparseBlock,
    potential,
    uniform_block,
)
from psmatch_core.matching.blocks.composed import ComposedBlock
from psmatch_core.matching.blocks.potential import ENGINE_PAIRS
from psmatch_core.transport import SolveOptions, solve
from psmatch_core.transport.kernels.costs import distances, distances_by_products


def potential_block(n=23, m=17, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    result = solve(x, y, 0.2, options=SolveOptions(tolerance=1e-8))
    return PotentialBlock(x, y, result.f, result.g, 0.2, np.full(n, 1 / n), np.full(m, 1 / m))


def sparse_block(n=23, m=17, seed=0):
    P = sparse.random(n, m, density=0.2, random_state=seed, format="csr")
    P = sparse.csr_matrix(P / P.sum())
    return SparseBlock(P)


def block_of(kind):
    if kind == "dense":
        return DenseBlock(potential_block().to_array())
    if kind == "composed":
        return composed_block()
    return {"sparse": sparse_block, "potential": potential_block, "uniform": lambda: uniform_block(23, 17)}[kind]()


def composed_block():
    """Never formed whole, unlike what compose_blocks makes of so small a plan."""
    first, second = potential_block(23, 11, seed=3), potential_block(11, 17, seed=4)
    return ComposedBlock(first, second, 1 / second.marginals[0] / first.marginals[1].sum())


@pytest.fixture(params=["dense", "sparse", "potential", "uniform", "composed"])
def block(request):
    return block_of(request.param)


def normalised(P):
    sums = P.sum(axis=1, keepdims=True)
    return np.divide(P, sums, out=np.zeros_like(P), where=sums > 0)


def test_mass_is_1_and_nothing_is_negative(block):
    P = block.to_array()
    assert P.shape == block.shape == (23, 17)
    assert P.sum() == pytest.approx(1)
    assert (P >= 0).all()


def test_rows_are_rows_of_the_whole(block):
    assert np.allclose(block.rows(5, 9), block.to_array()[5:9])


def test_the_other_way_is_the_transpose_and_a_part_its_rows(block):
    P, rows = block.to_array(), np.array([7, 2, 20])
    assert np.allclose(block.T.to_array(), P.T)
    part = block.part(rows).to_array()
    assert np.allclose(part / part.sum(), P[rows] / P[rows].sum())
    assert part.sum() == pytest.approx(1, abs=1e-6)
    assert np.allclose(block.part(rows).T.to_array(), part.T)


def test_pull_and_push_are_adjoint(block):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(23, 2)), rng.normal(size=(17, 2))
    assert np.sum(x * block.pull(y)) == pytest.approx(np.sum(block.push(x) * y))
    assert np.allclose(block.pull(y), block.to_array() @ y)


def test_marginals_are_the_sums(block):
    P = block.to_array()
    assert np.allclose(block.marginals[0], P.sum(axis=1))
    assert np.allclose(block.marginals[1], P.sum(axis=0))


def test_the_mean_cost_is_that_of_a_unit_of_mass(block):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(23, 4)), rng.normal(size=(17, 4))
    C = np.linalg.norm(x[:, None] - y, axis=2)
    P = block.to_array()
    assert block.mean_cost(x, y, "euclidean") == pytest.approx((P * C).sum() / P.sum())
    assert block.mean_cost(x, y, "sqeuclidean") == pytest.approx((P * C**2).sum() / P.sum())


def test_entries_below_a_share_of_their_row_are_left_out(block):
    thin = sparse.vstack([matrix for _, matrix in block.sparse_rows(smallest=0.05)]).toarray()
    P = block.to_array()
    share = normalised(P)
    assert np.allclose(thin, np.where(share >= 0.05, P, 0))


def test_top_are_the_heaviest_in_order(block):
    index, weight = block.top(4)
    P = normalised(block.to_array())
    for row in range(23):
        best = np.sort(P[row])[::-1][:4]
        assert np.allclose(weight[row], best)
        real = index[row] >= 0
        assert np.allclose(P[row, index[row][real]], weight[row][real])
        assert (weight[row][~real] == 0).all()


def test_top_of_everything_sums_to_1(block):
    _, weight = block.top(100)
    has_mass = block.marginals[0] > 0
    assert np.allclose(weight.sum(axis=1), has_mass)


def test_effective_matches_lie_between_1_and_all(block):
    effective = block.n_effective
    has_mass = block.marginals[0] > 0
    assert (effective[has_mass] >= 1 - 1e-9).all()
    assert (effective <= 17 + 1e-9).all()
    assert (effective[~has_mass] == 0).all()


def test_samples_follow_the_row(block):
    drawn = block.sample(np.random.default_rng(2), 4000)
    P = normalised(block.to_array())
    row = int(np.argmax(block.marginals[0]))
    share = np.bincount(drawn[row], minlength=17) / 4000
    assert np.abs(share - P[row]).max() < 0.04
    assert (drawn[block.marginals[0] == 0] == -1).all()


def test_sparse_rows_put_together_are_the_plan(block):
    parts = sparse.vstack([matrix for _, matrix in block.sparse_rows()])
    assert np.allclose(parts.toarray(), block.to_array())
    thin = sparse.vstack([matrix for _, matrix in block.sparse_rows(top=2)])
    assert thin.getnnz(axis=1).max() <= 2


def test_a_cell_with_one_match_has_one_effective_match():
    identity = SparseBlock(sparse.identity(6, format="csr") / 6)
    assert np.allclose(identity.n_effective, 1)


def test_uniform_has_all_cells_as_effective_matches():
    assert np.allclose(uniform_block(5, 9).n_effective, 9)


def test_a_plan_too_large_for_one_array_is_refused_with_its_size():
    n = int(LARGEST_ARRAY**0.5) + 10
    with pytest.raises(PsmatchError, match=r"would take 0\.4 GB as one array") as caught:
        uniform_block(n, n).to_array()
    assert "rows(start, stop)" in caught.value.hint


def large_block(seed=0, epsilon=0.2, n=2100, m=2000):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 6)), rng.normal(size=(m, 6))
    result = solve(x, y, epsilon)
    return PotentialBlock(x, y, result.f, result.g, epsilon, result.a, result.b)


@pytest.mark.parametrize("epsilon", [0.05, 1.0], ids=["sparse", "spread"])
def test_the_engine_answers_for_a_large_plan_as_its_rows_do(epsilon):
    block = large_block(epsilon=epsilon)
    stored = DenseBlock(block.rows(0, block.shape[0]))
    assert block.shape[0] * block.shape[1] >= ENGINE_PAIRS
    values = np.random.default_rng(1).normal(size=(2000, 3))
    assert np.allclose(block.pull(values), stored.pull(values), atol=1e-4 / 2100)  # of a row of 1 / 2100
    assert np.allclose(block.push(block.x), stored.push(block.x), atol=1e-4 / 2000)
    assert np.abs(block.marginals[0] - stored.marginals[0]).sum() < 1e-4
    assert np.allclose(block.n_effective, stored.n_effective, rtol=5e-3)
    index, weight = block.top(3)
    expected_index, expected_weight = stored.top(3)
    assert (index == expected_index)[expected_weight > 1e-4].all()  # the rest may be left out
    assert np.allclose(weight, expected_weight, atol=1e-4)
    drawn = block.sample(np.random.default_rng(2), 4)
    assert (stored.rows(0, 2100)[np.arange(2100)[:, None], drawn] > 0).all()


@pytest.mark.parametrize("epsilon", [0.05, 1.0], ids=["sparse", "spread"])
def test_a_plan_that_is_asked_often_answers_the_same(epsilon):
    block = large_block(n=520, m=400, epsilon=epsilon)
    often = block.asked_often()
    values = np.random.default_rng(1).normal(size=(400, 3))
    assert block.shape[0] * block.shape[1] >= potential.OFTEN_PAIRS
    assert often._sums_by_engine is not None
    assert block._sums_by_engine is None
    assert np.allclose(often.pull(values), block.pull(values), atol=1e-4 / 520)
    assert np.allclose(often.push(block.x), block.push(block.x), atol=1e-4 / 400)
    assert np.abs(often.marginals[1] - block.marginals[1]).sum() < 1e-4
    assert np.array_equal(often.n_effective, block.n_effective)
    assert all(np.array_equal(*pair) for pair in zip(often.top(3), block.top(3), strict=True))
    sparse_plan = sparse_block()
    assert sparse_plan.asked_often() is sparse_plan


def test_only_the_large_plans_that_were_asked_last_keep_their_form_in_the_engine(monkeypatch):
    monkeypatch.setattr(potential, "ENGINE_PAIRS", 400)
    monkeypatch.setenv("PSMATCH_CORES", "1")
    blocks = [large_block(seed, n=25, m=20) for seed in range(5)]
    first, often = blocks[0], blocks[1].asked_often()
    often = replace(often, engine_pairs=100)
    values = np.ones((20, 1))
    before = [each.pull(values) for each in (first, often)]
    for each in blocks[2:]:
        each.pull(values)
    kept = [each for each in blocks if "_read_engine" in vars(each)]
    assert kept == blocks[-potential.PLANS_A_CORE :]
    assert "_read_engine" in vars(often)
    for each, expected in zip((first, often), before, strict=True):
        np.testing.assert_array_equal(each.pull(values), expected)  # made again, bit by bit the same
    assert "_read_engine" in vars(first)
    assert "_read_engine" not in vars(blocks[-2])


def test_a_large_plan_without_cost_is_the_product_of_its_masses(monkeypatch):
    draw = np.random.default_rng(0)
    block = replace(uniform_block(30, 20), a=draw.dirichlet(np.ones(30)), f=draw.normal(size=30))
    values, others = draw.normal(size=(20, 4)), draw.normal(size=(30, 4))
    by_rows = block.pull(values), block.push(others)
    monkeypatch.setattr(potential, "ENGINE_PAIRS", 600)
    large = replace(block)
    monkeypatch.setattr(PotentialBlock, "rows", None)  # no row is formed
    np.testing.assert_allclose(large.pull(values), by_rows[0], rtol=1e-12)
    np.testing.assert_allclose(large.push(others), by_rows[1], rtol=1e-12)


def test_sparse_rows_of_a_large_plan_hold_what_was_asked_for():
    block = large_block(epsilon=0.05)
    stored = DenseBlock(block.rows(0, block.shape[0]))
    mine = sparse.vstack([part for _, part in block.sparse_rows(smallest=1e-4)])
    truth = sparse.vstack([part for _, part in stored.sparse_rows(smallest=1e-4)])
    assert abs(mine - truth).max() < 1e-8
    assert mine.nnz == pytest.approx(truth.nnz, rel=1e-3)


def test_a_large_plan_with_broken_potentials_stays_broken():
    block = large_block()
    broken = replace(block, f=np.full(block.shape[0], np.nan))
    assert np.isnan(broken.marginals[0]).all()


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_large_plans_take_costs_by_products_which_are_those_of_the_points(monkeypatch, cost):
    block = replace(potential_block(), cost=cost)
    expected = block.rows(3, 20)
    monkeypatch.setattr(potential, "PRODUCT_PAIRS", 1)
    assert not np.array_equal(block.rows(3, 20), expected)  # another order of sums
    np.testing.assert_allclose(block.rows(3, 20), expected, rtol=1e-11)


def test_costs_by_products_of_points_far_from_the_origin_are_right():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(9, 5)) + 1000, draw.normal(size=(7, 5)) + 1000
    np.testing.assert_allclose(distances_by_products(x, y), distances(x, y), rtol=1e-10)
    assert (distances_by_products(x, x).diagonal() < 1e-5).all()
