"""Labels that a classifier has never seen: taken for the same others where both modalities see the same."""

from dataclasses import replace

import numpy as np

from psmatch_core.monitor import unseen_labels
from psmatch_core.monitor.unseen_labels import _centred, _taken_for
from tests.conftest import make_modality
from tests.monitor.test_effect_agreement import sides


def test_shared_effects_agree_and_private_ones_do_not():
    shared, private = unseen_labels(*sides()), unseen_labels(*sides(private=8.0))
    assert shared.agreement.value > 0.7 > 0.4 > private.agreement.value
    assert shared.finding().endswith("similar labels in both modalities.")
    assert shared.remarks()[0].startswith(f"Correlation of the scores of unseen labels: {shared.agreement.value:.2f}; ")
    assert "each modality sees effects of its own" in private.finding()


def test_labels_without_effect_agree_by_chance_only():
    """One in twenty sets is below 0.05 by chance; labels are not alike by their sizes, which differ tenfold."""
    names, share = np.array([f"KO{label}" for label in range(12)]), np.arange(1.0, 13.0) ** -1.0
    p_values = []
    for seed in range(12):
        source, target = sides(seed=seed, n=20)
        rng = np.random.default_rng(seed)
        source, target = (
            replace(each, labels=rng.choice(names, each.n_cells, p=share / share.sum())) for each in (source, target)
        )
        p_values.append(unseen_labels(source, target, seed=seed).agreement.p_value)
    assert sum(p <= 0.05 for p in p_values) <= 3


def test_names_that_are_exchanged_in_one_modality_do_not_agree():
    source, target = sides()
    order = np.roll(np.array(target.label_names), 5)
    renamed = dict(zip(target.label_names, order, strict=True))
    wrong = unseen_labels(source, replace(target, labels=np.array([renamed[each] for each in target.labels])))
    assert wrong.agreement.value < 0.4


def test_what_a_label_gives_to_all_and_gets_from_all_does_not_count():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(7, 7))
    added = values + rng.normal(size=7)[:, None] + rng.normal(size=7)[None]
    np.testing.assert_allclose(_centred(added), _centred(values), atol=1e-9)
    assert not np.diag(_centred(values)).any()


def test_five_labels_are_too_few():
    found = unseen_labels(*sides(n_labels=5))
    assert not found.can_be_judged
    assert found.finding() == "Cannot be judged with 5 labels: it takes 6."
    assert found.remarks() == []


def test_progress_names_each_label_and_ends():
    events = []
    unseen_labels(*sides(n_labels=6), progress=events.append)
    fractions = [each.fraction for each in events]
    assert fractions == sorted(fractions)
    assert (len(events), fractions[-1]) == (12, 1.0)
    assert events[0].message == "RNA: trained without KO0"


def test_a_label_is_taken_for_the_one_whose_cells_lie_where_its_own_lie():
    """Four pairs of labels, each pair in one place; 20 to 55 cells of a label."""
    rng, names = np.random.default_rng(0), np.array([f"KO{at}" for at in range(8)])
    y = np.repeat(np.arange(8), 20 + 5 * np.arange(8))
    X = 4 * np.vstack([np.eye(4), np.eye(4)])[y] + rng.normal(size=(y.size, 4))
    cells = replace(make_modality("RNA", n=y.size, n_features=4), X=X, labels=names[y])
    found = _taken_for(cells, names, 0, lambda fraction, name: None)
    assert found.argmax(axis=1).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]


def test_cells_of_labels_that_only_one_modality_has_count_for_no_label():
    rng, names = np.random.default_rng(0), np.array([f"KO{at}" for at in range(7)])
    y = np.repeat(np.arange(7), 12 + 5 * np.arange(7))
    cells = replace(make_modality("RNA", n=y.size, n_features=4), X=rng.normal(size=(y.size, 4)), labels=names[y])
    found = [
        _taken_for(cells.with_labels({"KO3": alone}), np.delete(names, 3), 0, lambda fraction, name: None)
        for alone in ("A", "KO3", "Z")
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[1])
