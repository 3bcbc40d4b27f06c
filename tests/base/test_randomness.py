"""One seed, one independent stream for every purpose."""

import numpy as np

from psmatch_core.base.randomness import derived_seed, stream


def test_same_purpose_same_numbers():
    assert np.array_equal(stream(3, "folds", "A").random(5), stream(3, "folds", "A").random(5))


def test_another_purpose_or_seed_other_numbers():
    seeds = {derived_seed(seed, purpose) for seed in range(20) for purpose in ("folds", "match", "umap")}
    assert len(seeds) == 60


def test_purposes_do_not_run_into_each_other():
    assert derived_seed(1, "ab", "c") != derived_seed(1, "a", "bc")
