"""Held-out pairs: no cell is judged by a classifier that saw it, and the two sides share no training cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.base.progress import Event
from psmatch_core.classification.classifiers import Classifier, FittedClassifier, LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import PAIR_METRICS, Judging, evaluate
from psmatch_core.evaluation.held_out_pairs import (
    FEWEST_PAIRS,
    evaluate_held_out,
    held_out_scores,
    split_pairs,
    together,
)
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from tests.conftest import make_modality

NAMES = ("A", "B", "C")


def sides(n: int = 90, n_strangers: int = 12) -> tuple[Modality, Modality]:
    """Cells of which all but a few are on both sides; feature 0 of either side is the number of the cell."""
    found = []
    for name, seed in (("RNA", 1), ("ADT", 2)):
        modality = make_modality(name, n=n, seed=seed)
        X = modality.X.copy()
        X[:, 0] = np.arange(n)
        ids = np.array([f"cell {i}" for i in range(n - n_strangers)] + [""] * n_strangers)
        found.append(replace(modality, X=X, pair_ids=ids))
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Scores(FittedClassifier):
    n_labels: int
    seen: list[tuple[str, set[int]]]

    def logits(self, X: Any) -> np.ndarray:
        self.seen.append(("scored", set(X[:, 0].astype(int).tolist())))
        return np.zeros((X.shape[0], self.n_labels))

    def state(self) -> dict[str, np.ndarray]:
        return {}


@dataclass(frozen=True)
class Recording(Classifier):
    """Remembers which cells it was trained on and which it scored."""

    def fit(self, X: Any, y: np.ndarray, *, n_labels: int, folds: Any, seed: int, progress: Any) -> FittedClassifier:
        LOG.append(("trained", set(X[:, 0].astype(int).tolist())))
        return Scores(held_out=np.empty((0, 0)), n_labels=n_labels, seen=LOG)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        raise NotImplementedError


LOG: list[tuple[str, set[int]]] = []


def test_a_pair_is_in_the_same_part_on_both_sides_and_every_label_in_all_parts() -> None:
    source, target = sides()
    parts = split_pairs(source, target, NAMES)
    assert parts is not None
    assert np.array_equal(parts.source, parts.target)  # the cells of both sides come in the same order here
    assert (parts.source[-12:] == -1).all()
    for label in NAMES:
        counts = np.bincount(parts.source[(source.labels == label) & (parts.source >= 0)], minlength=3)
        assert counts.max() - counts.min() <= 1
    again, other = split_pairs(source, target, NAMES), split_pairs(source, target, NAMES, seed=1)
    assert np.array_equal(parts.source, again.source)
    assert not np.array_equal(parts.source, other.source)


def test_no_physical_cell_is_trained_on_by_both_sides_or_judged_by_one_that_saw_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "1")  # what is logged comes in the order of the parts
    source, target = sides()
    parts = split_pairs(source, target, NAMES)
    paired = set(np.flatnonzero(parts.source >= 0).tolist())
    seen: dict[str, list[tuple[set[int], set[int]]]] = {}
    for side, modality in (("source", source), ("target", target)):
        LOG.clear()
        scores = held_out_scores(modality, side, parts, Recording())
        assert np.array_equal(np.isfinite(scores.logits[:, 0]), parts.of(side) >= 0)
        trained, scored = ([cells for what, cells in LOG if what == each] for each in ("trained", "scored"))
        seen[side] = list(zip(trained, scored, strict=True))
    assert len(seen["source"]) == 3
    for (trained, judged), (theirs, others) in zip(seen["source"], seen["target"], strict=True):
        assert judged == others
        assert not trained & theirs & paired
        assert not (trained | theirs) & judged
        assert len(trained & paired) >= 24
    assert set().union(*(judged for _, judged in seen["source"])) == paired


def test_pairs_of_different_labels_are_dealt_too_and_strangers_train_on_their_own_side() -> None:
    source, target = sides()
    labels = target.labels.copy()
    labels[:9] = np.roll(labels[:9], 1)  # each of the first nine pairs has two labels
    parts = split_pairs(source, replace(target, labels=labels), NAMES)
    assert np.bincount(parts.source[:9], minlength=3).tolist() == [3, 3, 3]
    assert np.array_equal(parts.source[:9], parts.target[:9])
    LOG.clear()
    held_out_scores(source, "source", parts, Recording())
    assert all(set(range(78, 90)) <= cells for what, cells in LOG if what == "trained")


def test_pairs_of_labels_that_are_too_small_are_dealt_evenly_as_well() -> None:
    source, target = sides(n=60, n_strangers=0)
    small = {}
    for name, modality in (("source", source), ("target", target)):
        labels = modality.labels.astype(object)
        labels[np.flatnonzero(labels == "C")[:3]] = "D"
        small[name] = replace(modality, labels=labels)
    parts = split_pairs(small["source"], small["target"], ("A", "B", "C", "D"))
    assert parts.label_names == ("A", "B", "C")
    assert sorted(parts.source[small["source"].labels == "D"].tolist()) == [0, 1, 2]


def test_labels_with_too_few_pairs_are_not_split() -> None:
    source, target = sides(n=30, n_strangers=0)
    ids = source.pair_ids.copy()
    of_c = np.flatnonzero(source.labels == "C")
    ids[of_c[FEWEST_PAIRS - 1 :]] = ""
    parts = split_pairs(replace(source, pair_ids=ids), target, NAMES)
    assert parts.label_names == ("A", "B")
    ids[np.flatnonzero(source.labels == "B")] = ""
    assert split_pairs(replace(source, pair_ids=ids), target, NAMES) is None
    assert split_pairs(replace(source, pair_ids=None), target, NAMES) is None


def judged(source: Modality, target: Modality, classifier: Classifier, **settings: Any) -> Any:
    """The evaluation of all pairs, and that of held-out pairs."""
    names = source.label_names
    models = tuple(fit_propensity(each, classifier, label_names=names, seed=0) for each in (source, target))
    parts = split_pairs(source, target, names)
    scores = tuple(
        held_out_scores(each, side, parts, classifier) for each, side in ((source, "source"), (target, "target"))
    )
    matcher = settings.pop("matcher", SinkhornMatcher())
    inflated = evaluate(match(*models, matcher), settings.get("judging"))
    return inflated, evaluate_held_out(models, scores, parts, matcher, **settings)


def shared_state(n: int = 900, n_labels: int = 20, *, effect: float = 0.0, seed: int = 0) -> tuple[Modality, Modality]:
    """Cells with a hidden state that both modalities read; their labels shift it by ``effect`` standard deviations."""
    rng = np.random.default_rng(seed)
    label = rng.integers(n_labels, size=n)
    z = rng.normal(size=(n, 40)) + effect * rng.normal(size=(n_labels, 40))[label]
    found = []
    for name, d in (("RNA", 80), ("ADT", 60)):
        X = z @ rng.normal(size=(40, d)) / np.sqrt(40) + 0.3 * rng.normal(size=(n, d))
        obs = pd.DataFrame({"label": [f"L{each}" for each in label]}, index=[f"{name} {i}" for i in range(n)])
        adata = AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"{name}{i}" for i in range(d)]))
        modality = Modality.from_anndata(adata, label_key="label", name=name)
        found.append(replace(modality, pair_ids=np.array([f"cell {i}" for i in range(n)])))
    return found[0], found[1]


@pytest.mark.slow
def test_labels_without_an_effect_look_good_only_where_training_cells_are_shared() -> None:
    """Both classifiers remember the same cells; that alone ranks the true partner far above chance."""
    found = [judged(*shared_state(seed=seed), LinearClassifier(strength=1e-3)) for seed in range(3)]
    for inflated, held_out in found:
        assert inflated.micro["rank"] < 0.3
        assert len(held_out.per_cell) == len(inflated.per_cell) == 900
    for metric in ("rank", "foscttm"):  # of one draw the rank is 0.5 ± 0.03
        assert np.mean([held_out.micro[metric] for _, held_out in found]) == pytest.approx(0.5, abs=0.06)


def test_labels_with_an_effect_are_still_found_held_out() -> None:
    _, held_out = judged(*shared_state(effect=1.0), LinearClassifier(strength=0.1))
    assert held_out.micro["rank"] < 0.35
    assert held_out.micro["foscttm"] < 0.45


def test_a_uniform_plan_is_chance_and_all_pairs_are_judged_once() -> None:
    events: list[Event] = []
    source, target = sides()
    _, found = judged(source, target, LinearClassifier(), matcher=UniformMatcher(), progress=events.append)
    assert found.micro["rank"] == pytest.approx(0.5)
    assert found.micro["foscttm"] == pytest.approx(0.5)
    assert found.per_cell["cell"].is_unique
    assert set(found.per_cell["cell"]) == set(source.obs_names[:78])
    assert events[-1].fraction == 1
    assert found.uniform_micro == pytest.approx(found.micro)  # parts of 9, 9 and 8 pairs: each pair counts once
    assert found.uniform_macro == pytest.approx(found.macro)
    for metric in PAIR_METRICS:
        assert found.micro[metric] == pytest.approx(
            np.average(
                [getattr(row, metric) for row in found.per_label], weights=[row.n_pairs for row in found.per_label]
            )
        )


def test_labels_are_skipped_by_their_pairs_in_all_parts_together() -> None:
    source, target = sides(n=60, n_strangers=0)
    ids = source.pair_ids.copy()
    of_c = np.flatnonzero(source.labels == "C")
    ids[of_c[7:]] = ""
    paired = replace(source, pair_ids=ids)
    _, found = judged(paired, target, LinearClassifier(), judging=Judging(smallest_label=8))
    assert found.skipped == {"C": "7 true pairs, fewer than 8"}
    assert set(found.per_cell["label"]) == {"A", "B"}  # what is skipped is in no mean
    _, found = judged(paired, target, LinearClassifier(), judging=Judging(smallest_label=7))
    assert {row.label: row.n_pairs for row in found.per_label} == {"A": 20, "B": 20, "C": 7}
    ids[of_c[3:]] = ""
    _, found = judged(paired, target, LinearClassifier())
    assert found.skipped == {"C": "fewer than 6 true pairs, too few for three parts"}


def test_evaluations_put_together_are_means_over_their_pairs() -> None:
    source, target = sides(n=60, n_strangers=0)
    models = tuple(fit_propensity(each, LinearClassifier(), seed=0) for each in (source, target))
    one = evaluate(match(*models))
    both = together([one, one], smallest_label=5, skipped={"X": "why"})
    assert both.micro == pytest.approx(one.micro)
    assert both.uniform_micro == pytest.approx(one.uniform_micro)
    assert [row.n_pairs for row in both.per_label] == [2 * row.n_pairs for row in one.per_label]
    assert both.skipped == {"X": "why"}
