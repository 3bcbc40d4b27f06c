"""Which physical cells stand on both sides: those whose id both modalities have; equal names alone are no pairs."""

from dataclasses import replace

import numpy as np

from psmatch_core.matching.match import known_ids
from psmatch_core.matching.matchers.known_pairs import true_pairs
from tests.conftest import make_modality


def two_sides(ids, other_ids):
    """The same cells by name on both sides, with these ids of physical cells."""
    source, target = make_modality("RNA", n=30), make_modality("ADT", n=30, n_features=5)
    return replace(source, pair_ids=ids), replace(target, pair_ids=other_ids)


def test_equal_names_alone_are_no_pairs():
    column = np.array([f"pair {cell}" for cell in range(30)])
    for ids in ((None, None), (column, None), (None, column)):
        assert known_ids(*two_sides(*ids)) is None


def test_ids_on_both_sides_are_used_and_not_the_names():
    column = np.array([f"pair {cell}" for cell in range(30)])
    turned = column[::-1].copy()
    found = known_ids(*two_sides(column, turned))
    assert found is not None
    assert [each.tolist() for each in found] == [column.tolist(), turned.tolist()]


def test_no_cell_on_both_sides_is_no_known_pair():
    column = np.array([f"pair {cell}" for cell in range(30)])
    assert known_ids(*two_sides(column, np.char.add("other ", column))) is None
    assert known_ids(*two_sides(np.full(30, ""), np.full(30, ""))) is None


def test_an_empty_id_names_no_cell():
    rows, columns = true_pairs(np.array(["", "a", "", "b"]), np.array(["b", "", "", "a"]))
    assert (rows.tolist(), columns.tolist()) == ([1, 3], [3, 0])
