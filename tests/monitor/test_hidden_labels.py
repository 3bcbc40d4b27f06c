"""Hidden labels: found where both modalities score by the same thing, at chance where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.matchers import (
    GromovMatcher,
    KnownPairsMatcher,
    LabeledGromovMatcher,
    SharedSpaceMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.monitor import HiddenLabels, HiddenPair, find_hidden_labels
from psmatch_core.monitor.hidden_labels import MOST_CELLS, _round_robin, _Side
from tests.conftest import make_modality

RIDGE = LinearClassifier(strength=0.1)
LABELS = tuple("ABCDEFGH")


def scored(name, seed, effects, n=25):
    """A modality of 8 labels whose features move by ``effects (8, d)``, scored by ridge regression.

    ``n`` cells of each, or a list of so many.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(8), n)
    X = effects[y] + rng.normal(size=(y.size, effects.shape[1]))
    base = make_modality(name, n=y.size, seed=seed)
    modality = replace(
        base, X=X, labels=np.array(LABELS)[y], var_names=np.array([f"{name}{i}" for i in range(effects.shape[1])])
    )
    return fit_propensity(modality, RIDGE, label_names=LABELS)


@pytest.fixture(scope="module")
def shared():
    """The same effects in both modalities."""
    effects = 1.5 * np.random.default_rng(0).normal(size=(8, 5))
    return scored("RNA", 1, effects), scored("ADT", 2, np.hstack([effects, np.zeros((8, 3))]))


def test_labels_with_shared_effects_are_found_again(shared):
    found = find_hidden_labels(*shared, SinkhornMatcher())
    assert found.score > 0.4
    assert found.are_found
    assert len(found.pairs) == 28  # every pair once
    assert all(pair.chance == pytest.approx(0.5) for pair in found.pairs)
    assert abs(np.mean(found.shuffled)) < 0.15


def test_a_uniform_plan_finds_what_chance_gives(shared):
    found = find_hidden_labels(*shared, UniformMatcher(), n_shuffles=5)
    assert found.score == pytest.approx(0, abs=1e-9)
    assert not found.are_found


def test_chance_is_what_a_uniform_plan_gives_labels_of_any_size():
    effects, sizes = np.random.default_rng(0).normal(size=(8, 5)), np.array([4, 6, 8, 10, 15, 20, 25, 30])
    source, target = scored("RNA", 1, effects, sizes), scored("ADT", 2, effects, sizes[::-1])
    found = find_hidden_labels(source, target, UniformMatcher(), n_shuffles=2)
    assert [pair.score for pair in found.pairs] == pytest.approx([0.0] * 28, abs=1e-9)
    by_pair = {(pair.first, pair.second): pair.chance for pair in found.pairs}
    assert by_pair["A", "H"] == pytest.approx((4 * 30 + 30 * 4) / (34 * 34))


def test_at_most_so_many_cells_of_each_label_are_asked():
    y = np.repeat(np.arange(3), [MOST_CELLS + 30, MOST_CELLS - 10, 70])
    side = _Side(np.arange(y.size, dtype=float)[:, None] + np.zeros(3), y)
    drawn = side.sampled(np.array([0, 1]), np.random.default_rng(0))
    assert np.bincount(drawn.y, minlength=3).tolist() == [MOST_CELLS, MOST_CELLS - 10, 0]
    assert (y[drawn.logits[:, 0].astype(int)] == drawn.y).all()  # each with its own scores


def test_exchanged_label_names_are_not_found():
    """Each modality distinguishes its labels well, but what a label does in one says nothing about the other."""
    rng = np.random.default_rng(4)
    source = scored("RNA", 1, 1.5 * rng.normal(size=(8, 5)))
    found = find_hidden_labels(source, scored("ADT", 2, 1.5 * rng.normal(size=(8, 5))), SinkhornMatcher())
    assert not found.are_found
    assert abs(found.score) < 0.25


