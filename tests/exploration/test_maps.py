"""Maps: all cells or a fair share of each label, both modalities in one plane, the real UMAP where it is asked for."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.exploration.maps import map_scores


@pytest.mark.parametrize("method", ["pca", pytest.param("umap", marks=pytest.mark.slow)])
def test_neighbours_on_a_map_share_their_label(models, method, monkeypatch):
    monkeypatch.delitem(sys.modules, "umap")  # what stands in for it elsewhere
    found = map_scores(*models, method=method)
    for model, xy in zip(models, (found.source_xy, found.target_xy), strict=True):
        labels = model.modality.labels
        distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        alike = (labels[distance.argmin(axis=1)] == labels).mean()
        by_chance = max(np.unique(labels, return_counts=True)[1]) / labels.size
        assert alike > by_chance + 0.2  # held-out scores overlap, as the classifiers' accuracy says


def test_a_thinned_map_has_every_label_in_its_share(models):
    found = map_scores(*models, largest=12)
    for model, cells in zip(models, (found.source_cells, found.target_cells), strict=True):
        assert set(np.unique(model.modality.labels[cells], return_counts=True)[1]) == {4}
        assert np.all(np.diff(cells) > 0)


@pytest.mark.parametrize("by_label", [True, False])
def test_a_modality_with_larger_scores_lies_on_the_same_map(models, by_label):
    """Matching scales each modality before it compares; a map of raw scores would show one around the other."""
    source, target = models
    louder = replace(target, logits=5 * target.logits, held_out_logits=5 * target.held_out_logits)
    one, scaled = (map_scores(source, each, by_label=by_label) for each in (target, louder))
    apart, again = (
        np.linalg.norm(xy[:, None] - xy[None], axis=2)
        for xy in (np.concatenate([each.source_xy, each.target_xy]) for each in (one, scaled))
    )
    assert again / again.mean() == pytest.approx(apart / apart.mean(), abs=1e-3)


def test_a_map_shows_scores_of_classifiers_that_did_not_see_the_cell(models):
    """In-sample scores, which remember the label of each cell, change nothing on the map."""
    source, target = models
    remembered = replace(source, logits=source.logits + 50 * np.eye(3)[source.y])
    one, other = map_scores(source, target), map_scores(remembered, target)
    assert np.array_equal(one.source_xy, other.source_xy)


def test_a_cell_that_was_never_held_out_is_shown_by_its_own_score(models):
    source, target = models
    held_out = source.held_out_logits.copy()
    held_out[0] = np.nan
    alone = replace(source, held_out_logits=held_out)
    assert np.array_equal(alone.held_out_space[0], source.logits[0])
    assert np.isfinite(map_scores(alone, target).source_xy).all()


def test_a_label_lies_at_one_place_for_both_modalities(models):
    """As the matching compares them: what the two sides call a label is laid over each other."""
    source, target = models
    moved = replace(target, held_out_logits=target.held_out_logits + 3 * np.roll(np.eye(3), 1, axis=1)[target.y])
    found = map_scores(source, moved)
    for label in range(3):
        centres = [
            xy[model.y == label].mean(axis=0) for model, xy in ((source, found.source_xy), (moved, found.target_xy))
        ]
        assert centres[0] == pytest.approx(centres[1], abs=1e-3)
