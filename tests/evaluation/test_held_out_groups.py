"""Held-out cells of several modalities: no classifier has seen a judged cell; labels that mean nothing give chance."""

import itertools
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.evaluation.held_out_groups import ALWAYS_TRAINS, _label_of_each, deal_groups, group_scores
from psmatch_core.evaluation.held_out_pairs import held_out_scores, split_pairs
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.matching.several import PLANS
from psmatch_core.pipeline.match_modalities import match_modalities
from psmatch_core.pipeline.monitor_matching import Monitoring
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.several_figures import several_figures
from tests.conftest import make_modality

NAMES = ("RNA", "ADT", "ATAC")


def views(n=240, *, labels="ABCD", n_features=40, effect=0.0, n_own=0, seed=0):
    """Views of one hidden state, which the labels shift by ``effect`` standard deviations; views may have own cells."""
    rng = np.random.default_rng(seed)
    label = np.array(list(labels))[rng.permutation(np.arange(n) % len(labels))]
    at = np.array([labels.index(each) for each in label])
    state = rng.normal(size=(n, 40)) + effect * rng.normal(size=(len(labels), 40))[at]
    found = {}
    for at, name in enumerate(NAMES):
        X = state @ rng.normal(size=(40, n_features)) / np.sqrt(40) + 0.3 * rng.normal(size=(n, n_features))
        cells = [f"c{i}" if not n_own or i % 3 != at else f"{name} alone {i}" for i in range(n)]
        obs = pd.DataFrame({"label": label, "cell": cells}, index=[f"{name}_{i}" for i in range(n)])
        order = rng.permutation(n)
        adata = AnnData(X=X[order].astype(np.float32), obs=obs.iloc[order])
        found[name] = Modality.from_anndata(adata, label_key="label", name=name, pair_key="cell")
    return found


def pairs_of(modalities):
    return {pair: (modalities[pair[0]], modalities[pair[1]]) for pair in itertools.combinations(modalities, 2)}


def test_a_physical_cell_is_in_one_group_in_all_modalities_and_lone_cells_train():
    modalities = views(n_own=1)
    groups = deal_groups(pairs_of(modalities), tuple("ABCD"), seed=1)
    assert groups.n_groups == 4
    where = {}
    for name, cells in modalities.items():
        for cell, group in zip(cells.pair_ids, groups.groups[name], strict=True):
            where.setdefault(cell, set()).add(int(group))
            assert (group == ALWAYS_TRAINS) == ("alone" in cell)
    assert {len(found) for found in where.values()} == {1}
    counts = np.bincount([min(found) for found in where.values() if min(found) >= 0])
    assert counts.max() - counts.min() <= 4  # one for each label


def test_a_cell_about_which_modalities_differ_has_no_label_to_be_dealt_with():
    rows, labels = np.array([0, 1, 2, 0, 1, 3]), np.array(["A", "B", "B", "A", "C", "C"])
    assert _label_of_each(rows, labels).tolist() == ["A", "", "B", "C"]


class Spy(LinearClassifier):
    """Notes the cells that train it; its scores are those of a linear classifier."""

    seen: ClassVar[list] = []

    def fit(self, X, y, **more):
        type(self).seen.append(np.array(X))
        return super().fit(X, y, **more)


def test_no_classifier_sees_a_judged_cell_or_one_that_another_modality_is_trained_on():
    """When one group is judged, each of the others trains one modality."""
    modalities = views(n_own=1)
    groups = deal_groups(pairs_of(modalities), tuple("ABCD"))
    trained = {}
    for name, cells in modalities.items():
        Spy.seen = []
        group_scores(cells, groups, Spy(strength=0.1), name=name, n_folds=2)
        assert len(Spy.seen) == groups.n_groups
        for X in Spy.seen:
            rows = np.array([int(np.flatnonzero((row == cells.X).all(axis=1))[0]) for row in X])
            of = set(groups.groups[name][rows].tolist()) - {ALWAYS_TRAINS}
            assert len(of) == 1
            trained.setdefault(name, []).append(of.pop())
            assert (groups.groups[name] == ALWAYS_TRAINS).sum() == (groups.groups[name][rows] == ALWAYS_TRAINS).sum()
    trained = {name: sorted(found) for name, found in trained.items()}
    assert all(found == [0, 1, 2, 3] for found in trained.values())


