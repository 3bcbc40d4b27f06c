"""Figures of bars drawn by a script of ours hold the same bars, rings, bands and lines as the figure of plotly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pages.shell.bar_panel import bars_of
from psmatch_core.exploration.matched_cell import matched_cell
from psmatch_core.matching.match import match
from psmatch_core.plotting import cell_matches, match_profile, shared_profile


def test_weights_keep_names_shares_the_partner_and_the_uniform_line() -> None:
    fig = cell_matches(["a <b>", "b", "c"], np.array([0.2, 0.5, 0.3]), 0.1, cell="s", measured_true="c")
    shown = bars_of(fig)
    assert shown["names"] == ["b", "★ c", "a <b>"]
    by_row = {row: x for bar in shown["bars"] for row, x in zip(bar["rows"], bar["x"], strict=True)}
    assert [by_row[row] for row in range(3)] == pytest.approx([0.5, 0.3, 0.2])
    assert shown["lines"] == [0.1]
    assert shown["is_share"]
    assert [each[0] for each in shown["legend"]] == ["match", "★ true partner", "uniform"]


def test_profiles_keep_bars_rings_band_and_rule(models: Any) -> None:
    sides = (models[0].modality, models[1].modality)
    found = matched_cell(match(*models), sides, 7)
    shown = bars_of(match_profile(found, modality="ADT"))
    places = found.standing_out("matches", 12)
    assert shown["bars"][0]["x"] == pytest.approx(found.mean_z[places], abs=1e-5)
    assert shown["names"] == found.names[1][places].tolist()
    assert len(shown["rings"]) == len(found.match_z)
    assert shown["bands"][0] == pytest.approx([-1.96 * found.chance, 1.96 * found.chance])
    assert shown["unit"] == "SD"
    assert [kind for *_, kind in shown["legend"]] == ["bar", "ring"]
    both = bars_of(shared_profile(matched_cell(match(models[0], models[0]), (sides[0], sides[0]), 7)))
    assert [bar["name"] for bar in both["bars"]] == ["this cell", "mean of its matches"]
