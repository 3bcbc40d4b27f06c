"""Confidence of cells: the figures of the benchmark have the values that they must have."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.cell_confidence import auroc, before_own, foscttm_of_all, nearer_than_others, surest
from benchmarks.cell_confidence_page import (
    CHOSEN_ON,
    COVERAGE,
    JUDGED_ON,
    auroc_table,
    best,
    bought,
    calibration,
    control_words,
    decision,
)
from benchmarks.cell_observables import of_places, of_plan
from psmatch_core.evaluation.evaluate import closer_than_true
from psmatch_core.evaluation.metrics import true_weight
from psmatch_core.matching.blocks import DenseBlock


@pytest.fixture
def label():
    rng = np.random.default_rng(0)
    plan = rng.random((9, 11)) ** 4
    spaces = rng.normal(size=(9, 3)), rng.normal(size=(11, 4))
    return DenseBlock(plan / plan.sum()), rng.permutation(9)[:8], rng.permutation(11)[:8], spaces


def test_true_partners_stand_on_the_diagonal(label):
    block, rows, columns, spaces = label
    found = foscttm_of_all(block, rows, columns, spaces)
    np.testing.assert_allclose(np.diag(found), closer_than_true(block, rows, columns, spaces))
    ranks = before_own(-block.to_array()[rows])[np.arange(8), columns]
    np.testing.assert_allclose(ranks, true_weight(block, rows, columns)[1])


def test_another_partner_is_judged_as_if_it_were_the_true_one(label):
    block, rows, columns, spaces = label
    dealt = np.roll(np.arange(8), 3)
    found = foscttm_of_all(block, rows, columns, spaces)[np.arange(8), dealt]
    np.testing.assert_allclose(found, closer_than_true(block, rows, columns[dealt], spaces))


def test_a_uniform_plan_is_as_near_as_another_cell_and_the_nearest_neighbour_nearer():
    space = np.random.default_rng(0).normal(size=(12, 3))
    columns = np.arange(5)
    np.testing.assert_allclose(nearer_than_others(np.full((5, 12), 1 / 12), columns, space), 0.5)
    distances = np.linalg.norm(space[columns][:, None] - space[None], axis=2)
    distances[columns, columns] = np.inf
    nearest = np.eye(12)[distances.argmin(axis=1)]
    found = nearer_than_others((nearest + np.eye(12)[columns]) / 2, columns, space)
    np.testing.assert_allclose(np.diag(found), 1.0)  # the true partner's own weight does not count


def test_auroc_is_one_for_the_order_itself_and_one_half_for_a_constant():
    risk = np.random.default_rng(0).random(20)
    assert auroc([(-risk, risk), (-risk[:9], risk[:9])]) == 1.0
    assert auroc([(np.zeros(20), risk)]) == 0.5
    assert auroc([(risk, risk)]) == 0.0
    # The label's level does not count: only cells of one label are compared.
    assert auroc([(-risk + 100, risk + 5), (-risk, risk)]) == 1.0


def test_what_is_not_known_is_never_surest():
    assert surest(np.array([np.nan, 0.2, 0.9, -1.0]), 0.5).tolist() == [2, 1]


def test_a_permutation_is_sure_and_a_uniform_plan_is_not():
    sure, flat = of_plan(np.eye(4)[[1, 0, 3, 2]] / 4), of_plan(np.full((4, 4), 1 / 16))
    assert (sure["mutual best"] == 1).all()
    for name, best_value, flat_value in (
        ("few effective matches", 0, -np.log(4)), ("largest weight", 1, 0.25), ("margin of the best match", 1, 0),
        ("weight that comes back", 1, 0.25),
    ):  # fmt: skip
        np.testing.assert_allclose(sure[name], best_value, atol=1e-9)
        np.testing.assert_allclose(flat[name], flat_value, atol=1e-9)
    x = np.random.default_rng(0).normal(size=(4, 2))
    assert np.allclose(of_places(np.eye(4) / 4, x, x)["near its matches (mean cost)"], 0)


def cells(gain):
    rows = [
        {"data": data, "seed": seed, "observable": name, "n_cells": 50, "foscttm": 0.6 + value, "foscttm_dealt": 0.6,
         "rank": 0.5 + value, "rank_dealt": 0.5, "farther": 0.5, "farther_dealt": 0.5}
        for data in (*CHOSEN_ON, *JUDGED_ON)
        for seed in (0, 1)
        for name, value in (("centre", 0.0), ("knows", gain))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_filter_is_offered_only_for_what_exceeds_dealt_partners():
    assert best(cells(0.1)) == "knows"
    assert "may be offered as a filter" in decision(cells(0.1), "knows")
    assert "nothing is offered as a filter" in decision(cells(0.03), "knows")
    assert "nothing is offered as a filter" in decision(cells(0.1), "centre")
    one = cells(0.1)
    one.loc[(one["data"] == JUDGED_ON[0]) & (one["observable"] == "knows"), "rank"] = 0.4
    assert "nothing is offered as a filter" in decision(one, "knows")
    assert "| knows | 0.700, 0.600 | 0.600, 0.600 | 0.600, 0.600 |" in auroc_table(cells(0.1))


def test_what_a_filter_buys_is_counted_over_sets_and_by_every_figure():
    rows = cells(0.1)
    curve = [0.4, *[0.3] * (len(COVERAGE) - 1)]
    for metric in ("foscttm", "rank", "farther"):
        rows[f"{metric}_risk"] = [curve for _ in range(len(rows))]
    assert "by every figure" in bought(rows, "knows")
    worse = rows["data"] == JUDGED_ON[0]
    rows["farther_risk"] = [curve[::-1] if each else curve for each in worse]
    assert "FOSCTTM on 7 of 7 sets, rank on 7 of 7 sets, 1 − P on 6 of 7 sets" in bought(rows, "knows")
    assert "None is offered" in bought(rows, "knows")


def test_a_control_says_what_is_not_of_the_labels():
    control = cells(0.08).assign(data="x, labels dealt at random")
    assert "x, labels dealt at random (2 splits): FOSCTTM 0.580, rank 0.580, 1 − P 0.500." in control_words(
        control, "knows"
    )


def test_a_promise_that_is_kept_has_no_error():
    rng = np.random.default_rng(0)
    labels = pd.DataFrame(
        [
            {"data": data, "seed": 0, "label": f"l{each}", "n_pairs": 20, "agreement": value, "foscttm": 0.4,
             "found": 0.5 + 0.1 * value}
            for data in (*CHOSEN_ON, *JUDGED_ON)
            for each, value in enumerate(rng.random(6))
        ]
    )  # fmt: skip
    text = calibration(labels)
    assert "P = 0.500 + 0.100 × agreement" in text
    assert "found over the bins: 0.000" in text
    assert "agreement and found P is 1.00" in text
    wrong = labels.assign(found=np.where(labels["data"].isin(JUDGED_ON), 0.5, labels["found"]))
    assert "found over the bins: 0.000" not in calibration(wrong)
