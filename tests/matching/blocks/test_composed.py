"""Plans one after the other: what must hold of their sums, and what they are by construction."""

import numpy as np
import pytest

from psmatch_core.matching.blocks import DenseBlock, SparseBlock, composed, uniform_block
from psmatch_core.matching.blocks.composed import ComposedBlock, compose_blocks
from tests.matching.blocks.test_blocks import potential_block, sparse_block


def permutation_block(order):
    n = order.size
    P = np.zeros((n, n))
    P[np.arange(n), order] = 1 / n
    return DenseBlock(P)


def test_the_sums_are_those_of_the_ends():
    first, second = potential_block(23, 11, seed=1), potential_block(11, 17, seed=2)
    found = compose_blocks(first, second)
    np.testing.assert_allclose(found.marginals[0], np.full(23, 1 / 23), atol=1e-7)
    np.testing.assert_allclose(found.marginals[1], np.full(17, 1 / 17), atol=1e-7)


def test_through_or_from_a_uniform_plan_all_is_uniform():
    sharp = potential_block(23, 11, seed=1)
    np.testing.assert_allclose(compose_blocks(sharp, uniform_block(11, 17)).to_array(), 1 / (23 * 17), rtol=1e-6)
    np.testing.assert_allclose(compose_blocks(uniform_block(9, 23), sharp).to_array(), 1 / (9 * 11), rtol=1e-6)


def test_permutations_compose_to_the_permutation_one_after_the_other():
    rng = np.random.default_rng(0)
    one, other = rng.permutation(12), rng.permutation(12)
    found = compose_blocks(permutation_block(one), permutation_block(other)).to_array()
    np.testing.assert_allclose(found, permutation_block(other[one]).P)


def test_three_plans_may_be_composed_in_either_order():
    plans = potential_block(23, 11, seed=1), potential_block(11, 17, seed=2), potential_block(17, 8, seed=3)
    left = compose_blocks(compose_blocks(plans[0], plans[1]), plans[2])
    right = compose_blocks(plans[0], compose_blocks(plans[1], plans[2]))
    np.testing.assert_allclose(left.to_array(), right.to_array(), atol=1e-9)


def test_a_middle_cell_without_mass_passes_on_nothing_and_the_rest_is_whole():
    first = DenseBlock(np.full((4, 3), 1 / 12))
    second = DenseBlock(np.array([[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]))
    found = compose_blocks(first, second)
    assert found.to_array().sum() == pytest.approx(1)
    np.testing.assert_allclose(found.to_array(), 1 / 8)
    nothing = compose_blocks(first, DenseBlock(np.zeros((3, 2)))).to_array()
    assert not nothing.any()


def test_a_large_plan_is_not_stored_and_answers_the_same(monkeypatch):
    first, second = sparse_block(23, 11, seed=1), potential_block(11, 17, seed=2)
    stored = compose_blocks(first, second)
    monkeypatch.setattr(composed, "LARGEST_STORED", 10)
    free = compose_blocks(first, second)
    assert isinstance(stored, DenseBlock)
    assert isinstance(free, ComposedBlock)
    np.testing.assert_allclose(free.to_array(), stored.to_array(), atol=1e-12)
    np.testing.assert_allclose(free.T.to_array(), stored.to_array().T, atol=1e-12)
    for mine, theirs in zip(free.top(3), stored.top(3), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    assert isinstance(first, SparseBlock)
