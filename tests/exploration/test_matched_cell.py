"""One cell beside its matches: the coupling's own rows, and profiles that follow from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import Scoring, fit_propensity
from psmatch_core.exploration.cell_agreement import can_compare_cells, cell_agreement
from psmatch_core.exploration.matched_cell import matched_cell, training_note
from psmatch_core.matching.blocks import DenseBlock, uniform_block
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import GromovMatcher, KnownPairsMatcher, UniformMatcher
from psmatch_core.matching.matchers.sinkhorn import SinkhornMatcher
from psmatch_core.monitor.halves import HalfScores, half_scores
from psmatch_core.plotting import cell_profile, match_profile, shared_profile
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


@pytest.fixture(scope="module")
def sides(models):
    return models[0].modality, models[1].modality


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("cell", [0, 17, 40])
def test_the_matches_are_the_couplings_heaviest_and_the_mean_is_its_row_times_the_features(coupling, sides, side, cell):
    found = matched_cell(coupling, sides, cell, side, top=4)
    plan = coupling.to_sparse().toarray()
    row = plan[cell] if side == "source" else plan[:, cell]
    share = row / row.sum()
    other = np.asarray(sides[1 if side == "source" else 0].X, dtype=float)
    assert found.weights == pytest.approx(np.sort(share[share > 0])[::-1], abs=1e-12)
    assert share[found.matches] == pytest.approx(found.weights, abs=1e-12)
    assert found.mean == pytest.approx(share @ other, abs=1e-6)
    assert found.n_effective == pytest.approx(np.exp(-np.sum(share[share > 0] * np.log(share[share > 0]))))
    same = other[sides[1 if side == "source" else 0].labels == found.label]
    assert found.n_candidates == len(same)
    assert found.mean_z == pytest.approx((share @ other - same.mean(axis=0)) / same.std(axis=0), abs=1e-5)
    assert found.match_z == pytest.approx((other[found.matches[:4]] - same.mean(axis=0)) / same.std(axis=0), abs=1e-5)
    own = np.asarray(sides[0 if side == "source" else 1].X, dtype=float)
    mine = own[sides[0 if side == "source" else 1].labels == found.label]
    assert found.own_z == pytest.approx((own[cell] - mine.mean(axis=0)) / mine.std(axis=0), abs=1e-5)


def test_a_uniform_plan_gives_every_cell_the_mean_of_the_label(models, sides):
    uniform = match(*models, UniformMatcher())
    found = matched_cell(uniform, sides, 5)
    assert found.mean == pytest.approx(found.label_mean)
    assert found.mean_z == pytest.approx(0, abs=1e-6)
    assert found.chance == pytest.approx(0, abs=1e-6)
    assert found.n_effective == pytest.approx(found.n_candidates)


def test_chance_is_how_far_the_mean_of_random_cells_with_these_weights_lies(coupling, sides):
    found = matched_cell(coupling, sides, 3)
    rng = np.random.default_rng(0)
    X = np.asarray(sides[1].X, dtype=float)[sides[1].labels == found.label]
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    weights = np.zeros(len(z))
    weights[: found.weights.size] = found.weights
    drawn = np.array([rng.permutation(weights) @ z for _ in range(3000)])
    assert found.chance == pytest.approx(np.sqrt(drawn.var(axis=0).mean()), rel=0.05)


def test_a_single_match_lies_as_far_as_a_random_cell_and_all_matches_together_nowhere(coupling, sides):
    """A profile is in standard deviations of the label's cells, so that of a random cell has a deviation of 1."""
    shapes = {label: block.shape for label, block in coupling.blocks.items()}
    single = {label: DenseBlock(np.eye(*shape) / min(shape)) for label, shape in shapes.items()}
    label = sides[0].labels[0]
    first = int(coupling.source_cells[label][0])
    assert matched_cell(coupling.with_blocks(single), sides, first).chance == pytest.approx(1)
    even = {label: uniform_block(*shape) for label, shape in shapes.items()}
    assert matched_cell(coupling.with_blocks(even), sides, first).chance == pytest.approx(0, abs=1e-6)


def test_shared_features_agree_where_both_lie_on_the_same_side(coupling, sides):
    found = matched_cell(coupling, sides, 7)
    own, other = found.shared_features()
    assert found.names[0][own].tolist() == found.names[1][other].tolist() == [f"f{at}" for at in range(5)]
    agree, disagree = found.agreeing(5)
    product = found.own_z[own] * found.mean_z[other]
    assert product[agree].tolist() == sorted(product[product > 0], reverse=True)
    assert product[disagree].tolist() == sorted(product[product < 0])
    bars = {trace.name: np.asarray(trace.x) for trace in shared_profile(found).data}
    shown = np.concatenate([agree, disagree[::-1]])
    assert bars["this cell"] == pytest.approx(found.own_z[own[shown]], abs=1e-5)
    assert bars["mean of its matches"] == pytest.approx(found.mean_z[other[shown]], abs=1e-5)


