"""Linked positions: scores and predicted features together, at the weight asked for, better where signal is shared."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.progress import silent
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.matching.link import ALWAYS, Linking, link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher

LABELS = np.array([f"gene{each}" for each in range(6)])
LINKING = Linking(use=ALWAYS)


def modality(name, X, y):
    return Modality(
        name=name,
        X=X,
        labels=LABELS[y],
        obs_names=np.array([f"{name}{i}x" for i in range(y.size)]),
        var_names=np.array([f"{name}-f{i}" for i in range(X.shape[1])]),
        pair_ids=np.array([f"cell {i}" for i in range(y.size)]),
    )


def sides(*, shared, n=180, seed=0):
    """The same cells measured twice; ``shared`` is how much of their state within labels both modalities see."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 6
    effects, state = np.zeros((6, 5)), rng.normal(size=(n, 5))
    effects[:, :2] = 1.5 * rng.normal(size=(6, 2))  # the labels tell two of the five directions in which cells differ
    out = []
    for name, d in (("RNA", 30), ("ADT", 20)):
        own = shared * state + np.sqrt(1 - shared**2) * rng.normal(size=(n, 5))
        X = (effects[y] + own) @ rng.normal(size=(5, d)) + 0.5 * rng.normal(size=(n, d))
        out.append(modality(name, X.astype(np.float32), y))
    return out


def models_of(pair):
    return tuple(fit_propensity(each, LinearClassifier(strength=0.1), progress=silent) for each in pair)


@pytest.fixture(scope="module")
def models():
    return models_of(sides(shared=0.95))


def mass_on_partners(pair):
    """The mass on true partners, of what a uniform plan has there."""
    coupling = match(*pair, SinkhornMatcher())
    plan = coupling.to_sparse().toarray()
    return float(np.trace(plan) * plan.shape[0] / len(LABELS))


def test_shared_states_are_matched_better_with_a_link(models):
    linked = link_scores(*models, SinkhornMatcher(), LINKING)
    assert mass_on_partners(linked) > 1.3 * mass_on_partners(models)


def test_states_that_are_not_shared_stay_at_chance():
    apart = models_of(sides(shared=0.0, seed=1))
    for pair in (apart, link_scores(*apart, SinkhornMatcher(), LINKING)):
        assert 0.5 < mass_on_partners(pair) < 1.5


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.8])
def test_the_weight_is_the_share_of_features_in_the_squared_distance(models, weight):
    here, there = link_scores(*models, SinkhornMatcher(), replace(LINKING, weight=weight, n_rounds=1))
    n = len(LABELS)
    for label in range(n):
        x, y = here.linked[here.y == label], there.linked[there.y == label]
        squares = (x[:, None] - y[None]) ** 2
        scores, features = squares[..., :n].sum(axis=-1).mean(), squares[..., n:].sum(axis=-1).mean()
        assert features / (scores + features) == pytest.approx(weight, rel=1e-6)


def test_the_scores_stay_what_they_are(models):
    linked = link_scores(*models, SinkhornMatcher(), LINKING)
    for before, after in zip(models, linked, strict=True):
        assert np.array_equal(after.logits, before.logits)
        assert np.array_equal(after.scores, before.logits)
        assert np.array_equal(after.space, after.linked)
        assert after.validation_loss == before.validation_loss


def test_linking_again_gives_the_same(models):
    once = link_scores(*models, SinkhornMatcher(), LINKING, seed=4)
    again = link_scores(*once, SinkhornMatcher(), LINKING, seed=4)
    assert all(np.array_equal(a.linked, b.linked) for a, b in zip(once, again, strict=True))


def test_units_and_empty_features_change_nothing(models):
    rng = np.random.default_rng(3)
    scales = np.exp(rng.normal(size=30)).astype(np.float32)
    cells = models[0].modality
    X = np.hstack([cells.X * scales + 5, np.full((cells.n_cells, 1), 7.0, np.float32)])
    other = replace(cells, X=X, var_names=np.array([*cells.var_names, "constant"]))
    same = replace(models[0], modality=other)
    one = link_scores(*models, SinkhornMatcher(), replace(LINKING, n_rounds=1))
    two = link_scores(same, models[1], SinkhornMatcher(), replace(LINKING, n_rounds=1))
    distances = [np.linalg.norm(a.linked[:20, None] - b.linked[None, :20], axis=-1) for a, b in (one, two)]
    assert np.allclose(*distances, rtol=1e-3, atol=1e-3)


def test_a_label_of_one_cell_and_a_label_without_a_plan_do_not_stop_it():
    source, target = sides(shared=0.9)
    kept = np.flatnonzero((target.labels != "gene0") | (np.arange(target.n_cells) == 0))
    mask = np.zeros(target.n_cells, bool)
    mask[kept] = True
    pair = models_of((source, target.select(mask, "left out")))
    linked = link_scores(*pair, SinkhornMatcher(), LINKING)
    assert all(np.isfinite(each.linked).all() for each in linked)
