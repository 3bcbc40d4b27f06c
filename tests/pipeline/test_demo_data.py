"""The demos: no download, unequal sides, disjoint features, known pairs, names that do not give them away."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.demo_data import DEMOS, demo, synthetic_screen


@pytest.mark.parametrize("name", DEMOS)
def test_sides_are_unequal_disjoint_and_partly_paired(name):
    source, target = demo(name)
    assert source.n_obs != target.n_obs
    assert not set(source.var_names) & set(target.var_names)
    assert not set(source.obs_names) & set(target.obs_names)
    shared = set(source.obs["cell"]) & set(target.obs["cell"])
    assert 0.5 * source.n_obs < len(shared) < min(source.n_obs, target.n_obs)
    label_of = dict(zip(source.obs["cell"], source.obs["label"], strict=True))
    both = target.obs[target.obs["cell"].isin(shared)]
    assert all(label_of[cell] == label for cell, label in zip(both["cell"], both["label"], strict=True))


@pytest.mark.parametrize("name", DEMOS)
def test_same_seed_same_data(name):
    a, b = demo(name, seed=4)[0], demo(name, seed=4)[0]
    assert np.allclose(a.X, b.X)
    assert list(a.obs_names) == list(b.obs_names)
    assert not np.allclose(a.X, demo(name, seed=5)[0].X)


def test_row_order_does_not_give_the_pairs_away():
    source, target = synthetic_screen()
    n = min(source.n_obs, target.n_obs)
    assert (source.obs["cell"].to_numpy()[:n] == target.obs["cell"].to_numpy()[:n]).mean() < 0.02


def test_unknown_demo_names_the_known():
    with pytest.raises(PsmatchError, match="There is no demo 'mouse'"):
        demo("mouse")
