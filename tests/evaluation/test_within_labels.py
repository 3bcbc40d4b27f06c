"""R² within labels: known answers, the uniform plan beside it, and no gain where there is none."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.gain import ADDS, HARMS, LEAST_GAIN, NOTHING, Gain, gain_sentence, r2_words
from psmatch_core.evaluation.within_labels import (
    ALL_FEATURES,
    FALSE_SHARE,
    MATCHED,
    TRUE_PAIRS,
    _standard_error,
    accuracy_in_words,
    accuracy_table,
    feature_accuracy,
)
from tests.conftest import make_modality

N = 300
ABOUT = {"direction": "target_to_source", "at": "RNA", "translator": "Ridge regression"}


@pytest.fixture(scope="module")
def cells():
    """300 cells of three labels far apart, five features."""
    return make_modality("ADT", n=N, n_features=5, seed=3)


def label_means(cells):
    return np.stack([cells.X[cells.labels == label].mean(axis=0) for label in cells.labels.tolist()])


def mixed(cells, share):
    """The mean of a cell's label moved towards the cell: R² within labels is 1 − (1 − share)²."""
    means = label_means(cells)
    return means + share * (cells.X - means)


def judged(cells, predicted, **more):
    return feature_accuracy(predicted, cells, np.arange(cells.n_cells), **ABOUT, **more)


def test_zero_is_the_mean_of_the_label_and_one_the_cell_itself(cells):
    found = judged(cells, {MATCHED: cells.X, UNIFORM: label_means(cells)})
    assert found.r2 == {MATCHED: pytest.approx(1), UNIFORM: pytest.approx(0, abs=1e-9)}
    assert found.feature_r2[MATCHED] == pytest.approx([1] * 5)
    assert found.feature_r2[UNIFORM] == pytest.approx([0] * 5, abs=1e-9)
    assert (found.n_cells, found.n_labels, found.gain.value) == (N, 3, pytest.approx(1))


def test_r2_is_one_minus_the_error_over_that_of_the_label_mean(cells):
    found = judged(cells, {MATCHED: mixed(cells, 0.5), UNIFORM: mixed(cells, 0.2)})
    assert found.r2 == {MATCHED: pytest.approx(0.75), UNIFORM: pytest.approx(0.36)}
    assert found.feature_r2[UNIFORM] == pytest.approx([0.36] * 5)
    assert found.gain.value == pytest.approx(0.39)


def test_differences_between_labels_count_for_nothing(cells):
    """A prediction that is right but for the means of labels is perfect within them, and worse than those means."""
    wrong = cells.X + 3.0 * (cells.labels == "A")[:, None] - 5.0
    found = judged(cells, {MATCHED: wrong, UNIFORM: label_means(cells)})
    assert found.r2[MATCHED] == pytest.approx(1)
    assert found.feature_r2[MATCHED] == pytest.approx([1] * 5)
    assert found.over_mean[MATCHED] < -1
    assert any("The mean of the label alone predicts better than this translator" in each for each in found.remarks())
    right = judged(cells, {MATCHED: cells.X, UNIFORM: label_means(cells)})
    assert right.over_mean == {MATCHED: pytest.approx(1), UNIFORM: pytest.approx(0, abs=1e-9)}
    assert not any("alone predicts better" in each for each in right.remarks())


def test_whatever_is_constant_within_labels_explains_nothing(cells):
    overall = np.tile(cells.X.mean(axis=0), (N, 1))
    found = judged(cells, {MATCHED: overall, UNIFORM: label_means(cells)})
    assert found.r2 == {MATCHED: pytest.approx(0, abs=1e-9), UNIFORM: pytest.approx(0, abs=1e-9)}
    assert found.gain.kind == NOTHING


