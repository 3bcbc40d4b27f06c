"""Other maps: as the matching compared the cells, one label, the maps of the files, and a fair sample of each."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.map_choice import map_as_matched, map_of_label, own_maps
from psmatch_core.exploration.maps import map_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers.problem import aligned


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


def apart(xy):
    return np.linalg.norm(xy[:, None] - xy[None], axis=2)


@pytest.mark.parametrize("align", [True, False])
def test_distances_as_matched_are_those_of_the_costs_as_far_as_a_plane_holds_them(coupling, align):
    found = map_as_matched(coupling, ["B"], align=align)
    rows, columns = coupling.source_cells["B"], coupling.target_cells["B"]
    assert found.source_cells.tolist() == rows.tolist()
    assert found.target_cells.tolist() == columns.tolist()
    x, y = coupling.source.space[rows], coupling.target.space[columns]
    points = np.concatenate(aligned(x, y) if align else (x, y))  # centred logits of three labels lie in a plane
    assert apart(np.concatenate([found.source_xy, found.target_xy])) == pytest.approx(apart(points), abs=1e-3)


def test_labels_as_matched_lie_around_one_centre(coupling):
    found = map_as_matched(coupling, coupling.labels, align=True)
    assert np.all(np.diff(found.source_cells) > 0)
    assert found.source_cells.size == coupling.source.modality.n_cells
    for label in coupling.labels:
        own = coupling.source.modality.labels[found.source_cells] == label
        assert found.source_xy[own].mean(axis=0) == pytest.approx([0, 0], abs=1e-3)


def test_a_label_without_a_plan_has_no_map_as_matched(coupling):
    with pytest.raises(PsmatchError, match="There is no plan for label 'nowhere'"):
        map_as_matched(coupling, ["nowhere"], align=True)


def test_one_label_stays_at_its_places(models):
    whole = map_scores(*models)
    part = map_of_label(whole, models, "A")
    assert set(models[0].modality.labels[part.source_cells]) == {"A"}
    assert part.source_cells.size == (models[0].modality.labels == "A").sum()
    assert np.array_equal(part.target_xy, whole.target_xy[np.isin(whole.target_cells, part.target_cells)])


def test_a_map_of_one_label_is_drawn_from_its_cells_alone(models):
    found = map_scores(*models, label="A")
    for model, cells in zip(models, (found.source_cells, found.target_cells), strict=True):
        assert cells.tolist() == np.flatnonzero(model.modality.labels == "A").tolist()
    both = np.concatenate([found.source_xy, found.target_xy])
    assert both.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)


def test_each_modality_lies_on_its_own_map_and_unknown_places_are_left_out(models):
    scores = map_scores(*models)
    places = np.random.default_rng(0).normal(size=(66, 2))
    places[5, 1] = np.nan
    found = own_maps(scores, places, None)
    assert not found.is_shared
    assert found.source_cells.tolist() == [at for at in range(66) if at != 5]
    assert found.source_xy == pytest.approx(np.delete(places, 5, axis=0), abs=1e-6)
    assert np.array_equal(found.target_xy, scores.target_xy)
    assert not map_of_label(found, models, "A").is_shared
