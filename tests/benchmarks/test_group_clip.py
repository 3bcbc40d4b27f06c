"""Contrast between groups: cells of a label lie together across modalities, also cells that were not trained on."""

import numpy as np

from benchmarks.group_clip import group_clip
from psmatch_core.data.modality import Modality


def side(name, d, effects, seed, n=200):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(effects), n)
    mix = np.random.default_rng(d).normal(size=(effects.shape[1], d))
    X = (effects[y] @ mix + rng.normal(size=(n, d))).astype(np.float32)
    labels = np.array([f"KO{each}" for each in y])
    names = np.array([f"{name}{seed}_{i}" for i in range(n)])
    return Modality(name=name, X=X, labels=labels, obs_names=names, var_names=np.arange(d).astype(str))


def test_new_cells_lie_nearest_to_their_label_in_the_other_modality():
    effects = 3 * np.random.default_rng(0).normal(size=(4, 3))
    trained = [side("a", 12, effects, 1), side("b", 7, effects, 2)]
    judged = [side("a", 12, effects, 3), side("b", 7, effects, 4)]
    first, second = group_clip(trained, judged, seed=0)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    means = {name: second[judged[1].labels == name].mean(axis=0) for name in judged[1].label_names}
    nearest = [max(means, key=lambda name: float(means[name] @ cell)) for cell in first]
    assert np.mean(np.array(nearest) == judged[0].labels) > 0.9
    again = group_clip(trained, judged, seed=0)
    assert np.array_equal(again[0], first)