def test_each_feature_counts_alike_whatever_its_unit(cells):
    large = cells.with_features(cells.X * np.array([1e4, 1, 1, 1, 1]), cells.var_names)
    predicted = {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells)}
    in_units = {plan: values * np.array([1e4, 1, 1, 1, 1]) for plan, values in predicted.items()}
    assert judged(large, in_units).r2[MATCHED] == pytest.approx(judged(cells, predicted).r2[MATCHED], rel=1e-4)


def test_a_feature_without_variance_within_labels_has_no_r2(cells):
    X = cells.X.copy()
    X[:, 2] = np.where(cells.labels == "A", 3.0, 1.0)  # all between labels
    flat = cells.with_features(X, cells.var_names)
    found = judged(flat, {MATCHED: X, UNIFORM: label_means(flat)})
    assert np.isnan(found.feature_r2[MATCHED][2])
    assert found.r2[MATCHED] == pytest.approx(1)
    assert found.feature_finding("f2") == "It does not vary within labels"


def test_the_share_of_the_gap_is_that_between_uniform_and_true_pairs(cells):
    found = judged(cells, {MATCHED: mixed(cells, 0.06), UNIFORM: mixed(cells, 0.04), TRUE_PAIRS: mixed(cells, 0.065)})
    value = (found.r2[MATCHED] - found.r2[UNIFORM]) / (found.r2[TRUE_PAIRS] - found.r2[UNIFORM])
    assert found.gap_closed == pytest.approx(value) == pytest.approx(0.8, abs=0.01)
    assert "the matching closes 80% of the gap" in found.remarks()[-1]
    assert found.remarks()[1] == "Both classifiers were trained on these cells, which flatters the matching."


def test_more_than_the_whole_gap_is_the_whole_gap(cells):
    found = judged(cells, {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells), TRUE_PAIRS: mixed(cells, 0.2)})
    assert found.gap_closed > 1
    assert "the matching closes the whole gap between" in found.remarks()[-1]


def test_no_share_of_the_gap_is_claimed_where_the_matching_adds_nothing(cells):
    noise = 0.4 * np.random.default_rng(0).normal(size=cells.X.shape)
    uniform = label_means(cells)
    found = judged(cells, {MATCHED: uniform + 0.001 * noise, UNIFORM: uniform, TRUE_PAIRS: mixed(cells, 0.2)})
    assert found.gain.kind == NOTHING
    assert "the matching closes nothing that can be measured of the gap" in found.remarks()[-1]


def test_where_true_pairs_gain_nothing_there_is_no_gap(cells):
    found = judged(cells, {plan: label_means(cells) for plan in (MATCHED, UNIFORM, TRUE_PAIRS)})
    assert np.isnan(found.gap_closed)
    assert found.remarks()[-1].endswith("it has nothing to gain within labels.")


def test_the_interval_is_that_of_resampled_cells(cells):
    rng = np.random.default_rng(0)
    predicted = {
        MATCHED: mixed(cells, 0.4) + rng.normal(size=(N, 5)) * 0.3,
        UNIFORM: mixed(cells, 0.1) + rng.normal(size=(N, 5)) * 0.3,
    }
    found = judged(cells, predicted)
    means, spread = label_means(cells), cells.X.std(axis=0)
    off = ((cells.X - means) / spread) ** 2
    worse = ((predicted[UNIFORM] - cells.X) / spread) ** 2 - ((predicted[MATCHED] - cells.X) / spread) ** 2
    rows = [np.flatnonzero(cells.labels == label) for label in np.unique(cells.labels)]
    drawn = []
    for _ in range(2000):
        again = np.concatenate([rng.choice(each, each.size) for each in rows])
        drawn.append((worse[again].sum() / off[again].sum(), worse[again, 1].sum() / off[again, 1].sum()))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    for gain, at in ((found.gain, 0), (found.feature_gain("f1"), 1)):
        assert gain.high - gain.low == pytest.approx(high[at] - low[at], rel=0.1)


