"""Intervals of the metrics: known answers, and coverage of the truth."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.evaluation.intervals import bootstrap_intervals


def cells(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"label": np.repeat(["A", "B"], [n, n // 4]), "rank": rng.uniform(size=n + n // 4)})


def test_means_are_those_of_the_cells_and_lie_within():
    frame = cells()
    table, means = bootstrap_intervals(frame, ["rank"])
    by_label = frame.groupby("label")["rank"].mean()
    assert table.set_index("label")["rank"].to_dict() == pytest.approx(by_label.to_dict())
    assert means["micro"]["rank"].mean == pytest.approx(frame["rank"].mean())
    assert means["macro"]["rank"].mean == pytest.approx(by_label.mean())
    for each in (means["micro"]["rank"], means["macro"]["rank"]):
        assert each.low < each.mean < each.high
    assert (table["rank_low"] < table["rank"]).all()


def test_an_interval_is_as_wide_as_theory_says_and_narrows_with_cells():
    frame = cells(400)
    table, _ = bootstrap_intervals(frame, ["rank"])
    width = (table["rank_high"] - table["rank_low"]).to_numpy()
    assert width == pytest.approx(2 * 1.96 * np.sqrt(1 / 12 / np.array([400, 100])), rel=0.15)


def test_most_intervals_hold_the_truth():
    held = 0
    for seed in range(60):
        table, _ = bootstrap_intervals(cells(80, seed), ["rank"], seed=seed)
        held += int(((table["rank_low"] <= 0.5) & (table["rank_high"] >= 0.5)).sum())
    assert held / 120 > 0.85


def test_the_same_seed_gives_the_same_and_a_constant_has_no_width():
    one, other = (bootstrap_intervals(cells(), ["rank"], seed=3)[0] for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    table, means = bootstrap_intervals(cells().assign(rank=0.5), ["rank"])
    assert (table["rank_low"] == table["rank_high"]).all()
    assert means["micro"]["rank"].high == pytest.approx(0.5)


def test_cells_without_a_value_do_not_count_and_no_cell_is_no_number():
    frame = cells()
    frame.loc[frame.index[::2], "rank"] = np.nan
    _, means = bootstrap_intervals(frame, ["rank"])
    assert means["micro"]["rank"].mean == pytest.approx(frame["rank"].mean())
    table, means = bootstrap_intervals(frame.head(0), ["rank"])
    assert len(table) == 0
    assert np.isnan(means["micro"]["rank"].mean)


def test_another_seed_draws_other_cells_and_the_means_stay():
    one, other = (bootstrap_intervals(cells(), ["rank"], seed=seed) for seed in (3, 4))
    assert (one[0]["rank"] == other[0]["rank"]).all()
    assert (one[0]["rank_low"] != other[0]["rank_low"]).all()
    assert one[1]["micro"]["rank"].low != other[1]["micro"]["rank"].low


def test_labels_with_the_same_values_are_drawn_apart():
    """Else the intervals over all labels would be as wide as if a label alone had been measured."""
    values = cells().query("label == 'A'")
    frame = pd.concat([values.assign(label=label) for label in "ABCD"])
    table, means = bootstrap_intervals(frame, ["rank"])
    alone = (table["rank_high"] - table["rank_low"]).mean()
    assert means["macro"]["rank"].high - means["macro"]["rank"].low == pytest.approx(alone / 2, rel=0.15)
