"""The control of shared training cells in three views: what it takes out of the scores, and its standard errors."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.views import SYNTHETIC
from benchmarks.views_leak import chance_cells, measured, median_cells, one_length, views


def test_scores_of_one_length_keep_their_directions_and_their_mean():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, 3))
    labels, groups = np.repeat(["a", "b"], 20), np.tile([0, 1], 20)
    scores[5] = np.nan  # a cell that is not judged
    changed = one_length(scores, labels, groups)
    assert np.isnan(changed[5]).all()
    for label, group in itertools.product("ab", (0, 1)):
        mine = (labels == label) & (groups == group)
        mine[5] = False
        centre = scores[mine].mean(axis=0)
        before, after = scores[mine] - centre, changed[mine] - centre
        lengths = np.linalg.norm(after, axis=1)
        np.testing.assert_allclose(lengths, lengths[0])
        np.testing.assert_allclose(after / lengths[:, None], before / np.linalg.norm(before, axis=1)[:, None])


def test_standard_errors_are_over_draws():
    rows = pd.DataFrame(
        {"rank": [0.1, 0.3], "held_out_rank": [0.48, 0.5], "one_length_rank": [0.51, 0.53]}
        | {name: [0.2, 0.4] for name in ("foscttm", "held_out_foscttm")}
    )
    assert chance_cells(rows) == ["0.200 ± 0.100 (-3.0)", "0.490 ± 0.010 (-1.0)", "0.520 ± 0.010 (+2.0)"]
    assert median_cells(rows) == ["0.300 / 0.200", "0.300 / 0.490"]


def test_dealt_labels_are_dealt_over_physical_cells_and_each_cell_is_in_all_views():
    found = views(SYNTHETIC, Path(), 0, True)
    label_of = [dict(zip(cells.pair_ids, cells.labels, strict=True)) for cells in found.values()]
    assert label_of[0] == label_of[1] == label_of[2]
    as_measured = views(SYNTHETIC, Path(), 0, False)
    true = next(iter(as_measured.values()))
    known = dict(zip(true.pair_ids, true.labels, strict=True))
    assert sorted(known.values()) == sorted(label_of[0].values())
    assert np.mean([known[cell] == label for cell, label in label_of[0].items()]) < 0.2


def test_one_draw_gives_all_three_figures_of_each_pair():
    rows = measured(SYNTHETIC, Path(), 0, True)
    assert len(rows) == 3
    for row in rows:
        assert row["rank"] < 0.3 < row["held_out_rank"]  # shared cells find each other whatever the labels say
        assert 0.35 < row["one_length_rank"] < 0.65
        assert row["one_length_rank"] != row["held_out_rank"]