def test_two_modalities_are_scored_as_the_evaluation_of_pairs_scores_them():
    """Both ways train by the same function: with the parts of the one, the scores are those of the other."""
    source, target = (replace(make_modality(name, n=90, seed=3), name=name) for name in NAMES[:2])
    parts = split_pairs(source, target, ("A", "B", "C"), seed=2)
    groups = deal_groups({("RNA", "ADT"): (source, target)}, ("A", "B", "C"), seed=2)
    groups = replace(groups, groups={"RNA": parts.source, "ADT": parts.target})
    for side, cells in (("source", source), ("target", target)):
        one = held_out_scores(cells, side, parts, LinearClassifier(), seed=5)
        other = group_scores(cells, groups, LinearClassifier(), name=cells.name, seed=5)
        np.testing.assert_array_equal(one.logits, other.logits)


def test_labels_with_too_few_cells_are_not_judged_and_one_label_is_none():
    modalities = views(n=40, labels="AB")
    rare = {
        name: cells.select((cells.labels == "A") | (cells.pair_ids < "c15"), "x") for name, cells in modalities.items()
    }
    assert deal_groups(pairs_of(rare), ("A", "B")) is None


def recipe(strength=1e-3, **more):
    return Recipe(
        classifier=LinearClassifier(strength=strength),
        matcher=SinkhornMatcher(epsilon=0.02),
        monitoring=Monitoring(stability=False, n_shuffles=0),
        **more,
    )


@pytest.mark.parametrize("plans", PLANS)
def test_labels_without_any_effect_give_chance_only_where_no_cell_is_shared(plans):
    """The law that the inflated figure breaks: three classifiers remember the same cells, and find them again."""
    modalities = views(n=900, labels="ABCDEFGHIJKLMNOPQRST", n_features=70, seed=4)
    matched = match_modalities(modalities, recipe(), plans=plans)
    assert matched.held_out_evaluations.keys() == matched.evaluations.keys()
    held_out = [each.micro["rank"] for each in matched.held_out_evaluations.values()]
    assert np.mean(held_out) == pytest.approx(0.5, abs=0.06)  # of one draw and pair it is 0.5 ± 0.03
    assert max(each.micro["rank"] for each in matched.evaluations.values()) < 0.4


def test_what_the_labels_show_is_found_on_held_out_cells_too():
    figures = several_figures(match_modalities(views(n=480, labels="ABCDEFGHIJ", effect=1.0), recipe(0.1)))
    for pair in figures.pairs:
        assert 0 < pair.n_held_out <= pair.n_known
        assert pair.known["rank"] < pair.held_out["rank"] < 0.45
        assert pair.held_out_uniform["rank"] == pytest.approx(0.5)


def test_a_setting_leaves_it_out_and_the_notes_say_so():
    off = match_modalities(views(), recipe(judging=Judging(held_out=False)))
    assert off.held_out_evaluations == {}
    assert "Held-out cells were not judged (judging.held_out)." in off.notes


def test_without_known_pairs_nothing_is_judged_and_nothing_said():
    unpaired = {
        name: replace(cells, pair_ids=None, obs_names=np.array([f"{name}{i * 37 + at}z" for i in range(cells.n_cells)]))
        for at, (name, cells) in enumerate(views().items())
    }
    matched = match_modalities(unpaired, recipe())
    assert matched.held_out_evaluations == {}
    assert not any("Held-out" in note for note in matched.notes)