def test_the_standard_error_is_the_spread_over_other_cells_for_labels_of_two_too():
    """200 labels with two cells each, and a difference without a mean: the ratio has the error 1 / √400."""
    rng, group = np.random.default_rng(0), np.repeat(np.arange(200), 2)
    errors = _standard_error(rng.normal(size=(400, 50)), np.ones((400, 50)), group)
    assert errors.mean() == pytest.approx(1 / np.sqrt(400), rel=0.03)


def test_noise_is_not_called_gain():
    """Of 100 draws of predictions that are noise around the label mean, almost none is called a gain."""
    cells = make_modality("ADT", n=120, n_features=8, seed=5)
    means, kinds, listed = label_means(cells), [], 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        predicted = {plan: means + 0.2 * rng.normal(size=means.shape) for plan in (MATCHED, UNIFORM)}
        found = judged(cells, predicted)
        kinds.append(found.gain.kind)
        listed += bool(found.gained)
    assert kinds.count(ADDS) <= 7
    assert listed <= 12


def test_features_that_gain_are_listed_by_their_gain(cells):
    share = np.array([0.5, 0.0, 0.0, 0.8, 0.0])
    found = judged(cells, {MATCHED: mixed(cells, share), UNIFORM: label_means(cells)})
    assert found.gained == ("f3", "f0")
    table = found.table().set_index("feature")
    assert table.index[0] == ALL_FEATURES
    assert table["adds"].to_dict() == {
        ALL_FEATURES: True,
        "f0": True,
        "f1": False,
        "f2": False,
        "f3": True,
        "f4": False,
    }
    assert table.loc["f3", "gain"] == pytest.approx(table.loc["f3", "r2_matched"] - table.loc["f3", "r2_uniform"])
    assert found.feature_finding("f3").startswith("The matching adds 0.960: ")
    assert found.feature_finding("f1") == (
        "The matching adds nothing that can be measured: R² within labels 0.000, uniform plan 0.000"
    )


def test_a_feature_that_gains_by_chance_alone_is_not_said_to_gain(cells):
    """Its own interval excludes 0, but it is the only one of many."""
    found = judged(cells, {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells)})
    z = np.array([2.1, 0.0, 0.0, 0.0, 0.0])
    values = 0.05 + np.zeros(5)
    alone = replace(
        found,
        feature_r2={MATCHED: tuple(values * (z > 0)), UNIFORM: (0.0,) * 5},
        gain_errors=tuple(np.where(z > 0, values / np.maximum(z, 1e-9), 1.0)),
    )
    assert alone.feature_gain("f0").kind == ADDS
    assert alone.gained == ()  # 0.018 is above 0.05 / 5
    assert FALSE_SHARE == 0.05
    assert alone.feature_finding("f0").startswith("The matching adds nothing that can be measured")


@pytest.mark.parametrize(
    ("gain", "kind"),
    [
        (Gain(0.03, 0.02, 0.04), ADDS),
        (Gain(0.03, -0.01, 0.07), NOTHING),
        (Gain(LEAST_GAIN / 2, 0.004, 0.006), NOTHING),  # sure, but too small to matter
        (Gain(-LEAST_GAIN / 2, -0.006, -0.004), NOTHING),
        (Gain(-0.05, -0.06, -0.04), HARMS),
        (Gain(-0.05, -0.11, 0.01), NOTHING),
        (Gain(float("nan"), float("nan"), float("nan")), NOTHING),
    ],
)
def test_a_gain_is_one_where_it_is_sure_and_large_enough(gain, kind):
    assert gain.kind == kind


def test_the_sentence_says_harm_and_nothing_first():
    assert gain_sentence(Gain(-0.05, -0.06, -0.04), -0.04, 0.01) == (
        "The matching makes predictions worse: R² within labels −0.040, uniform plan 0.010"
    )
    assert gain_sentence(Gain(0.001, 0, 0.002), 0.013, 0.012).startswith(
        "The matching adds nothing that can be measured"
    )
    assert (r2_words(-1e-9), r2_words(float("nan")), r2_words(-0.25)) == ("0.000", "–", "−0.250")


