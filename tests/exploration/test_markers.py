"""Markers of a group in both modalities: what the matching contributes is told from what the label does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse, stats

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.exploration.centred_values import weighted_auroc
from psmatch_core.exploration.contrast import APART, BOTH, contrast_of
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher

LABELS = np.array([f"L{at}" for at in range(6)])
EACH, NOISE = 40, 300
WITHIN, BY_LABEL = 0, 1  # the planted features


def modality(name: str, labels: np.ndarray, X: np.ndarray) -> Modality:
    cells = np.array([f"{name}{at}" for at in range(labels.size)])
    return Modality(
        name=name, X=X, labels=labels, obs_names=cells, var_names=np.array([f"f{at}" for at in range(X.shape[1])])
    )


def scored(name: str, seed: int) -> tuple[PropensityModel, Modality]:
    """Cells with a latent state that moves feature 0 within labels, and labels that move feature 1."""
    rng = np.random.default_rng(seed)
    few = modality(name, np.repeat(LABELS, 3), rng.normal(size=(3 * LABELS.size, 3)))
    model = fit_propensity(few, LinearClassifier(strength=0.05))
    labels = LABELS[rng.permutation(np.arange(LABELS.size * EACH) % LABELS.size)]
    latent = rng.normal(size=labels.size)
    logits = np.zeros((labels.size, LABELS.size))
    logits[:, 0], logits[:, 1] = latent, -latent
    X = rng.normal(size=(labels.size, NOISE)).astype(np.float32)
    X[:, WITHIN] += 2 * latent
    X[:, BY_LABEL] += 2 * (labels == "L0")
    cells = modality(name, labels, X)
    return replace(model, modality=cells, logits=logits, held_out_logits=logits), cells


@pytest.fixture(scope="module")
def world():
    (source, x), (target, y) = scored("RNA", 1), scored("ADT", 2)
    return match(source, target, SinkhornMatcher(epsilon=0.02)), (x, y), source.logits[:, 0]


@pytest.fixture(scope="module")
def random_group(world):
    rng = np.random.default_rng(5)
    return Selection("source", rng.choice(world[1][0].n_cells, 70, replace=False))


def row(markers, values, feature):
    return markers.of(values).set_index("feature").loc[f"f{feature}"]


def test_a_signal_within_labels_that_both_modalities_share_is_found(world):
    coupling, sides, latent = world
    group = Selection("source", np.flatnonzero(latent > np.quantile(latent, 0.7)), name="high")
    found = find_markers(coupling, sides, group)
    for values in ("measured", "projected"):
        planted = row(found, values, WITHIN)
        assert planted["within_low"] > 0.5
        assert planted["q_within"] < 1e-6
        assert planted["q_labels"] < 0.05
        assert planted["auroc"] > 0.8
        assert found.of(values)["feature"][0] == "f0"
        others = found.of(values)[1:]
        # A group is sent to the same cells again and again: rows alone would call a tenth of the noise found.
        assert (others["q_within"] < 0.05).sum() <= 2
        assert stats.kstest(others["p_within"], "uniform").pvalue > 0.01
        assert ((others["within_low"] < 0) & (others["within_high"] > 0)).mean() > 0.88
    assert found.units == BOTH
    assert found.n_labels == LABELS.size
    assert "separates the groups in 1 of 300 ADT features, f0 first" in found.finding()


def test_a_difference_between_labels_is_not_credited_to_the_matching(world):
    coupling, sides, _ = world
    rng = np.random.default_rng(3)
    of_label = rng.choice(np.flatnonzero(sides[0].labels == "L0"), 30, replace=False)
    others = rng.choice(np.flatnonzero(sides[0].labels != "L0"), 20, replace=False)
    found = find_markers(coupling, sides, Selection("source", np.concatenate([of_label, others])))
    for values in ("measured", "projected"):
        planted = row(found, values, BY_LABEL)
        assert planted["effect_low"] > 0.5
        assert planted["label_part"] == pytest.approx(planted["effect"], abs=0.3)
        assert planted["within_low"] < 0 < planted["within_high"]
        assert planted["q_within"] > 0.05
    assert "adds nothing that differs from chance" in found.finding()


def test_without_a_signal_p_values_are_uniform(world, random_group):
    coupling, sides, _ = world
    found = find_markers(coupling, sides, random_group)
    for values in ("measured", "projected"):
        noise = found.of(values)
        noise = noise[~noise["feature"].isin(["f0", "f1"])]
        for column in ("p_within", "p_labels"):
            assert stats.kstest(noise[column], "uniform").pvalue > 0.01, (values, column)
        covered = (noise["within_low"] < 0) & (noise["within_high"] > 0)
        assert covered.mean() > 0.9
        assert (noise["q_within"] < 0.05).sum() <= 1


@pytest.mark.parametrize("side", ["source", "target"])
def test_means_are_those_of_the_cells_and_of_their_projections(world, side):
    coupling, sides, _ = world
    cells = np.arange(0, 60, 2)
    found = find_markers(coupling, sides, Selection(side, cells))
    own, other = sides if side == "source" else sides[::-1]
    projected = coupling.pull(other.X) if side == "source" else coupling.push(other.X)
    rest = np.setdiff1d(np.arange(own.n_cells), cells)
    for values, X in (("measured", own.X), ("projected", projected)):
        table = found.of(values).set_index("feature").loc[list(own.var_names)]
        assert table["group_mean"].to_numpy() == pytest.approx(X[cells].mean(axis=0), abs=1e-5)
        assert table["against_mean"].to_numpy() == pytest.approx(X[rest].mean(axis=0), abs=1e-5)
        assert (table["label_part"] + table["within_part"]).to_numpy() == pytest.approx(table["effect"].to_numpy())
    assert found.of("measured")["modality"][0] == own.name
    assert found.n_cells == (cells.size, rest.size)


def test_the_part_of_the_labels_is_what_a_uniform_plan_gives(world, random_group):
    coupling, sides, _ = world
    ours = find_markers(coupling, sides, random_group).of("projected").set_index("feature")
    uniform = match(coupling.source, coupling.target, UniformMatcher())
    theirs = find_markers(uniform, sides, random_group).of("projected").set_index("feature").loc[ours.index]
    assert ours["label_part"].to_numpy() == pytest.approx(theirs["effect"].to_numpy(), abs=1e-5)
    assert theirs["within_part"].to_numpy() == pytest.approx(0, abs=1e-5)
    assert (theirs["p_within"] == 1).all()


def test_whole_labels_have_no_part_within_labels(world):
    coupling, sides, _ = world
    found = find_markers(coupling, sides, Selection("source", np.flatnonzero(sides[0].labels == "L0")))
    assert found.table["within_part"].to_numpy() == pytest.approx(0, abs=0.01)
    assert (found.table["p_within"] == 1).all()
    assert (found.units, found.n_labels) == (APART, LABELS.size)
    assert found.of("projected")["feature"][0] == found.of("measured")["feature"][0] == "f1"
    assert "The groups are whole labels" in found.finding()


def test_errors_and_nulls_are_those_of_drawing_again_and_of_shuffling(world, random_group):
    coupling, sides, _ = world
    found = row(find_markers(coupling, sides, random_group), "measured", WITHIN)
    x, labels = sides[0].X[:, WITHIN].astype(float), sides[0].labels
    means = np.array([x[labels == each].mean() for each in labels])
    sd = np.sqrt(np.sum((x - means) ** 2) / (x.size - LABELS.size))
    contrast = contrast_of(coupling, random_group)
    again, shuffled = contrast.drawn_again(4000, 0), contrast.shuffled(4000, 0)
    assert (found["effect_high"] - found["effect"]) * sd / 1.96 == pytest.approx((again @ x).std(), rel=0.05)
    width = (found["within_high"] - found["within_part"]) * sd / 1.96
    assert width == pytest.approx((again @ (x - means)).std(), rel=0.05)
    null = shuffled @ x
    assert null.mean() == pytest.approx(found["label_part"] * sd, abs=0.01)
    extreme = np.abs(null - null.mean()) >= abs(found["within_part"]) * sd
    assert found["p_within"] == pytest.approx(extreme.mean(), abs=0.03)


def test_labels_are_units_of_a_t_test(world, random_group):
    coupling, sides, _ = world
    projected = coupling.pull(sides[1].X)
    chosen = np.isin(np.arange(sides[0].n_cells), random_group.cells)
    found = find_markers(coupling, sides, random_group)
    for values, X in (("measured", sides[0].X), ("projected", projected)):
        differences = [
            X[chosen & (sides[0].labels == each)].mean(axis=0) - X[~chosen & (sides[0].labels == each)].mean(axis=0)
            for each in LABELS
        ]
        expected = stats.ttest_1samp(np.array(differences, dtype=float), 0).pvalue
        table = found.of(values).set_index("feature").loc[list(sides[0].var_names)]
        assert table["p_labels"].to_numpy() == pytest.approx(expected, abs=1e-3)
    first, second = (np.flatnonzero(np.isin(sides[0].labels, each)) for each in (["L0", "L1"], ["L2", "L3", "L4"]))
    found = find_markers(coupling, sides, Selection("source", first), Selection("source", second))
    means = np.array([sides[0].X[sides[0].labels == each].mean(axis=0) for each in LABELS])
    expected = stats.ttest_ind(means[:2].astype(float), means[2:5].astype(float)).pvalue
    table = found.of("measured").set_index("feature").loc[list(sides[0].var_names)]
    assert table["p_labels"].to_numpy() == pytest.approx(expected, abs=1e-3)


def test_few_labels_have_no_test_over_labels(world):
    coupling, sides, _ = world
    cells = np.flatnonzero(sides[0].labels == "L2")
    found = find_markers(coupling, sides, Selection("source", cells[:10]), Selection("source", cells[10:]))
    assert found.table["p_labels"].isna().all()
    assert any("Fewer than five labels" in note for note in found.notes)


def test_sparse_features_give_what_dense_ones_give(world, random_group):
    coupling, sides, _ = world
    X = [np.where(side.X > 0.7, side.X, 0) for side in sides]
    dense = [replace(side, X=each) for side, each in zip(sides, X, strict=True)]
    thin = [replace(side, X=sparse.csr_matrix(each)) for side, each in zip(sides, X, strict=True)]
    one, other = (find_markers(coupling, (each[0], each[1]), random_group).table for each in (dense, thin))
    one, other = (each.sort_values(["values", "feature"]) for each in (one, other))
    numbers = ["effect", "effect_low", "within_part", "within_high", "p_within", "p_labels"]
    assert one[numbers].to_numpy() == pytest.approx(other[numbers].to_numpy(), abs=2e-3)


def test_a_feature_that_does_not_vary_is_no_marker(world, random_group):
    coupling, sides, _ = world
    flat = np.array(sides[1].X)
    flat[:, 7] = 1000.0
    found = find_markers(coupling, (sides[0], replace(sides[1], X=flat)), random_group)
    planted = row(found, "projected", 7)
    assert planted[["effect", "p_within", "q_within", "p_labels"]].isna().all()
    assert found.of("projected")["feature"].iloc[-1] == "f7"


def test_auroc_is_that_of_mann_and_whitney_with_ties(world):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.poisson(1, 200), np.r_[1e6, rng.normal(size=199)]])
    weights = np.zeros((2, 200))
    weights[0, :50], weights[1, 60:] = 1 / 50, 1 / 140
    expected = stats.mannwhitneyu(X[:50], X[60:]).statistic / (50 * 140)
    assert weighted_auroc(X, weights) == pytest.approx(expected, abs=2e-3)
    assert weighted_auroc(sparse.csr_matrix(X), weights) == pytest.approx(expected, abs=2e-3)


def test_what_cannot_be_compared_is_said(world):
    coupling, sides, _ = world
    group = Selection("source", np.arange(20))
    with pytest.raises(PsmatchError, match="The two groups share 5 cells"):
        find_markers(coupling, sides, group, Selection("source", np.arange(15, 40)))
    with pytest.raises(PsmatchError, match="different modalities: source and target"):
        find_markers(coupling, sides, group, Selection("target", np.arange(40)))
    with pytest.raises(PsmatchError, match="At least 20 resamples are needed, got 3"):
        find_markers(coupling, sides, group, n_resamples=3)
    with pytest.raises(PsmatchError, match="holds all matched cells"):
        find_markers(coupling, sides, Selection("source", np.arange(sides[0].n_cells)))
    without = coupling.with_blocks({label: block for label, block in coupling.blocks.items() if label != "L0"})
    of_label = np.flatnonzero(sides[0].labels == "L0")
    with pytest.raises(PsmatchError, match="No cell of the first group has a match"):
        find_markers(without, sides, Selection("source", of_label))
    found = find_markers(
        without, sides, Selection("source", np.r_[of_label[:3], np.flatnonzero(sides[0].labels == "L1")])
    )
    assert any("40 cells without a match left out" in note for note in found.notes)


def test_who_draws_on_a_map_is_told_that_p_values_are_too_small(world):
    coupling, sides, _ = world
    notes = find_markers(coupling, sides, Selection("source", np.arange(30), "drawn on the map")).notes
    assert any("chosen by the features themselves" in note for note in notes)
