"""Statistics of markers by formula: known answers and another way to each, with labels of unequal sizes."""

import numpy as np
import pytest
from scipy import stats

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.exploration.contrast import contrast_of
from psmatch_core.exploration.marker_statistics import measured_statistics, projected_statistics
from psmatch_core.exploration.markers import CHOSEN_BY_FEATURES, find_markers
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.match import match
from tests.conftest import make_modality

GROUP = Selection("source", np.arange(0, 45, 2), name="every other")


@pytest.fixture(scope="module")
def world():
    """45 and 30 cells of five labels; the smallest has three cells here and two there."""
    sides = (
        make_modality("RNA", n=45, labels=tuple("AAAAABBBBCCCDDE"), seed=1),
        make_modality("ADT", n=30, labels=tuple("ABBBBCCCCCDDDEE"), seed=2),
    )
    return match(*(fit_propensity(side, LinearClassifier(strength=0.05)) for side in sides)), sides


def within(modality):
    """Features less the mean of their label ``(n, d)``, and their standard deviation with n − labels degrees."""
    X, labels = np.asarray(modality.X, dtype=float), modality.labels
    off = X - np.stack([X[labels == each].mean(axis=0) for each in labels])
    return off, np.sqrt((off**2).sum(axis=0) / (len(X) - np.unique(labels).size))


def test_effects_are_in_standard_deviations_within_labels(world):
    """Each label takes one degree of freedom, which shows where labels are small."""
    coupling, sides = world
    chosen = np.isin(np.arange(45), GROUP.cells)
    contrast = contrast_of(coupling, GROUP)
    for values, (table, _) in (
        (sides[0].X, measured_statistics(contrast, sides[0])),
        (coupling.pull(sides[1].X), projected_statistics(contrast, sides[1], n_resamples=20, seed=0)),
    ):
        spread = within(sides[0] if values is sides[0].X else sides[1])[1]
        difference = values[chosen].mean(axis=0) - values[~chosen].mean(axis=0)
        assert table["effect"].to_numpy() == pytest.approx(difference / spread, abs=1e-5)


@pytest.mark.parametrize("k", [20, 50])
def test_the_p_value_of_shuffled_rows_knows_how_few_they_are(world, k):
    """One more draw than the ``k`` shuffled ones: a t value with k − 1 degrees and the error of a single draw."""
    coupling, sides = world
    contrast = contrast_of(coupling, GROUP)
    table, _ = projected_statistics(contrast, sides[1], n_resamples=k, seed=4)
    off, _ = within(sides[1])
    plan = coupling.to_sparse().toarray()
    projected = plan / plan.sum(axis=1, keepdims=True) @ off
    null = contrast.shuffled(k, 4) @ projected
    value = (contrast.weights[0] - contrast.weights[1]) @ projected
    t = (value - null.mean(axis=0)) / (null.std(axis=0, ddof=1) * np.sqrt(1 + 1 / k))
    by_rows = 2 * stats.t.sf(np.abs(t), k - 1)
    assert (table["p_within"] >= by_rows - 1e-4).all()  # the larger of this and of that of shuffled columns
    by_columns = by_shuffled_columns(contrast, plan, off)
    assert table["p_within"].to_numpy() == pytest.approx(np.maximum(by_rows, by_columns), rel=1e-3)
    assert (by_rows > by_columns).any()
    assert (by_rows < by_columns).any()


def by_shuffled_columns(contrast, plan, off):
    """The p-value from the variance of a linear statistic over random orders of the other cells of each label."""
    signed, variance = (contrast.weights[0] - contrast.weights[1]) @ (plan / plan.sum(axis=1, keepdims=True)), 0.0
    for label in contrast.labels:
        cells = contrast.other_cells(label)
        mine = signed[cells] - signed[cells].mean()
        variance = variance + (mine @ mine) * (off[cells] ** 2).sum(axis=0) / max(cells.size - 1, 1)
    return 2 * stats.norm.sf(np.abs(signed @ off) / np.sqrt(variance))


def test_features_are_ranked_by_the_end_of_their_interval_that_is_nearer_to_zero(world):
    """A larger effect that one extreme cell makes comes after a smaller one that all cells of the group show."""
    coupling, sides = world
    group, rng = np.array([0, 6, 10, 13]), np.random.default_rng(0)
    X = rng.normal(size=sides[0].X.shape)
    X[group, 1] = 1.3 + 0.1 * rng.normal(size=4)
    X[group, 3] = [0, 0, 0, 25]
    given = (sides[0].with_features(X, sides[0].var_names), sides[1])
    found = find_markers(coupling, given, Selection("source", group))
    for values in ("measured", "projected"):
        table = found.of(values)
        size = np.abs(table["effect"])
        nearer = np.maximum(size - (table["effect_high"] - table["effect"]), 0).to_numpy()
        assert (np.diff(nearer) <= 1e-9).all()
        assert (np.diff(size[nearer == 0]) <= 1e-9).all()  # what is not sure at all stands by its effect
    measured = found.of("measured").set_index("feature")
    assert measured.index[0] == "f1"
    assert measured.loc["f3", "effect"] > measured.loc["f1", "effect"]


@pytest.mark.parametrize("drawn", [(True, False), (False, True), (False, False)])
def test_a_group_drawn_on_a_map_is_noted_whichever_of_the_two_it_is(world, drawn):
    coupling, sides = world
    group, against = (
        Selection("source", cells, "drawn on the map" if is_drawn else "a label")
        for cells, is_drawn in zip((np.arange(12), np.arange(12, 40)), drawn, strict=True)
    )
    assert (CHOSEN_BY_FEATURES in find_markers(coupling, sides, group, against).notes) == any(drawn)
