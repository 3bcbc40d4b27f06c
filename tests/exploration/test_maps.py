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
        assert alike > (1 + by_chance) / 2


def test_a_thinned_map_has_every_label_in_its_share(models):
    found = map_scores(*models, largest=12)
    for model, cells in zip(models, (found.source_cells, found.target_cells), strict=True):
        assert set(np.unique(model.modality.labels[cells], return_counts=True)[1]) == {4}
        assert np.all(np.diff(cells) > 0)


def test_a_modality_with_larger_scores_lies_on_the_same_map(models):
    """Matching scales each modality before it compares; a map of raw scores would show one around the other."""
    source, target = models
    one, scaled = map_scores(source, target), map_scores(source, replace(target, logits=5 * target.logits))
    apart, again = (
        np.linalg.norm(xy[:, None] - xy[None], axis=2)
        for xy in (np.concatenate([each.source_xy, each.target_xy]) for each in (one, scaled))
    )
    assert again / again.mean() == pytest.approx(apart / apart.mean(), abs=1e-3)
