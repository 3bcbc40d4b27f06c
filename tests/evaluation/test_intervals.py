"""Intervals and risk against coverage: known answers, coverage of the truth, and no advantage for ties."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.intervals import FEWEST, bootstrap_intervals, coverage_by_confidence, risk_coverage
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import UniformMatcher


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


def test_an_informative_confidence_rises_and_an_uninformative_one_is_flat():
    rng = np.random.default_rng(0)
    quality = rng.uniform(size=2000)
    knows = risk_coverage(quality, quality)
    assert (np.diff(knows.quality) <= 1e-12).all()
    assert knows.at(0.5) == pytest.approx(0.75, abs=0.02)
    blind = risk_coverage(rng.uniform(size=2000), quality)
    assert blind.at(0.5) == pytest.approx(0.5, abs=0.04)
    assert knows.quality[-1] == pytest.approx(quality.mean()) == pytest.approx(knows.overall)
    assert knows.coverage[-1] == 1
    assert knows.area > blind.area


def test_the_band_is_the_normal_interval_of_a_mean():
    values = np.r_[np.zeros(50), np.ones(50)]
    found = risk_coverage(np.arange(100.0), values)
    assert found.high[-1] - found.low[-1] == pytest.approx(2 * 1.96 * 0.5 / 10)


def test_cells_with_few_effective_matches_are_the_confident_ones(models):
    """Every second cell of label A has one match and is matched perfectly, the others have all and are not."""
    coupling = match(*models, UniformMatcher())
    n, m = coupling["A"].shape
    P = np.full((n, m), 1 / m)
    P[::2] = np.eye(m)[0]
    coupling = replace(coupling, blocks={"A": DenseBlock(P / n)})
    names = models[0].modality.obs_names[coupling.source_cells["A"]]
    cells = pd.DataFrame({"cell": names, "label": "A", "foscttm": np.arange(n) % 2})
    curves = coverage_by_confidence(coupling, cells, "foscttm")
    assert set(curves) == {"few effective matches", "confidence of the classifier"}
    found = curves["few effective matches"]
    assert (found.quality[0], found.quality[-1]) == pytest.approx((1 - (n // 2) / FEWEST, 0.5))


def test_equal_confidence_gives_the_mean_in_any_order():
    quality = np.sort(np.random.default_rng(0).uniform(size=500))
    for order in (quality, quality[::-1]):
        found = risk_coverage(np.ones(500), order)
        assert np.allclose(found.quality, quality.mean())


def test_cells_without_confidence_are_left_out_and_none_at_all_is_refused():
    found = risk_coverage(np.array([np.nan, 1, 2]), np.array([9.0, 1, 3]))
    assert (found.n_cells, found.overall) == (2, 2)
    with pytest.raises(PsmatchError, match="No evaluated cell has a confidence"):
        risk_coverage(np.array([np.nan]), np.array([1.0]))
