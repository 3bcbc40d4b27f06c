"""Random pairs: uniform marginals whatever the sizes, as few partners as that permits, one draw a seed."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.progress import silent
from psmatch_core.matching.matchers import RandomMatcher
from tests.matching.matchers.test_matchers import problem


def couple(given):
    return RandomMatcher().couple(given, progress=silent)[0]


@pytest.mark.parametrize("sizes", [(20, 20), (20, 13), (7, 20), (12, 18), (1, 5), (5, 1), (1, 1)])
def test_marginals_are_uniform_with_few_pairs(sizes):
    n, m = sizes
    block = couple(problem(n, m))
    assert np.allclose(block.marginals[0], 1 / n)
    assert np.allclose(block.marginals[1], 1 / m)
    assert block.P.nnz == n + m - np.gcd(n, m)


def test_equal_sizes_give_a_permutation():
    assert np.allclose(couple(problem()).P.data, 1 / 20)


def test_one_seed_one_draw():
    given = problem()
    first, again = couple(given).to_array(), couple(given).to_array()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, couple(replace(given, seed=1)).to_array())


def test_every_pair_is_as_likely():
    given = problem(3, 2)
    mean = np.mean([couple(replace(given, seed=seed)).to_array() for seed in range(600)], axis=0)
    assert np.allclose(mean, 1 / 6, atol=0.02)
