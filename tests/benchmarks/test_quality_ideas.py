"""Ideas of the quality benchmark: what each does to the scores, and when one enters a preset."""

from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.quality_ideas import by_agreeing_columns, by_neighbors, by_ranks
from benchmarks.quality_ideas_page import BASE, ideas_page
from psmatch_core.data.modality import Modality


@dataclass(frozen=True)
class Scored:
    modality: Modality
    logits: np.ndarray
    y: np.ndarray
    label_names: tuple[str, ...]


def scored(seed, n=60, n_labels=4):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_labels
    names = tuple("abcd"[:n_labels])
    cells = Modality(
        name=f"m{seed}", X=rng.normal(size=(n, 5)).astype(np.float32), labels=np.array(names)[y],
        obs_names=np.array([f"c{i}" for i in range(n)]), var_names=np.arange(5).astype(str),
    )  # fmt: skip
    return Scored(cells, rng.normal(size=(n, n_labels)) + 3 * np.eye(n_labels)[y], y, names)


def test_ranks_do_not_change_with_a_monotone_change_but_for_centre_and_spread():
    models = scored(0), scored(1)
    first = by_ranks(models)[0]
    again = by_ranks(
        (Scored(models[0].modality, np.exp(models[0].logits), models[0].y, models[0].label_names), models[1])
    )
    mine = models[0].y == 2

    def shape(places):
        return (places[mine] - places[mine].mean(axis=0)) / places[mine].std(axis=0)

    np.testing.assert_allclose(shape(first), shape(again[0]), atol=1e-12)
    np.testing.assert_allclose(first[mine].mean(axis=0), models[0].logits[mine].mean(axis=0))


def test_a_column_that_orders_the_labels_the_other_way_has_no_weight():
    first = scored(0)
    turned = first.logits.copy()
    turned[:, 1] = -turned[:, 1]
    weighted = by_agreeing_columns((first, Scored(first.modality, turned, first.y, first.label_names)))
    assert not weighted[0][:, 1].any()
    np.testing.assert_allclose(weighted[0][:, 0], first.logits[:, 0])  # the same column on both sides has weight 1


def test_neighbours_average_within_their_label_only():
    model = scored(0)
    places = by_neighbors((model, model))[0]
    constant = Scored(model.modality, np.eye(4)[model.y], model.y, model.label_names)
    np.testing.assert_allclose(by_neighbors((constant, constant))[0], constant.logits)
    for label in range(4):
        mine = model.y == label
        assert places[mine].std() < model.logits[mine].std()


@pytest.mark.parametrize(
    ("gains", "enters"),
    [((0.004, 0.004, 0.004, 0.0), "yes"), ((0.004, 0.004, 0.004, -0.006), "no"), ((0.004, 0.004, 0.0, 0.0), "no")],
)
def test_an_idea_enters_by_the_rule(gains, enters):
    rows = [
        {"data": f"set{at}", "seed": seed, "idea": name, "foscttm": 0.4 - gain, "rank": 0.4 - gain, "n_pairs": 90}
        for at, own in enumerate(gains)
        for seed in range(5)
        for name, gain in ((BASE, 0.0), ("idea", own))
    ]
    page = ideas_page({"rows": rows, "run": {"commit": "abc", "date": "today"}})
    assert page.endswith(f"| {enters} |")
    assert "-0.004 (-0.004 to -0.004) / -0.004" in page
