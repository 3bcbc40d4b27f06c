"""Projection: plan times value; a constant stays constant, a uniform plan gives the mean of the label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.marking_features import shares_between
from psmatch_core.exploration.projection import (
    RARER,
    effective_of_cells,
    heaviest_match,
    is_on_scale,
    project_column,
)
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import NeighborMatcher, SinkhornMatcher, UniformMatcher

SIDES = ("source", "target")


@pytest.fixture(scope="module", params=[SinkhornMatcher(), NeighborMatcher(3)], ids=["sinkhorn", "neighbours"])
def coupling(models, request):
    return match(*models, request.param)


def of_side(coupling, side):
    return (coupling.source if side == "source" else coupling.target).modality


def plan(coupling, side):
    """The whole plan with a row for each cell that is predicted, each row of sum 1 or 0."""
    dense = coupling.to_sparse().toarray()
    rows = dense.T if side == "source" else dense
    return rows / np.where(rows.sum(axis=1, keepdims=True) > 0, rows.sum(axis=1, keepdims=True), 1)


@pytest.mark.parametrize("side", SIDES)
def test_a_projection_is_the_plan_times_the_values(coupling, side):
    values = np.random.default_rng(0).normal(size=of_side(coupling, side).n_cells)
    found, rows = project_column(coupling, side, values), plan(coupling, side)
    has_match = rows.sum(axis=1) > 0
    assert found.values[has_match] == pytest.approx((rows @ values)[has_match])
    assert np.isnan(found.values[~has_match]).all()


@pytest.mark.parametrize("side", SIDES)
def test_a_category_has_the_share_of_the_weight_that_its_cells_have(coupling, side):
    rng = np.random.default_rng(1)
    texts = rng.choice(["one", "two", "three"], size=of_side(coupling, side).n_cells)
    found, rows = project_column(coupling, side, texts), plan(coupling, side)
    names = np.array(sorted({*texts}))
    shares = rows @ (texts[:, None] == names)
    has_match = rows.sum(axis=1) > 0
    at = [int(np.flatnonzero(names == each)[0]) for each in found.values[has_match]]
    assert found.weight is not None
    assert found.weight[has_match] == pytest.approx(shares[has_match].max(axis=1))
    assert shares[has_match, at] == pytest.approx(shares[has_match].max(axis=1))


@pytest.mark.parametrize("side", SIDES)
def test_what_is_the_same_in_every_cell_stays_the_same(coupling, side):
    rng, n = np.random.default_rng(2), of_side(coupling, side).n_cells
    has_match = plan(coupling, side).sum(axis=1) > 0
    ramp = 3 + 1e-9 * rng.permutation(n)  # numbers, and as good as constant
    assert project_column(coupling, side, ramp).values[has_match] == pytest.approx(3.0)
    texts = project_column(coupling, side, np.repeat("one batch", n))
    assert set(texts.values[has_match].tolist()) == {"one batch"}
    assert texts.weight[has_match] == pytest.approx(1.0)


@pytest.mark.parametrize("side", SIDES)
def test_a_uniform_plan_shows_the_mean_of_the_label_and_nothing_within(models, side):
    uniform = match(*models, UniformMatcher())
    rng, modality = np.random.default_rng(3), of_side(uniform, side)
    values = rng.normal(size=modality.n_cells) + (modality.labels == "A")
    found = project_column(uniform, side, values)
    assert found.values == pytest.approx(found.label_values)
    for label in uniform.labels:
        other = of_side(uniform, "target" if side == "source" else "source").labels == label
        assert found.label_values[other] == pytest.approx(values[modality.labels == label].mean())
    assert found.within == pytest.approx(0.0, abs=1e-9)
    assert found.measured_within > 0.5
    texts = project_column(uniform, side, rng.choice(["one", "two"], size=modality.n_cells))
    assert (texts.values == texts.label_values).all()
    assert texts.weight == pytest.approx(texts.label_weight)


@pytest.mark.parametrize("side", SIDES)
def test_the_share_within_labels_grows_with_what_the_plan_tells_of_single_cells(models, side):
    """A value that the plan cannot follow is averaged away within a label; the means of the labels stay."""
    shares = [
        project_column(match(*models, SinkhornMatcher(epsilon=epsilon)), side, _score(models, side)).within
        for epsilon in (0.01, 0.1, 10.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.2
    assert shares[-1] < 0.01


def _score(models, side):
    return (models[0] if side == "source" else models[1]).space[:, 0].astype(float)


def test_cells_without_a_value_count_for_nothing(coupling):
    n = coupling.target.modality.n_cells
    values = np.arange(n, dtype=float)
    unknown = values.copy()
    unknown[::3] = np.nan
    rows = plan(coupling, "target").copy()
    rows[:, ::3] = 0
    has_known = rows.sum(axis=1) > 0
    expected = (rows @ values)[has_known] / rows.sum(axis=1)[has_known]
    assert project_column(coupling, "target", unknown).values[has_known] == pytest.approx(expected)
    texts = np.where(np.arange(n) % 3 == 0, "", "here")
    found = project_column(coupling, "target", texts)
    assert set(found.values[has_known].tolist()) == {"here"}
    assert found.weight[has_known] == pytest.approx(1.0)


def test_cells_of_labels_without_a_plan_have_no_projection(models):
    source, target = models
    whole = match(source, target)
    blocks = {label: block for label, block in whole.blocks.items() if label != "B"}
    found = project_column(replace(whole, blocks=blocks), "source", np.arange(source.modality.n_cells, dtype=float))
    is_b = target.modality.labels == "B"
    assert np.isnan(found.values[is_b]).all()
    assert np.isnan(found.label_values[is_b]).all()
    assert np.isfinite(found.values[~is_b]).all()


def test_a_column_of_names_is_counted_together_and_not_projected_one_by_one(models):
    coupling = match(*models, UniformMatcher())
    names = np.array([f"cell {at}" for at in range(coupling.source.modality.n_cells)])
    found = project_column(coupling, "source", names)
    assert {*found.values.tolist()} <= {*names.tolist(), RARER}
    assert RARER in found.values


def test_flags_are_categories_and_quantities_are_not():
    assert is_on_scale(np.array([0.0, 1.0, 2.0]))
    assert not is_on_scale(np.array([0, 1, 1, 0]))
    assert not is_on_scale(np.array(["0.1", "0.2", "0.3"]))
    assert is_on_scale(np.array([0.0, np.nan]), np.array([1, 2]))


def test_a_column_of_another_length_is_refused(coupling):
    with pytest.raises(PsmatchError, match=r"RNA has 66 cells, got values of shape \(3,\)\."):
        project_column(coupling, "source", np.zeros(3))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_share_between_groups_is_that_of_an_analysis_of_variance(kind):
    from scipy import sparse

    rng = np.random.default_rng(4)
    groups = np.array(["a", "b", "b", "c", "a", "c", "b", "a"] * 5)
    X = rng.poisson(1.0, size=(40, 6)).astype(np.float32)
    X[:, 0] = groups == "b"  # the groups themselves
    X[:, 1] = 2.0  # nothing varies
    expected = [
        1
        - sum(((x[groups == each] - x[groups == each].mean()) ** 2).sum() for each in "abc")
        / ((x - x.mean()) ** 2).sum()
        for x in X[:, 2:].T.astype(float)
    ]
    found = shares_between(sparse.csr_matrix(X) if kind == "sparse" else X, groups)
    assert found[:2] == pytest.approx([1.0, 0.0])
    assert found[2:] == pytest.approx(expected)


@pytest.mark.parametrize("side", SIDES)
def test_the_best_match_of_a_cell_has_the_largest_entry_of_its_row(coupling, side):
    rows = plan(coupling, "target" if side == "source" else "source")
    cells = np.arange(0, rows.shape[0], 3)
    match_of, weight = heaviest_match(coupling, side, cells)
    has_match = rows[cells].sum(axis=1) > 0
    assert (match_of >= 0).tolist() == has_match.tolist()
    assert weight == pytest.approx(rows[cells].max(axis=1))
    assert rows[cells[has_match], match_of[has_match]] == pytest.approx(weight[has_match])


@pytest.mark.parametrize("side", SIDES)
def test_effective_matches_are_those_of_each_cells_own_row(coupling, side):
    rows = plan(coupling, "target" if side == "source" else "source")
    log = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
    expected = np.where(rows.sum(axis=1) > 0, np.exp(-(rows * log).sum(axis=1)), 0)
    assert effective_of_cells(coupling, side) == pytest.approx(expected, rel=1e-6)
