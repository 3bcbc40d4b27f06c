"""Which cells are compared: two halves that share no cell, and as many of the floor as of the translated."""

import numpy as np
import pytest

from psmatch_core.evaluation import distances
from psmatch_core.evaluation.compared_cells import Comparing, compared_cells
from psmatch_core.evaluation.distributions import FLOOR, compare_distributions
from psmatch_core.evaluation.reference_space import ReferenceSpace
from tests.conftest import make_modality

OBSERVED = make_modality("ADT", n=260, labels=("A", "A", "B", "C"), n_features=4, seed=1)  # 130, 65 and 65 cells
LABELS = np.repeat(["C", "A", "B"], [90, 24, 41])


def chosen(usable=None, seed=0, **settings):
    usable = np.ones(LABELS.size, dtype=bool) if usable is None else usable
    found, skipped = compared_cells(LABELS, usable, OBSERVED, Comparing(**settings), seed=seed)
    return {each.label: each for each in found}, skipped


@pytest.mark.parametrize(("most", "reference", "of_a"), [(2000, 65, 24), (40, 40, 24), (20, 20, 20)])
def test_the_floor_has_as_many_cells_as_are_translated_and_never_those_of_the_reference(most, reference, of_a):
    found, _ = chosen(most_cells=most)
    assert (found["A"].reference.size, found["A"].predicted.size) == (reference, of_a)
    for label, each in found.items():
        assert each.floor.size == each.predicted.size <= each.reference.size
        assert not np.intersect1d(each.floor, each.reference).size
        assert set(OBSERVED.labels[np.r_[each.floor, each.reference]]) == {label} == set(LABELS[each.predicted])
        for cells in (each.floor, each.reference, each.predicted):
            assert np.unique(cells).size == cells.size
        assert each.is_part == ((OBSERVED.labels == label).sum() // 2 > most)


def test_cells_without_a_translation_are_neither_compared_nor_counted():
    usable = np.ones(LABELS.size, dtype=bool)
    usable[np.flatnonzero(LABELS == "B")[:12]] = usable[np.flatnonzero(LABELS == "A")[:5]] = False
    found, skipped = chosen(usable)
    assert skipped == {"A": "19 translated and 130 observed cells; 20 of each are needed"}
    assert found["B"].predicted.size == found["B"].floor.size == 29
    assert usable[found["B"].predicted].all()


def test_the_cells_of_a_label_depend_on_the_seed_and_on_no_other_label():
    again, other = chosen()[0], chosen(seed=1)[0]
    for label, each in chosen()[0].items():
        assert np.array_equal(again[label].predicted, each.predicted)
        assert not np.array_equal(np.sort(other[label].reference), np.sort(each.reference))
    is_kept = LABELS != "C"
    without, _ = compared_cells(LABELS[is_kept], np.ones(65, dtype=bool), OBSERVED, Comparing(), seed=0)
    assert [each.label for each in without] == ["A", "B"]
    assert all(np.array_equal(each.reference, chosen()[0][each.label].reference) for each in without)


def test_every_candidate_is_measured_on_these_cells_with_the_kernel_of_the_reference():
    """A candidate three times as wide as the observed cells would have another kernel of its own."""
    wide = 3 * np.random.default_rng(0).normal(size=(LABELS.size, 4))
    result = compare_distributions({"wide": wide}, LABELS, OBSERVED, direction="target_to_source", seed=5)
    space, cells = ReferenceSpace.of(OBSERVED.X, Comparing().n_components), chosen(seed=5)[0]
    for row in result.per_label:
        each = cells[row.label]
        reference = distances.Cloud(space.place(OBSERVED.X[each.reference]))
        for name, cloud in (("wide", wide[each.predicted]), (FLOOR, OBSERVED.X[each.floor])):
            clouds = distances.Clouds(distances.Cloud(space.place(cloud)), reference)
            assert row.bandwidth == pytest.approx(reference.bandwidth)
            expected = distances.mmd2(clouds, bandwidth=reference.bandwidth)
            assert row.distances[name]["mmd2"] == pytest.approx(expected, rel=1e-9)
            assert row.distances[name]["energy"] == pytest.approx(distances.energy(clouds), rel=1e-9)
