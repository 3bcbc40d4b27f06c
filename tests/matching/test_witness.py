"""The witness: POT finds the program's plan, and shows it where the plan was changed."""

from dataclasses import replace

import numpy as np
import pytest

import psmatch_core
from psmatch_core.base.errors import PsmatchError
from psmatch_core.matching import witness as module
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import ExactMatcher, NeighborMatcher, SinkhornMatcher
from psmatch_core.matching.witness import witness

MATCHERS = [
    SinkhornMatcher(tolerance=1e-7),
    SinkhornMatcher(epsilon=0.02, align=False, cost="sqeuclidean", tolerance=1e-7),
    SinkhornMatcher(epsilon=0.3, epsilon_unit="absolute", tolerance=1e-7),
]


@pytest.mark.parametrize("matcher", MATCHERS, ids=repr)
def test_pot_finds_the_same_plan(models, matcher):
    coupling = match(*models, matcher)
    for label in coupling:
        found = witness(coupling, label, matcher)
        assert (found.n_source, found.n_target) == coupling[label].shape
        assert found.total_variation < 1e-4
        assert found.largest_difference < 1e-3
        assert found.program.cost == pytest.approx(found.pot.cost, rel=1e-4)
        assert found.program.objective == pytest.approx(found.pot.objective, rel=1e-5)
        assert found.program.mass == pytest.approx(1, abs=1e-6)
        assert max(found.program.marginal_error, found.pot.marginal_error) < 1e-5
        assert found.epsilon == next(each.epsilon for each in coupling.statuses if each.label == label)


def test_pot_finds_no_cheaper_exact_plan(models):
    coupling = match(*models, ExactMatcher())
    found = witness(coupling, coupling.labels[0], ExactMatcher())
    assert np.isnan(found.epsilon)
    assert found.program.cost == pytest.approx(found.pot.cost, rel=1e-9)
    assert found.program.objective == found.program.cost


def test_a_plan_that_was_changed_is_found_out(models):
    matcher = SinkhornMatcher()
    coupling = match(*models, matcher)
    label = coupling.labels[0]
    P = coupling[label].to_array()
    wrong = coupling.with_blocks({**coupling.blocks, label: DenseBlock(P[::-1].copy())})
    found = witness(wrong, label, matcher)
    assert found.total_variation > 0.05
    assert found.program.objective > found.pot.objective
    assert f"differ in {found.total_variation:.2g} of their mass" in found.sentence


def test_the_table_has_both_plans_and_their_difference(models):
    coupling = match(*models, SinkhornMatcher())
    table = witness(coupling, coupling.labels[0], SinkhornMatcher()).table()
    assert list(table["figure"]) == ["cost", "objective", "marginal_error", "mass", "seconds"]
    assert (table["difference"] == table["program"] - table["pot"]).all()
    assert (table.loc[table["figure"] == "seconds", ["program", "pot"]] > 0).all(axis=None)


def test_what_pot_cannot_judge_is_refused(models, monkeypatch):
    coupling = match(*models, SinkhornMatcher())
    label = coupling.labels[0]
    with pytest.raises(PsmatchError, match="NeighborMatcher is not compared with POT"):
        witness(coupling, label, NeighborMatcher())
    with pytest.raises(PsmatchError, match="There is no plan for label 'none'"):
        witness(coupling, "none", SinkhornMatcher())
    n, m = coupling[label].shape
    monkeypatch.setattr(module, "MOST_PAIRS", n * m - 1)
    with pytest.raises(PsmatchError, match=f"POT stores all {n} × {m} pairs"):
        witness(coupling, label, SinkhornMatcher())


def test_a_label_without_a_choice_is_refused(models):
    source, target = models
    flat = replace(source, logits=np.zeros_like(source.logits)), replace(target, logits=np.zeros_like(target.logits))
    coupling = match(*flat, SinkhornMatcher())
    with pytest.raises(PsmatchError, match="was not solved: all scores are equal"):
        witness(coupling, coupling.labels[0], SinkhornMatcher())


def test_it_is_public():
    assert psmatch_core.witness is witness
    assert psmatch_core.Witness is module.Witness
