"""Which physical cells stand on both sides: by the pair columns where both sides have one, else by the cells' names."""

from dataclasses import replace

import numpy as np

from psmatch_core.matching.match import known_ids
from tests.conftest import make_modality


def two_sides():
    """The same cells by name on both sides."""
    source = make_modality("RNA", n=30)
    target = make_modality("ADT", n=30, n_features=5)
    return source, replace(target, obs_names=source.obs_names)


def test_a_pair_column_on_one_side_alone_is_not_used():
    source, target = two_sides()
    column = np.array([f"pair {cell}" for cell in range(30)])
    for sides in ((replace(source, pair_ids=column), target), (source, replace(target, pair_ids=column))):
        found = known_ids(*sides)
        assert found is not None
        assert [each.tolist() for each in found] == [source.obs_names.tolist()] * 2


def test_pair_columns_on_both_sides_are_used_and_not_the_names():
    source, target = two_sides()
    column = np.array([f"pair {cell}" for cell in range(30)])
    turned = column[::-1].copy()
    found = known_ids(replace(source, pair_ids=column), replace(target, pair_ids=turned))
    assert found is not None
    assert [each.tolist() for each in found] == [column.tolist(), turned.tolist()]


def test_no_cell_on_both_sides_is_no_known_pair():
    source, target = two_sides()
    strangers = replace(target, obs_names=np.char.add("other ", target.obs_names))
    assert known_ids(source, strangers) is None
