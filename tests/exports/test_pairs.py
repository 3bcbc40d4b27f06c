"""Pairs out of a coupling: heaviest first, drawn by weight, and what a threshold leaves out is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.exports.pairs import PAIR_COLUMNS, choose_pairs
from psmatch_core.matching.blocks import DenseBlock
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


@pytest.mark.parametrize("rules", [ExportRules(top=99), ExportRules(pairs="sampled", top=500)], ids=["all", "drawn"])
def test_a_pair_has_the_weight_mass_and_effective_matches_of_its_own_cell(
    coupling: Coupling, rules: ExportRules
) -> None:
    """Source cells of unequal mass, of which the first of a label has none."""
    rng, blocks = np.random.default_rng(0), {}
    for label, block in coupling.blocks.items():
        plan = rng.dirichlet(np.full(block.shape[1], 0.3), size=block.shape[0]) * rng.uniform(size=(block.shape[0], 1))
        plan[0] = 0
        blocks[label] = DenseBlock(plan / plan.sum())
    found = choose_pairs(coupling.with_blocks(blocks), rules, seed=2)
    plan, expected = coupling.with_blocks(blocks).to_sparse().toarray(), []
    source, target = coupling.source.modality, coupling.target.modality
    for row in found.itertuples():
        mine = plan[pd.Index(source.obs_names).get_loc(row.source_cell)]
        share = mine / mine.sum()
        positive = share[share > 0]
        label = coupling.source_cells[row.label].size
        expected.append(
            (
                share[pd.Index(target.obs_names).get_loc(row.target_cell)],
                np.exp(-np.sum(positive * np.log(positive))),
                mine.sum() / plan[source.labels == row.label].sum() * label,
            )
        )
    np.testing.assert_allclose(found[["weight", "n_effective", "mass"]], np.array(expected), rtol=1e-6, atol=1e-12)
    without = {str(source.obs_names[cells[0]]) for cells in coupling.source_cells.values()}
    assert set(found["source_cell"]) == set(source.obs_names.tolist()) - without
