"""Hashes of cell names: those of the longest part, whatever stands around it and whichever names are beside it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

from psmatch_core.data.checks.name_hashes import name_hashes
from psmatch_core.data.names.core_names import NAME_PARTS


def plain(name: str) -> int:
    """The same hash, character by character."""
    part = max(NAME_PARTS.split(name), key=len)
    found = 0xCBF29CE484222325
    for each in part:
        found = (found ^ ord(each)) * 0x100000001B3 % 2**64
    for mixer in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        found = (found ^ (found >> 33)) * mixer % 2**64
    return (found ^ (found >> 33)) >> 1


@settings(deadline=None)
@given(st.lists(st.text(max_size=30) | st.text("ACGT-_1é", max_size=90), max_size=20))
def test_all_names_at_once_have_the_hashes_of_each(names):
    assert name_hashes(names).tolist() == [plain(each) for each in names]


def test_short_endings_and_prefixes_change_nothing():
    names = ["ACGTACGTAA-1", "s1_ACGTACGTAA", "ACGTACGTAA", "ACGTACGTAA.x y"]
    assert len(set(name_hashes(names).tolist())) == 1
    assert name_hashes(["ACGTACGTAC"])[0] != name_hashes(names)[0]


def test_hashes_spread_evenly():
    hashes = name_hashes([f"cell{i}" for i in range(50_000)])
    assert (hashes >= 0).all()
    assert len(set(hashes.tolist())) == 50_000
    counts = np.histogram(hashes, bins=64, range=(0, 2.0**63))[0]
    assert abs(counts - 50_000 / 64).max() < 6 * np.sqrt(50_000 / 64)


def test_a_very_long_name_costs_its_own_length_only():
    names = [f"cell{i}" for i in range(30_000)] + ["A" * 1_000_000]  # a rectangle of them would take 120 GB
    found = name_hashes(names)
    assert found[-1] == plain("A" * 1_000_000)
    assert found[5] == plain("cell5")
