"""Cycle consistency: 1 where modalities agree, that of a uniform plan where they do not, and where it says nothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.blocks import DenseBlock, uniform_block
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.matching.several import BARYCENTER, REFERENCE, match_several
from psmatch_core.monitor.cycle_consistency import (
    CycleConsistency,
    cycle_consistency,
    row_overlaps,
    turned_positions,
)
from tests.conftest import make_modality

LABELS = tuple("ABCDEFGHIJKL")


def model(name, scores, cells):
    """Cells at given positions ``(n, d)``, whose features are these positions."""
    modality = replace(cells.modality.with_features(scores, [f"d{i}" for i in range(scores.shape[1])]), name=name)
    return replace(cells, modality=modality, logits=scores)


@pytest.fixture(scope="module")
def cells():
    return fit_propensity(make_modality("RNA", n=240, labels=LABELS, seed=1), LinearClassifier(strength=0.05))


def three(cells, *positions):
    return {name: model(name, each, cells) for name, each in zip(("RNA", "ADT", "ATAC"), positions, strict=True)}


def noise(cells, d, seed):
    return np.random.default_rng(seed).normal(size=(cells.modality.n_cells, d))


def test_identical_modalities_are_consistent_up_to_epsilon(cells):
    x = noise(cells, 11, 0)
    found = []
    for epsilon in (0.2, 0.05, 0.01):
        couplings = match_several(three(cells, x, x, x), SinkhornMatcher(epsilon=epsilon))
        found.append(cycle_consistency(couplings).mean("shared_mass"))
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.98


def test_a_way_through_a_uniform_plan_is_worth_what_a_uniform_plan_is(cells):
    x = noise(cells, 11, 0)
    couplings = match_several(three(cells, x, x, x), SinkhornMatcher(epsilon=0.05))
    uniform = match_several(three(cells, x, x, x), UniformMatcher())
    mixed = {**couplings.solved, ("ADT", "ATAC"): uniform.solved["ADT", "ATAC"]}
    found = cycle_consistency(replace(couplings, solved=mixed))
    rows = [row for row in found.rows if (row.source, row.through, row.target) == ("RNA", "ATAC", "ADT")]
    for row in rows:
        assert row.shared_mass == pytest.approx(row.shared_mass_uniform, abs=1e-6)
    np.testing.assert_allclose(found.cells["RNA", "ATAC", "ADT"], 0, atol=1e-5)
    assert np.isnan(
        found.cells["ADT", "RNA", "ATAC"]
    ).all()  # the direct plan is uniform: nothing to be consistent with


@pytest.mark.parametrize("d", [2, 11, 60])
def test_unrelated_positions_are_as_consistent_as_turned_ones(cells, d):
    """Noise in one space is consistent to a degree that its dimensions decide, and no more."""
    found = cycle_consistency(match_several(three(cells, *(noise(cells, d, seed) for seed in range(3)))))
    assert found.mean("agreement") == pytest.approx(found.mean("agreement_turned"), abs=0.06)
    assert found.mean("shared_mass") == pytest.approx(found.mean("shared_mass_turned"), abs=0.03)


def test_modalities_of_one_meaning_are_more_consistent_than_turned_ones(cells):
    """Though turned ones are consistent too: where two modalities are alike, the way through any third leads back."""
    z = noise(cells, 11, 0)
    found = cycle_consistency(match_several(three(cells, *(z + 0.3 * noise(cells, 11, seed) for seed in (1, 2, 3)))))
    assert found.mean("agreement") > found.mean("agreement_turned") + 0.1
    assert found.mean("shared_mass") > found.mean("shared_mass_turned") + 0.1


def test_in_one_dimension_all_is_consistent_whatever_it_means(cells):
    """Transport along a line sorts both sides: why consistency proves nothing with two labels."""
    sharp = SinkhornMatcher(epsilon=0.01)
    found = cycle_consistency(match_several(three(cells, *(noise(cells, 1, seed) for seed in range(3))), sharp), sharp)
    assert found.mean("agreement") > 0.95
    assert found.mean("agreement_turned") > 0.95


def test_a_turn_keeps_the_shape_of_a_label(cells):
    models = list(three(cells, *(noise(cells, 5, seed) for seed in range(3))).values())
    turned = turned_positions(*models, seed=0)
    for index in range(len(LABELS)):
        mine = models[1].y == index
        before, after = models[1].space[mine], turned[mine]
        np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), atol=1e-9)
        np.testing.assert_allclose(pdist(after), pdist(before), atol=1e-9)
    assert np.abs(turned - models[1].space).max() > 0.1


def test_composed_plans_are_not_compared_with_themselves(cells):
    x = noise(cells, 3, 0)
    models = three(cells, x, x, x)
    assert cycle_consistency(match_several(models, plans=REFERENCE)) is None
    assert cycle_consistency(match_several(models, plans=BARYCENTER)) is None
    assert cycle_consistency(match_several({name: models[name] for name in ("RNA", "ADT")})) is None


def test_overlaps_of_rows_have_their_known_values():
    one = DenseBlock(np.array([[0.5, 0.0], [0.25, 0.25]]))
    other = DenseBlock(np.array([[0.0, 0.5], [0.5, 0.0]]))
    shared, uniform = row_overlaps(one, other)
    np.testing.assert_allclose(shared, [0, 0.5])
    np.testing.assert_allclose(uniform, [0.5, 1])
    np.testing.assert_allclose(row_overlaps(one, one)[0], 1)
    np.testing.assert_allclose(row_overlaps(one, uniform_block(2, 2))[0], uniform)


def test_a_cell_without_a_match_has_no_consistency():
    one = DenseBlock(np.array([[0.0, 0.0], [0.5, 0.5]]))
    assert np.isnan(row_overlaps(one, one)[0][0])


def test_the_table_has_a_row_for_each_label_and_way(cells):
    x = noise(cells, 11, 0)
    found = cycle_consistency(match_several(three(cells, x, x, x)))
    assert len(found.table) == 3 * len(LABELS)
    assert found.of_cells("RNA", "ADT").shape == (240,)
    assert repr(found).startswith("CycleConsistency(3 ways: agreement 1.00 (turned ")


def test_overlaps_of_rows_with_more_targets_than_cells_are_compared_with_an_even_row_of_targets():
    one = DenseBlock(np.array([[0.5, 0.0, 0.0, 0.0], [0.125, 0.125, 0.25, 0.0]]))
    other = DenseBlock(np.array([[0.25, 0.0, 0.25, 0.0], [0.0, 0.0, 0.0, 0.5]]))
    shared, uniform = row_overlaps(one, other)
    np.testing.assert_allclose(shared, [0.5, 0])
    np.testing.assert_allclose(uniform, [0.25, 0.75])
    np.testing.assert_allclose(row_overlaps(one, uniform_block(2, 4))[0], uniform)


def test_along_a_line_half_of_the_labels_are_mirrored_and_half_stay(cells):
    """An even draw of turns: in one dimension there are two, each as likely."""
    models = list(three(cells, *(noise(cells, 1, seed) for seed in range(3))).values())
    n_mirrored = 0
    for seed in range(10):
        turned = turned_positions(*models, seed=seed)
        for index in range(len(LABELS)):
            mine = models[1].y == index
            before, after = (each[mine] - each[mine].mean() for each in (models[1].space, turned))
            sign = np.sign(before[0] * after[0])
            np.testing.assert_allclose(after, sign * before, atol=1e-9)
            n_mirrored += int(sign[0] < 0)
    assert 40 <= n_mirrored <= 80  # 60 of 120, with a standard deviation of 5.5


def test_a_row_counts_as_many_cells_as_the_source_has_and_means_weigh_by_them():
    """Three modalities of 70, 50 and 61 cells, labels of unequal sizes."""
    names = {"RNA": (70, "AAABBC"), "ADT": (50, "ABBC"), "ATAC": (61, "ABC")}
    sides = {name: make_modality(name, n=n, labels=tuple(labels), seed=n) for name, (n, labels) in names.items()}
    models = {name: fit_propensity(side, LinearClassifier(strength=0.05)) for name, side in sides.items()}
    found = cycle_consistency(match_several(models))
    assert len(found.rows) == 9
    for row in found.rows:
        assert row.n_cells == sides[row.source].label_counts[row.label]
    expected = np.average(found.table["shared_mass"], weights=found.table["n_cells"])
    assert found.mean("shared_mass") == pytest.approx(expected)
    for (source, _, _), of_cells in found.cells.items():
        assert of_cells.shape == (sides[source].n_cells,)


def test_the_consistency_of_a_cell_with_a_target_is_the_mean_over_the_ways_to_it():
    nan = np.nan
    ways = {
        ("a", "b", "d"): [1.0, nan, 0.5, nan], ("a", "c", "d"): [0.5, 0.25, nan, nan], ("a", "b", "c"): [-1.0] * 4,
        ("b", "a", "d"): [-1.0] * 2, ("b", "c", "d"): [0.0, 1.0],
    }  # fmt: skip
    found = CycleConsistency((), {way: np.array(values) for way, values in ways.items()})
    np.testing.assert_allclose(found.of_cells("a", "d"), [0.75, 0.25, 0.5, nan])
    np.testing.assert_allclose(found.of_cells("b", "d"), [-0.5, 0.0])
    assert np.isnan(found.mean("agreement"))
