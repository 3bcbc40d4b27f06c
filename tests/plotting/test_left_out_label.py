"""Figures of distances and of a left-out label: they show the numbers of the result, and no name becomes markup."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.distributions import Distributions, compare_distributions
from psmatch_core.evaluation.held_out import CANDIDATE_TITLES, CANDIDATES, HeldOut
from psmatch_core.plotting import distance_dots, predicted_means, predicted_shifts, shifted_features
from psmatch_core.plotting.left_out_baselines import PANELS
from tests.evaluation.test_distributions import OBSERVED, cloud
from tests.plotting.test_figures import HOSTILE, OURS, TAG, texts


def compared(labels=("A", "B")) -> Distributions:
    again = cloud(seed=1)
    named = dict(zip(("A", "B"), labels, strict=True))
    values = {"translated": again.X, "uniform": np.zeros_like(again.X)}
    new = again.with_labels(named).labels
    return compare_distributions(values, new, OBSERVED.with_labels(named), direction="target_to_source")


def left_out(label="A", names=None) -> HeldOut:
    rng = np.random.default_rng(0)
    features = np.array(names if names is not None else [f"g{i}" for i in range(9)])
    d = features.size
    observed = rng.normal(size=d)
    means = {"observed": observed, "translated": observed * 0.8, "uniform": observed * 0.4}
    means |= {"label_mean": observed * 0.1, "no_change": np.zeros(d)}
    return HeldOut(
        label=label,
        control="NT",
        direction="target_to_source",
        input_name="RNA",
        output_name="ADT",
        n_cells=3,
        n_observed=4,
        n_training=10,
        features=features,
        spread=np.ones(d),
        means=means,
        out_of_distribution=compared(),
        in_distribution=None,
        predicted=np.zeros((3, d)),
        obs_names=np.array(["a", "b", "c"]),
    )


def test_shares_of_a_shift_are_known_for_known_predictions():
    found = left_out()
    assert found.shift_explained["translated"] == pytest.approx(1 - 0.2**2)
    assert found.shift_explained["uniform"] == pytest.approx(1 - 0.6**2)
    assert found.shift_explained["no_change"] == 0
    assert found.shift_correlation["translated"] == pytest.approx(1)
    assert np.isnan(found.shift_correlation["no_change"])
    assert found.same_direction(20) == (9, 9)
    assert found.same_direction(20, "uniform") == (9, 9)


def test_the_scatter_holds_every_feature_and_names_the_most_shifted():
    found = left_out()
    fig = predicted_means(found)
    assert fig.data[1].x == pytest.approx(found.means["observed"], rel=1e-6)
    assert fig.data[1].y == pytest.approx(found.means["translated"], rel=1e-6)
    assert list(fig.data[2].text) == list(found.table()["feature"][:6])
    assert "96%" in fig.layout.title.text
    assert "-0%" not in predicted_means(found, "no_change").layout.title.text


def test_each_baseline_has_a_panel_with_its_own_shifts_and_what_it_explains():
    found = left_out()
    fig = predicted_shifts(found)
    points = [trace for trace in fig.data if trace.mode == "markers"]
    assert [trace.name for trace in points] == [CANDIDATE_TITLES[name] for name, _ in PANELS]
    for (name, _), trace, title in zip(PANELS, points, fig.layout.annotations, strict=True):
        assert trace.x == pytest.approx(found.shifts["observed"], rel=1e-6)
        assert trace.y == pytest.approx(found.shifts[name], rel=1e-6, abs=1e-6)
        assert title.text.replace("<br>", " ") == f"{CANDIDATE_TITLES[name]}: {found.shift_explained[name]:.0%}"
    assert {name for name, _ in PANELS} == set(CANDIDATES)
    ranges = {(axis.range[0], axis.range[1]) for axis in (*fig.select_xaxes(), *fig.select_yaxes())}
    assert len(ranges) == 1


def test_the_panels_of_a_label_like_its_control_say_that_nothing_is_known():
    found = left_out()
    still = replace(found, means={name: np.zeros(9) for name in found.means})
    assert all("unknown" in each.text for each in predicted_shifts(still).layout.annotations)


def test_the_bars_are_the_observed_shifts_largest_first():
    found = left_out()
    fig = shifted_features(found, top=4)
    assert fig.data[0].x == pytest.approx(found.table()["shift_observed"][:4].to_numpy(), rel=1e-6)
    title = fig.layout.title.text.replace("<br>", " ")
    assert "4 of the 4 most shifted features are predicted in the observed direction, by a uniform matching 4" in title


@pytest.mark.parametrize(
    ("mine", "uniform", "said"),
    [
        (0.8, 0.4, "96% of its shift from NT is explained, by a uniform matching 64%: the matching adds 32 points"),
        (0.5, 0.51, "75% of its shift from NT is explained, by a uniform matching 76%: no better than uniform"),
        (0.51, 0.5, "76% of its shift from NT is explained, by a uniform matching 75%: no better than uniform"),
        (0.3, 0.5, "51% of its shift from NT is explained, by a uniform matching 75%: the matching makes it worse"),
        (-1.0, 0.5, "-300% of its shift from NT is explained, by a uniform matching 75%: no better than predicting "
         "no change (mean of the training labels 19%)"),
    ],
)  # fmt: skip
def test_a_shift_is_explained_beside_what_uniform_explains(mine, uniform, said):
    found = left_out()
    observed = found.means["observed"]
    found = replace(found, means={**found.means, "translated": mine * observed, "uniform": uniform * observed})
    assert found.finding() == said
    assert said in found.report()
    assert said in predicted_means(found).layout.title.text.replace("<br>", " ")


def test_a_label_like_its_control_has_no_shift_to_explain():
    found = left_out()
    still = replace(found, means={name: np.zeros(9) for name in found.means})
    assert still.finding() == "A does not differ from NT, so there is no shift to explain"


@pytest.mark.parametrize("measure", ["l2_mean", "kl", "w1", "energy", "mmd2"])
def test_dots_are_the_distances_of_the_labels(measure):
    found = compared()
    fig = distance_dots(found, measure)
    mine = sorted(row.distances["translated"][measure] for row in found.per_label)
    assert list(fig.data[2].x) == pytest.approx(mine, rel=1e-5)
    title = OURS.sub(" ", fig.layout.title.text).replace("  ", " ")
    assert "uniform plan" in title
    assert "similar clouds do not show that matches are right" in " ".join(title.split())
    assert ("not drawn: 2 infinite values" in " ".join(title.split())) == (measure == "kl")
    assert ("uniform plan ∞" in title) == (measure == "kl")


def test_no_name_becomes_markup():
    figures = [
        distance_dots(compared(HOSTILE[:2])),
        predicted_means(left_out(HOSTILE[0], HOSTILE)),
        predicted_shifts(left_out(HOSTILE[0], HOSTILE)),
        shifted_features(left_out(HOSTILE[1], HOSTILE)),
    ]
    for fig in figures:
        for text in texts(fig.to_plotly_json()):
            assert not TAG.search(OURS.sub("", text)), text
            assert "$" not in text


def test_unknown_names_are_refused():
    with pytest.raises(PsmatchError, match="There is no distance 'speed'"):
        distance_dots(compared(), "speed")
    with pytest.raises(PsmatchError, match="There is no candidate 'best'"):
        predicted_means(left_out(), "best")


def test_nothing_to_compare_is_a_figure_that_says_so():
    found = compared()
    empty = Distributions(**{**vars(found), "per_label": ()})
    assert "no label has enough cells" in distance_dots(empty).layout.title.text.replace("<br>", " ")


def test_the_title_counts_the_directions_of_the_uniform_matching_apart():
    """Nine features, all predicted in their direction, and by a uniform matching only the three least shifted."""
    observed, found = np.arange(9.0, 0.0, -1.0), left_out()
    uniform = np.where(observed <= 3, observed, -observed)
    means = {**found.means, "observed": observed, "translated": 0.5 * observed, "uniform": uniform}
    title = shifted_features(replace(found, means=means)).layout.title.text.replace("<br>", " ")
    assert "9 of the 9 most shifted features" in title
    assert "in the observed direction, by a uniform matching 3" in title
