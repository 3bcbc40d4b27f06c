"""Pairs out of a coupling: heaviest first, drawn by weight, and what a threshold leaves out is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.exports.pairs import PAIR_COLUMNS, choose_pairs
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.pipeline.recipe import ExportRules


@pytest.fixture(scope="module")
def coupling(models: tuple[PropensityModel, PropensityModel]) -> Coupling:
    return match(*models, SinkhornMatcher(), seed=0)


def test_all_matches_of_a_cell_weigh_one(coupling: Coupling) -> None:
    table = choose_pairs(coupling, ExportRules(top=1000))
    assert list(table.columns) == PAIR_COLUMNS
    assert np.allclose(table.groupby("source_cell")["weight"].sum(), 1, atol=1e-6)


def test_the_masses_of_a_label_add_up_to_its_cells(coupling: Coupling) -> None:
    table = choose_pairs(coupling, ExportRules(top=1))
    masses = table.groupby("label")["mass"].sum()
    for label, cells in coupling.source_cells.items():
        assert masses[label] == pytest.approx(len(cells), rel=1e-6)


def test_draws_follow_the_weights(coupling: Coupling) -> None:
    drawn = choose_pairs(coupling, ExportRules(pairs="sampled", top=1000), seed=1)
    assert (drawn.groupby("source_cell")["draws"].sum() == 1000).all()
    error = np.abs(drawn["draws"] / 1000 - drawn["weight"])
    assert error.max() < 6 * np.sqrt(0.25 / 1000)  # six standard deviations of a share of 1,000 draws
    heaviest = choose_pairs(coupling, ExportRules(top=1000)).set_index(["source_cell", "target_cell"])["weight"]
    both = drawn.set_index(["source_cell", "target_cell"])["weight"]
    assert np.allclose(both, heaviest.loc[both.index])
    assert (drawn.groupby("source_cell")["rank"].max() == drawn.groupby("source_cell").size()).all()
    again = choose_pairs(coupling, ExportRules(pairs="sampled", top=1000), seed=1)
    pd.testing.assert_frame_equal(drawn, again)


def test_names_and_verdicts_of_many_pairs_are_few_texts(coupling: Coupling) -> None:
    pairs = choose_pairs(coupling, ExportRules(top=5), seed=0)
    names = pairs["target_cell"]
    assert len({id(each) for each in names}) == names.nunique() < len(names)
