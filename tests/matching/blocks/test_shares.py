"""Shares of a plan's rows, against the same plan written out."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.matching.blocks import shares_of_both
from tests.matching.blocks.test_blocks import block_of, normalised, potential_block

KINDS = ["dense", "sparse", "potential", "uniform", "composed"]


@pytest.mark.parametrize("kind", KINDS)
def test_shares_heaviest_and_effective_matches_are_those_of_the_plan_written_out(kind):
    block = block_of(kind)
    found, again = shares_of_both(block, block, 3, 19)
    rows = block.to_array()[3:19]
    expected = normalised(rows)
    assert np.allclose(found.shares, expected, atol=1e-7)
    assert np.allclose(found.n_effective, block.count_effective()[3:19], rtol=1e-5)
    has_mass = rows.sum(axis=1) > 0
    assert (found.best[~has_mass] == -1).all()
    heaviest = expected[has_mass, found.best[has_mass]]
    assert np.allclose(heaviest, expected[has_mass].max(axis=1), rtol=1e-5)
    assert np.array_equal(found.shares, again.shares)


def test_plans_on_the_same_points_and_on_others_answer_each_for_itself():
    first = potential_block()
    sharper, elsewhere = replace(first, epsilon=0.002), potential_block(seed=5)
    for other in (sharper, elsewhere):
        found = shares_of_both(first, other, 0, 23)
        for each, block in zip(found, (first, other), strict=True):
            assert np.allclose(each.shares, normalised(block.to_array()), atol=1e-5)


def test_a_cell_without_mass_or_with_a_broken_plan_has_no_match():
    block = potential_block()
    f, a = block.f.copy(), block.a.copy()
    f[1], f[2], a[3] = -np.inf, np.nan, 0.0
    found, _ = shares_of_both(replace(block, f=f, a=a), block, 0, 23)
    without = np.isin(np.arange(23), [1, 2, 3])
    assert np.array_equal(found.best == -1, without)
    assert np.array_equal(found.n_effective == 0, without)
    assert not found.shares[without].any()
    assert np.allclose(found.shares[~without].sum(axis=1), 1)


def test_entries_far_below_the_heaviest_count_as_nothing():
    block = replace(potential_block(), epsilon=1e-4)  # differences of thousands of nats
    found, _ = shares_of_both(block, block, 0, 23)
    assert np.isfinite(found.shares).all()
    assert np.allclose(found.shares.sum(axis=1), 1)
    assert (found.n_effective >= 1 - 1e-6).all()
