"""The benchmark of labels that mean nothing: how scores are taken apart, and that its errors are over draws."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.chance import _changed, partners_dealt, polar, within
from benchmarks.chance_page import (
    AS_IS,
    DEPTH_OUT,
    DIRECTIONS,
    LENGTHS,
    ONE_LENGTH,
    PARTNERS,
    chance_page,
    paired,
    summary,
)
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import KnownPairsMatcher
from tests.conftest import make_modality

SCORES = np.random.default_rng(0).normal(size=(40, 5)) + 3.0


def taken(part):
    return _changed(SCORES, part, np.linspace(1.0, 2.0, 40), np.random.default_rng(1))


def test_length_and_direction_are_the_whole_score():
    centre, lengths, directions = polar(SCORES)
    np.testing.assert_allclose(centre + lengths[:, None] * directions, SCORES)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)


def off_centre(scores):
    """Lengths and directions about the mean of the scores as they were."""
    off = scores - SCORES.mean(axis=0)
    lengths = np.linalg.norm(off, axis=1)
    return lengths, off / lengths[:, None]


@pytest.mark.parametrize("part", [ONE_LENGTH, LENGTHS, DIRECTIONS, DEPTH_OUT])
def test_one_part_is_changed_and_the_other_is_left(part):
    _, lengths, directions = polar(SCORES)
    new_lengths, new_directions = off_centre(taken(part))
    assert np.allclose(new_lengths, lengths) == (part == DIRECTIONS)
    assert np.allclose(new_directions, directions) == (part != DIRECTIONS)
    if part == ONE_LENGTH:
        np.testing.assert_allclose(new_lengths, np.median(lengths))
    if part == LENGTHS:
        np.testing.assert_allclose(np.sort(new_lengths), np.sort(lengths))


def test_dealt_partners_are_of_the_same_label_and_give_chance_where_true_ones_are_found():
    sides = [make_modality(name, n=60) for name in "AB"]
    models = [fit_propensity(each, LinearClassifier(strength=0.1), label_names=sides[0].label_names) for each in sides]
    plan = match(*models, KnownPairsMatcher(), seed=0)
    found = evaluate(plan).micro["rank"]
    dealt = [partners_dealt(plan, seed) for seed in range(20)]
    ids, labels = plan.target.modality.pair_ids, plan.target.modality.labels
    for each in dealt:
        new = each.target.modality.pair_ids
        for label in np.unique(labels):
            assert set(new[labels == label]) == set(ids[labels == label])
    assert found < 0.1
    assert abs(np.mean([evaluate(each).micro["rank"] for each in dealt]) - 0.5) < 0.1


def test_correlations_are_within_labels():
    one = np.r_[np.arange(10.0), np.arange(10.0) + 100]
    other = np.r_[-np.arange(10.0), -np.arange(10.0) + 100]
    assert within(one, other, np.repeat(["a", "b"], 10)) == pytest.approx(-1.0)
    assert np.isnan(within(one[:3], other[:3], np.array(["a"] * 3)))


def rows(ranks, part=AS_IS, way="recommended"):
    about = {"data": "set", "way": way, "part": part, "n_pairs": 100, "linked": False, "foscttm": 0.5}
    sizes = dict.fromkeys(
        ("lengths_of_partners", "depths_of_partners", "length_and_depth_1", "length_and_depth_2"), 0.1
    )
    return [{**about, **sizes, "draw": draw, "rank": rank} for draw, rank in enumerate(ranks)]


def test_errors_are_over_draws_and_changes_over_the_same_draws():
    ranks = np.random.default_rng(2).normal(0.48, 0.02, 25)
    whole = pd.DataFrame([*rows(ranks), *rows(ranks + 0.02, ONE_LENGTH)])
    row = summary(whole).set_index("part").loc[AS_IS]
    assert row["rank_error"] == pytest.approx(ranks.std(ddof=1) / 5)
    assert row["rank_away"] == pytest.approx((ranks.mean() - 0.5) / row["rank_error"])
    assert paired(whole, "set", "recommended", ONE_LENGTH) == "+0.020 ± 0.000"


@pytest.mark.parametrize(("middle", "said"), [(0.47, "Ranks are not 0.5"), (0.5, "No way is further from 0.5")])
def test_the_page_says_what_its_figures_say(middle, said):
    ranks = middle + np.array([-0.01, 0.01, 0.0, 0.002, -0.002])
    given = [*rows(ranks)]
    for part, at in ((PARTNERS, 0.5), (DIRECTIONS, 0.48), (LENGTHS, 0.5), (ONE_LENGTH, 0.5), (DEPTH_OUT, 0.47)):
        given += rows(at + np.array([-0.01, 0.01, 0.0, 0.002, -0.002]), part)
    verdict = {"verdict": "matched by label only", "LABEL_ONLY": 4, "USE": 0, "CAUTION": 0}
    page = chance_page(given, [verdict], {"commit": "abc", "date": "today", "machine": "one"})
    assert said in page
    assert "in 1 of 1 runs" in page
    assert ("depth alone is not the reason" in page) == (middle < 0.5)