def test_both_results_of_a_direction_make_one_table_and_one_text_each(cells):
    own = judged(cells, {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells)})
    probe = judged(cells, {plan: mixed(cells, 0.3) for plan in (MATCHED, UNIFORM, TRUE_PAIRS)}, is_held_out=True)
    table = accuracy_table([own, probe])
    assert list(table.columns) == [
        "feature", "r2_matched", "r2_uniform", "gain", "gain_low", "gain_high", "adds",
        "ridge_r2_matched", "ridge_r2_uniform", "ridge_r2_true_pairs",
    ]  # fmt: skip
    assert table["ridge_r2_uniform"][0] == pytest.approx(probe.r2[UNIFORM])
    assert accuracy_table([]).empty
    first, second = accuracy_in_words({"target_to_source": (own, probe)})
    assert first.startswith("ADT features of RNA cells, ridge regression: The matching adds ")
    assert "300 cells in 3 labels with a known partner." in first
    assert "with a known partner, which were not used for training." in second


def test_without_a_cell_or_a_plan_it_says_what_is_missing(cells):
    with pytest.raises(PsmatchError, match="got 0 cells and matched, uniform"):
        feature_accuracy({MATCHED: cells.X[:0], UNIFORM: cells.X[:0]}, cells, np.zeros(0, dtype=int), **ABOUT)
    with pytest.raises(PsmatchError, match="got 300 cells and matched"):
        judged(cells, {MATCHED: cells.X})


def test_each_feature_counts_alike_whatever_its_unit_where_features_are_predicted_unequally_well(cells):
    """R² of 0.75, 0.19, 0, 0.96 and 0.36: together it is their mean by the variance within labels, in deviations."""
    share, unit = np.array([0.5, 0.1, 0.0, 0.8, 0.2]), np.array([1e3, 1, 1e-2, 1, 30])
    large = cells.with_features(cells.X * unit, cells.var_names)
    predicted = {MATCHED: mixed(cells, share), UNIFORM: label_means(cells)}
    found = judged(large, {plan: values * unit for plan, values in predicted.items()})
    variance = np.var(cells.X - label_means(cells), axis=0) / np.var(cells.X, axis=0)
    assert found.r2[MATCHED] == pytest.approx(np.average(1 - (1 - share) ** 2, weights=variance), rel=1e-4)
    assert found.r2[MATCHED] == pytest.approx(judged(cells, predicted).r2[MATCHED], rel=1e-4)


def with_gains(found, values, z):
    """The same result with these gains of its features, in standard errors."""
    rest = (0.0,) * (len(found.features) - len(values))
    return replace(
        found,
        feature_r2={MATCHED: (*values, *rest), UNIFORM: (0.0,) * len(found.features)},
        gain_errors=(*(np.array(values) / np.array(z)).tolist(), *(1.0 for _ in rest)),
    )


def test_a_feature_whose_gain_is_sure_but_too_small_to_matter_is_not_listed(cells):
    found = judged(cells, {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells)})
    assert with_gains(found, (LEAST_GAIN / 2, LEAST_GAIN * 2), (50.0, 50.0)).gained == ("f1",)


@pytest.mark.parametrize("z", [(2.4,), (2.4, 2.2), (1.9, 2.3, 1.9), (1.8, 1.7, 1.9, 1.75, 1.66), (2.6, 0.1, 0.2, 2.0)])
def test_listed_features_are_those_whose_false_discovery_rate_is_at_most_that_allowed(cells, z):
    found = judged(cells, {MATCHED: mixed(cells, 0.3), UNIFORM: label_means(cells)})
    q = stats.false_discovery_control(stats.norm.sf([*z, *(0.0,) * (5 - len(z))]))
    expected = {f"f{at}" for at in np.flatnonzero(q <= FALSE_SHARE)}
    assert expected
    assert set(with_gains(found, (0.1,) * len(z), z).gained) == expected