def test_profiles_show_what_stands_out_farthest_first(coupling, sides):
    found = matched_cell(coupling, sides, 7, top=3)
    own = cell_profile(found, cell="cell <b>7</b>", modality="RNA", top=4)
    assert np.abs(own.data[0].x) == pytest.approx(np.sort(np.abs(found.own_z))[::-1][:4], abs=1e-5)
    assert "<b>7</b>" not in own.layout.title.text
    matches = match_profile(found, modality="ADT")
    assert np.abs(matches.data[0].x) == pytest.approx(np.sort(np.abs(found.mean_z))[::-1], abs=1e-5)
    assert len(matches.data) == 1 + 3


def test_a_feature_that_does_not_vary_stands_out_nowhere(coupling, sides):
    flat = np.array(sides[1].X)
    flat[:, 2] = 4.0
    found = matched_cell(coupling, (sides[0], replace(sides[1], X=flat)), 3)
    assert found.mean_z[2] == 0
    assert 2 not in found.standing_out("matches", 5)


def test_a_cell_whose_label_has_no_plan_is_refused(coupling, sides):
    label = str(sides[0].labels[0])
    without = coupling.with_blocks({name: block for name, block in coupling.blocks.items() if name != label})
    with pytest.raises(PsmatchError, match=f"has label {label}, which has no plan"):
        matched_cell(without, sides, 0)


def test_cells_agree_with_themselves_and_only_cells_that_move_disagree(models):
    same = [HalfScores(model.logits, model.logits) for model in models]
    found = cell_agreement(models, (same[0], same[1]), SinkhornMatcher(), label="A")
    assert found == pytest.approx(1)
    moved = models[0].logits.copy()
    rows = np.flatnonzero(models[0].modality.labels == "A")
    moved[rows[:2]] = moved[rows[1::-1]]  # two cells change places in one half
    found = cell_agreement(models, (HalfScores(models[0].logits, moved), same[1]), SinkhornMatcher(), label="A")
    assert found[2:] == pytest.approx(1, abs=1e-3)
    assert found[:2].max() < 0.99


@pytest.mark.parametrize("side", ["source", "target"])
def test_agreement_is_a_cosine_of_each_cell_of_the_label(models, side):
    halves = [half_scores(model.modality, model.label_names, LinearClassifier()) for model in models]
    found = cell_agreement(models, (halves[0], halves[1]), SinkhornMatcher(), label="B", side=side)
    modality = models[0 if side == "source" else 1].modality
    assert found.shape == ((modality.labels == "B").sum(),)
    assert np.all(np.abs(found) <= 1 + 1e-12)


def test_a_uniform_plan_gives_cells_nothing_to_compare(models):
    same = [HalfScores(model.logits, model.logits) for model in models]
    assert np.isnan(cell_agreement(models, (same[0], same[1]), UniformMatcher(), label="A")).all()


@pytest.mark.parametrize("matcher", [GromovMatcher(), KnownPairsMatcher()])
def test_cells_are_compared_only_where_scores_match_them(models, matcher):
    same = [HalfScores(model.logits, model.logits) for model in models]
    assert can_compare_cells(models, matcher) == matcher.uses_scores
    if not matcher.uses_scores:
        with pytest.raises(PsmatchError, match="only where each label is matched by scores"):
            cell_agreement(models, (same[0], same[1]), matcher, label="A")


def test_it_is_said_whether_the_scores_know_the_cell(models):
    assert training_note(models[0], 0) == "The classifier that scores this cell was trained on it."
    unseen = fit_propensity(make_modality(seed=4), LinearClassifier(), scoring=Scoring(scores="out_of_fold"), seed=0)
    assert "only by classifiers that were not trained on it" in training_note(unseen, 0)
    held_out = np.array(models[0].held_out_logits)
    held_out[5:] = np.nan  # as of one network, which is validated on one part of the cells
    network = replace(models[0], held_out_logits=held_out)
    assert "was not trained on this cell" in training_note(network, 0)
    assert "was trained on it" in training_note(network, 5)


def test_a_short_list_keeps_what_agrees_and_disagrees_most(coupling, sides):
    """Products of both z: 4, −1, −6, 2 and −3."""
    found = matched_cell(coupling, sides, 7)
    found = replace(found, own_z=np.array([2.0, 1, -3, 1, -3]), mean_z=np.array([2.0, -1, 2, 2, 1]))
    assert [places.tolist() for places in found.agreeing(1)] == [[0], [2]]
    assert [places.tolist() for places in found.agreeing(2)] == [[0, 3], [2, 4]]
