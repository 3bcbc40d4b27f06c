"""Two matchings compared: a matching with itself, with one that shares the label only, and the cells that both have."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.exploration import two_matchings
from psmatch_core.exploration.two_matchings import compare_matchings, figure_differences
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import ExactMatcher, SinkhornMatcher, UniformMatcher
from tests.conftest import make_modality

NAMES = ("sharp", "smooth")


@pytest.fixture(scope="module")
def models():
    sides = [make_modality("RNA", n=90), make_modality("ADT", n=75, n_features=5, seed=1)]
    return [fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides]


@pytest.fixture(scope="module")
def sharp(models):
    return match(*models, SinkhornMatcher(epsilon=0.02))


def whole(coupling, label):
    plan = coupling[label].to_array()
    return plan / plan.sum(axis=1, keepdims=True)


def test_a_matching_shares_everything_with_itself_and_less_by_label(sharp):
    found = compare_matchings(sharp, sharp)
    assert np.allclose(found.cells["shared_mass"], 1)
    assert found.same_best == 1
    assert found.by_label < 0.7
    assert found.n_only == (0, 0)


def test_the_shared_mass_is_the_overlap_of_the_rows_and_the_same_both_ways(models, sharp):
    smooth = match(*models, SinkhornMatcher(epsilon=0.5))
    found, back = compare_matchings(sharp, smooth), compare_matchings(smooth, sharp)
    for label in sharp.labels:
        expected = np.minimum(whole(sharp, label), whole(smooth, label)).sum(axis=1)
        assert np.allclose(found.cells.query("label == @label")["shared_mass"], expected)
    assert np.allclose(found.cells["shared_mass"], back.cells["shared_mass"])


def test_a_uniform_plan_shares_with_any_other_exactly_what_chance_gives(models, sharp):
    found = compare_matchings(sharp, match(*models, UniformMatcher()))
    assert np.allclose(found.cells["shared_mass"], found.cells["by_label"])


@pytest.mark.parametrize("seed", range(6))
def test_by_label_alone_every_cell_has_the_matches_of_another_one(seed):
    """Labels of two cells, each matched with one: the other cell's match is never its own."""
    sides = [fit_propensity(make_modality(name, n=6, seed=at), LinearClassifier()) for at, name in enumerate(NAMES)]
    coupling = match(*sides, UniformMatcher())
    coupling = coupling.with_blocks({label: DenseBlock(np.eye(2) / 2) for label in coupling.labels})
    found = compare_matchings(coupling, coupling, seed=seed).cells
    assert found["shared_mass"].tolist() == [1.0] * 6
    assert found["by_label"].tolist() == pytest.approx([0.0] * 6)


def test_pieces_of_rows_change_nothing_but_the_exchange(sharp, models, monkeypatch):
    exact = match(*models, ExactMatcher())
    before = compare_matchings(sharp, exact).cells
    monkeypatch.setattr(two_matchings, "TILE_VALUES", 100)  # a few rows at a time
    after = compare_matchings(sharp, exact).cells
    assert np.allclose(before["shared_mass"], after["shared_mass"])
    assert (before["same_best"] == after["same_best"]).all()


def test_cells_are_the_same_by_name_whatever_their_order_and_cells_of_one_run_are_counted(models, sharp):
    kept = [np.random.default_rng(0).permutation(each.modality.n_cells)[: each.modality.n_cells - 6] for each in models]
    part = [
        fit_propensity(
            each.modality.select(np.isin(np.arange(each.modality.n_cells), rows), "not in this run"),
            LinearClassifier(strength=0.1),
        )
        for each, rows in zip(models, kept, strict=True)
    ]
    other = match(*part, SinkhornMatcher(epsilon=0.02))
    found = compare_matchings(sharp, other)
    assert found.n_only == (6, 0)
    assert set(found.cells["cell"]) == set(part[0].modality.obs_names)
    assert "6 more are matched in sharp only" in replace(found, names=NAMES).sentence()
    row = found.cells.iloc[0]
    label, cell = row["label"], row["cell"]
    mine, its = (
        dict(
            zip(
                c.target.modality.obs_names[c.target_cells[label]],
                whole(c, label)[c.source.modality.obs_names[c.source_cells[label]].tolist().index(cell)],
                strict=True,
            )
        )
        for c in (sharp, other)
    )
    assert row["shared_mass"] == pytest.approx(sum(min(value, its.get(name, 0)) for name, value in mine.items()))


def test_a_renamed_label_is_compared_and_said(models, sharp):
    renamed = [
        fit_propensity(each.modality.with_labels({"A": "control"}), LinearClassifier(strength=0.1)) for each in models
    ]
    found = compare_matchings(sharp, match(*renamed, SinkhornMatcher(epsilon=0.02)), names=NAMES)
    assert set(found.cells.query("label == 'A'")["other_label"]) == {"control"}
    assert "30 of the cells have another label in smooth." in found.sentence()


def test_labels_that_agree_least_come_first(models, sharp):
    table = compare_matchings(sharp, match(*models, SinkhornMatcher(epsilon=0.5))).labels()
    assert table["shared_mass"].is_monotonic_increasing
    assert table["n_cells"].sum() == 90


def test_runs_without_a_common_cell_are_refused(models, sharp):
    other = [
        replace(each, modality=replace(each.modality, obs_names=np.char.add("x", each.modality.obs_names)))
        for each in models
    ]
    with pytest.raises(PsmatchError, match="The two matchings have no cells in common"):
        compare_matchings(sharp, match(*other, SinkhornMatcher(epsilon=0.02)))


def cells_of(values, names=None):
    n = len(values)
    return pd.DataFrame(
        {
            "cell": names or [f"c{i}" for i in range(n)],
            "label": np.resize(["A", "B"], n),
            "foscttm": values,
            "rank": values,
            "trace_fold": values,
        }
    )


def test_differences_are_paired_and_their_interval_covers_what_is_planted():
    draw = np.random.default_rng(0)
    first = draw.uniform(size=200)
    table = figure_differences(cells_of(first), cells_of(first - 0.1 + 0.05 * draw.normal(size=200))).set_index(
        "metric"
    )
    row = table.loc["foscttm"]
    assert row["low"] < -0.1 < row["high"] < 0
    assert row["difference"] == pytest.approx(row["second"] - row["first"])
    assert row["n_pairs"] == 200


def test_only_pairs_that_both_judged_are_compared():
    first, second = cells_of([0.1, 0.2, 0.3]), cells_of([0.5, 0.6], ["c2", "c9"])
    table = figure_differences(first, second).set_index("metric")
    assert table.loc["rank", "n_pairs"] == 1
    assert table.loc["rank", "difference"] == pytest.approx(0.2)


def test_rows_of_one_large_label_are_told_and_a_listener_may_stop_it(models, sharp, monkeypatch):
    monkeypatch.setattr(two_matchings, "TILE_VALUES", 100)
    heard = []
    found = compare_matchings(sharp, sharp, progress=heard.append)
    shares = [each.fraction for each in heard]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    first = sharp.labels[0]
    inside = [each.message for each in heard if each.message.startswith(f"label {first}: ")]
    n = sharp.source_cells[first].size
    assert len(inside) > 3
    assert all(text.endswith(f" of {n:,} cells") for text in inside)
    assert found.shared_mass == pytest.approx(1)

    def stop(event):
        if event.fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare_matchings(sharp, sharp, progress=stop)
