"""Labels told apart: a coin for equal scores, one for separated ones, and groups that are planted are found."""

import numpy as np
import pytest

from psmatch_core.classification.label_similarity import alike_groups, label_families, likeness_tree, pairwise_auc


def planted(groups, n=60, seed=0):
    """Held-out logits in which labels of one group look the same."""
    rng = np.random.default_rng(seed)
    n_labels = sum(map(len, groups))
    group_of = {label: index for index, group in enumerate(groups) for label in group}
    y = np.repeat(np.arange(n_labels), n)
    logits = rng.normal(size=(y.size, n_labels))
    for cell, label in enumerate(y):
        for other in range(n_labels):
            logits[cell, other] += 4.0 * (group_of[other] == group_of[label])
    return logits, y


def test_planted_groups_are_found_and_nothing_else():
    logits, y = planted([[0, 3, 4], [1], [2, 5]])
    assert alike_groups(pairwise_auc(logits, y)) == [[0, 3, 4], [2, 5]]


def test_labels_that_are_told_form_no_group():
    logits, y = planted([[0], [1], [2]])
    assert alike_groups(pairwise_auc(logits, y)) == []


def test_noise_is_one_group():
    logits, y = planted([[0, 1, 2, 3]])
    assert alike_groups(pairwise_auc(logits, y)) == [[0, 1, 2, 3]]


def test_area_of_a_known_order():
    logits = np.array([[1.0, 0], [3, 0], [2, 0], [0, 0]])
    area = pairwise_auc(logits, np.array([0, 0, 1, 1]))
    assert area[0, 1] == area[1, 0] == pytest.approx(0.75)
    assert np.isnan(area[0, 0])


def test_area_ignores_what_is_added_to_a_cell_or_a_label_and_counts_ties_half():
    logits, y = planted([[0, 1], [2]])
    rng = np.random.default_rng(1)
    moved = logits + rng.normal(size=(y.size, 1)) + np.array([3.0, -2, 0])
    assert np.allclose(pairwise_auc(logits, y), pairwise_auc(moved, y), equal_nan=True)
    flat = pairwise_auc(np.zeros((6, 3)), np.array([0, 0, 1, 1, 2, 2]))
    assert np.allclose(flat[~np.eye(3, dtype=bool)], 0.5)


def test_a_label_without_cells_joins_no_group():
    logits, y = planted([[0, 1], [2]])
    area = pairwise_auc(logits[y != 2], y[y != 2])
    assert np.isnan(area[2]).all()
    assert alike_groups(area) == [[0, 1]]


def test_labels_told_worse_than_by_a_coin_are_as_alike_as_by_a_coin():
    area = np.full((4, 4), np.nan)
    for (a, b), value in {(0, 1): 0.2, (2, 3): 0.4, (0, 2): 0.9, (0, 3): 0.8, (1, 2): 0.9, (1, 3): 0.8}.items():
        area[a, b] = area[b, a] = value
    tree = likeness_tree(area)
    assert tree[:, 2] == pytest.approx([0.5, 0.5, 0.85])
    assert np.array_equal(tree, likeness_tree(np.where(area < 0.5, 0.5, area)))
    assert alike_groups(area, below=0.49) == []


def test_families_are_numbered_by_size_whatever_the_order_of_the_labels():
    """Labels around three places: one, five and three of them."""
    place = np.repeat([0, 1, 2], [1, 5, 3])
    centres = np.array([[0.0, 0], [50, 0], [0, 90]])[place] + 0.1 * np.random.default_rng(0).normal(size=(9, 2))
    expected = np.array([2, 0, 1])[place]
    for order in (np.arange(9), np.arange(9)[::-1], np.random.default_rng(1).permutation(9)):
        assert label_families(centres[order], 3).tolist() == expected[order].tolist()
    assert label_families(centres, 9).tolist() == list(range(9))