def test_two_labels_with_the_same_effect_are_not_distinguished(shared):
    effects = 1.5 * np.random.default_rng(0).normal(size=(8, 5))
    effects[1] = effects[0]
    found = find_hidden_labels(scored("RNA", 1, effects), scored("ADT", 2, effects), SinkhornMatcher())
    by_pair = {(pair.first, pair.second): pair for pair in found.pairs}
    assert by_pair["A", "B"].score < 0.2 < found.score
    assert {pair.second for pair in found.of_label("A")} == set(LABELS) - {"A"}


def test_one_seed_gives_one_result(shared):
    one, again = (find_hidden_labels(*shared, SinkhornMatcher(), n_shuffles=3, seed=7) for _ in range(2))
    assert one == again


def test_what_cannot_be_asked_is_refused(shared):
    with pytest.raises(PsmatchError, match="solves all labels together"):
        find_hidden_labels(*shared, LabeledGromovMatcher())
    for matcher in (SharedSpaceMatcher(), GromovMatcher(), KnownPairsMatcher()):
        with pytest.raises(PsmatchError, match="does not match by scores alone"):
            find_hidden_labels(*shared, matcher)
    few = [fit_propensity(make_modality(name, n=60, seed=1), RIDGE) for name in ("RNA", "ADT")]
    with pytest.raises(PsmatchError, match="only 3 labels have two cells in both modalities; hiding labels takes 4"):
        find_hidden_labels(*few, SinkhornMatcher())


@pytest.mark.parametrize("n", range(2, 10))
def test_a_round_robin_brings_every_pair_together_once(n):
    rounds = _round_robin(list(range(n)))
    met = [tuple(sorted(group)) for groups in rounds for group in groups if len(group) == 2]
    assert sorted(met) == sorted({(i, j) for i in range(n) for j in range(i + 1, n)})
    assert all(sorted(label for group in groups for label in group) == list(range(n)) for groups in rounds)


def test_renaming_moves_columns_and_cells_together():
    rng = np.random.default_rng(0)
    side = _Side(rng.normal(size=(6, 3)), np.array([0, 0, 1, 1, 2, 2]))
    renamed = side.renamed(np.arange(3), np.array([1, 2, 0]))
    assert renamed.y.tolist() == [1, 1, 2, 2, 0, 0]
    own = [renamed.logits[cell, renamed.y[cell]] for cell in range(6)]
    assert own == [side.logits[cell, side.y[cell]] for cell in range(6)]


def test_the_logits_of_a_merged_label_are_those_of_either():
    logits = np.log(np.array([[0.2, 0.3, 0.5]]))
    merged = _Side(logits, np.array([0])).merged([(0, 1), (2,)])
    share = np.exp(merged[0]) / np.exp(merged[0]).sum()
    assert share == pytest.approx([0.5, 0.5])


def test_scores_and_z_have_their_known_values():
    assert HiddenPair("A", "B", 0.75, 0.5).score == 0.5
    found = HiddenLabels((HiddenPair("A", "B", 0.75, 0.5), HiddenPair("A", "C", 0.5, 0.5)), (-0.1, 0.1), 5)
    assert found.score == 0.25
    assert found.z == pytest.approx(2.5)
    assert found.n_left_out == 8
    assert found.described() == "score 0.25, with exchanged label names 0.00, z = 2.5"


def test_every_round_is_told_and_the_share_never_falls(shared):
    """With a hundred labels one draw of all pairs has 99 rounds, which take minutes."""
    heard = []
    find_hidden_labels(*shared, UniformMatcher(), n_shuffles=3, progress=heard.append)
    shares, texts = [each.fraction for each in heard], [each.message for each in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    for draw in (1, 2):
        assert [f"all pairs, draw {draw} of 2, round {turn} of 7" in texts for turn in range(2, 8)] == [True] * 6
    assert {f"shuffle {shuffle} of 3" for shuffle in (1, 2, 3)} <= set(texts)
