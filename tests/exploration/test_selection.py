"""Selections: which cells a shape holds, where their weight goes, what is said of them, and how they are kept."""

import zipfile
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration import selection
from psmatch_core.exploration.maps import map_scores
from psmatch_core.exploration.selection import (
    Selection,
    feature_values,
    in_panel,
    in_rectangle,
    inside,
    matched_weight,
    on_map,
    selected_cells_table,
)
from psmatch_core.matching.match import match
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.selections import (
    delete_selection,
    export_selections,
    load_selections,
    save_selection,
    selection_table,
)


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


def test_a_box_and_its_corners_hold_the_same_points():
    xy = np.random.default_rng(0).normal(size=(500, 2))
    boxed = (xy[:, 0] > -0.5) & (xy[:, 0] < 1) & (xy[:, 1] > 0) & (xy[:, 1] < 0.7)
    assert (inside(xy, [(-0.5, 0), (1, 0), (1, 0.7), (-0.5, 0.7)]) == boxed).all()


def test_a_polygon_holds_its_star_and_not_its_bay():
    polygon = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    assert inside(np.array([[2, 0.5], [0.5, 2], [2, 3], [5, 1], [3.5, 2]]), polygon).tolist() == [1, 1, 0, 0, 1]


def test_neither_the_first_corner_nor_the_way_round_matters():
    rng = np.random.default_rng(1)
    xy, angle = rng.normal(size=(800, 2)), np.linspace(0, 2 * np.pi, 12, endpoint=False)
    polygon = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.5, 1.5, 12)[:, None]
    first = inside(xy, polygon)
    assert (inside(xy, np.roll(polygon, 5, axis=0)) == first).all()
    assert (inside(xy, polygon[::-1]) == first).all()


def test_a_lasso_of_two_corners_is_refused():
    with pytest.raises(PsmatchError, match="at least three corners"):
        inside(np.zeros((2, 2)), [(0, 0), (1, 1)])


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_shape_in_a_panel_selects_the_cells_of_its_label_and_the_panels_together_those_of_the_map(models, side):
    scores, model = map_scores(*models), models[side == "target"]
    middle = np.median(getattr(scores, f"{side}_xy"), axis=0)
    polygon = middle + np.array([(0, 0), (9, 0), (9, 9), (0, 9)])
    together = []
    for label in model.label_names:
        found = in_panel(scores, models, side, polygon, label=label)
        assert set(model.modality.labels[found.cells]) <= {label}
        assert (found.side, found.origin) == (side, f"drawn in the panel of {label}")
        together += found.cells.tolist()
    assert sorted(together) == on_map(scores, side, polygon).cells.tolist()
    assert 0 < len(together) < model.modality.n_cells


def test_a_shape_around_a_panel_selects_all_its_cells(models):
    found = on_map(map_scores(*models), "target", [(-1e3, -1e3), (1e3, -1e3), (1e3, 1e3), (-1e3, 1e3)])
    assert found.cells.tolist() == list(range(models[1].modality.n_cells))
    assert (found.side, found.other) == ("target", "source")


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_rectangle_selects_what_the_same_shape_drawn_there_does(models, side):
    scores = map_scores(*models)
    modality = models[0 if side == "source" else 1].modality
    assert len(in_rectangle(scores, modality, side)) == modality.n_cells
    both = np.concatenate([scores.source_xy, scores.target_xy])
    low, high = both.min(axis=0), both.max(axis=0)
    x, y = (low[at] + (high[at] - low[at]) * np.array(ends) / 100 for at, ends in enumerate([(13, 61), (27, 90)]))
    drawn = on_map(scores, side, [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
    found = in_rectangle(scores, modality, side, across=(13, 61), up=(27, 90))
    assert 0 < len(found) < modality.n_cells
    assert found.cells.tolist() == drawn.cells.tolist()
    parts = [set(in_rectangle(scores, modality, side, across=ends).cells.tolist()) for ends in ((0, 41), (41, 100))]
    assert len(parts[0] | parts[1]) == modality.n_cells
    name = str(modality.labels[0])
    of_label = in_rectangle(scores, modality, side, across=(13, 61), up=(27, 90), labels=[name])
    assert of_label.cells.tolist() == [each for each in found.cells.tolist() if modality.labels[each] == name]
    assert of_label.origin == f"{name}, 13 to 61% from the left, 27 to 90% from the bottom"


@pytest.mark.parametrize("side", ["source", "target"])
def test_matched_weight_is_the_sum_of_normalised_rows(coupling, side):
    P = coupling.to_sparse().toarray()
    P = P if side == "source" else P.T
    cells = np.array([3, 7, 8, 20])
    rows = P[cells] / P[cells].sum(axis=1, keepdims=True)
    found = matched_weight(coupling, Selection(side, cells))
    assert found == pytest.approx(rows.sum(axis=0), abs=1e-9)
    assert found.sum() == pytest.approx(4)


def test_weight_does_not_depend_on_how_many_rows_are_computed_at_once(coupling, monkeypatch):
    cells = Selection("source", np.arange(66))
    at_once = matched_weight(coupling, cells)
    monkeypatch.setattr(selection, "AT_ONCE", 1)
    assert matched_weight(coupling, cells) == pytest.approx(at_once)


def test_weight_of_all_cells_is_what_they_give_one_by_one(coupling):
    every = matched_weight(coupling, Selection("source", np.arange(66)))
    assert every == pytest.approx(sum(matched_weight(coupling, Selection("source", [cell])) for cell in range(66)))


@pytest.mark.parametrize("side", ["source", "target"])
def test_cells_are_described_as_the_coupling_has_them(coupling, side):
    table = selected_cells_table(coupling, Selection(side, [5, 2, 5]), top=2)
    model = coupling.source if side == "source" else coupling.target
    other = coupling.target if side == "source" else coupling.source
    assert table["cell"].tolist() == model.modality.obs_names[[2, 5]].tolist()
    assert table["label"].tolist() == model.modality.labels[[2, 5]].tolist()
    P = coupling.to_sparse().toarray()
    P = P if side == "source" else P.T
    for at, cell in enumerate((2, 5)):
        best = P[cell].argmax()
        assert table["match_1"][at] == other.modality.obs_names[best]
        assert table["weight_1"][at] == pytest.approx(P[cell, best] / P[cell].sum())
    assert len(selected_cells_table(coupling, Selection(side, np.arange(40)), most=10)) == 10


def test_features_are_measured_here_and_projected_from_there(coupling, models):
    sides = (models[0].modality, models[1].modality)
    cells = np.arange(10)
    table = feature_values(coupling, Selection("source", cells), sides, (["f1"], ["f0", "f2"]))
    assert table["measured_in"].tolist() == ["selected cells", "their matches", "their matches"]
    assert table["measured"][0] == pytest.approx(sides[0].X[cells, 1].mean(), rel=1e-5)
    assert table["projected"][1] == pytest.approx(coupling.pull(sides[1].X)[cells, 0].mean(), rel=1e-5)
    # The mean of projections is the mean over matches by weight: two ways to one number.
    assert table["measured"][1:].to_numpy() == pytest.approx(table["projected"][1:].to_numpy(), rel=1e-6)
    weight = matched_weight(coupling, Selection("source", cells))
    back = np.average(coupling.push(sides[0].X)[:, 1], weights=weight)
    assert table["projected"][0] == pytest.approx(back, rel=1e-6)
    with pytest.raises(PsmatchError, match="has no feature nothing"):
        feature_values(coupling, Selection("source", cells), sides, (["nothing"], []))


@pytest.mark.parametrize("side", ["source", "target"])
def test_beside_a_selection_stand_all_cells_of_its_labels_and_of_no_other(coupling, models, side):
    sides = (models[0].modality, models[1].modality)
    of = sides[0] if side == "source" else sides[1]
    cells = np.flatnonzero(np.isin(of.labels, ["A", "C"]))[:7]
    assert {*of.labels[cells]} == {"A", "C"}
    found = feature_values(coupling, Selection(side, cells), sides, (["f1"], ["f0", "f2"]))["same_labels"]
    means = [each.X[each.labels != "B"].mean(axis=0) for each in sides]
    assert found.to_numpy() == pytest.approx([means[0][1], means[1][0], means[1][2]], rel=1e-5)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path, Recipe())


def test_a_named_selection_comes_back_with_its_cells(coupling, folder):
    kept = Selection("target", [4, 1], "drawn on the map", "responders")
    save_selection(folder, coupling, kept)
    save_selection(folder, coupling, Selection("source", [0], "", "one"))
    first, second = load_selections(folder, coupling)
    assert (first.name, first.side, first.origin, first.cells.tolist()) == (
        "responders", "target", "drawn on the map", [1, 4],
    )  # fmt: skip
    table = selection_table(coupling, (first, second))
    assert table["cell"].tolist() == [*first.names(coupling), *second.names(coupling)]
    delete_selection(folder, "responders")
    assert [each.name for each in load_selections(folder, coupling)] == ["one"]


@pytest.mark.parametrize("name", ["", "  ", "a/b", "x" * 61])
def test_a_name_that_cannot_be_a_column_is_refused(coupling, folder, name):
    with pytest.raises(PsmatchError, match="A selection's name has 1 to 60"):
        save_selection(folder, coupling, Selection("source", [0], "", name))


def test_nothing_selected_is_not_kept(coupling, folder):
    with pytest.raises(PsmatchError, match="No cells are selected"):
        save_selection(folder, coupling, Selection("source", [], "", "none"))


def test_the_table_of_selections_holds_no_formula(coupling, folder):
    folder.exports.mkdir(exist_ok=True)
    source, target = coupling.source.modality, coupling.target.modality
    obs, var = pd.DataFrame(index=source.obs_names), pd.DataFrame(index=target.obs_names)
    anndata.AnnData(X=coupling.to_sparse(top=1), obs=obs, var=var).write_h5ad(folder.exports / "coupling.h5ad")
    with zipfile.ZipFile(folder.exports / "psmatch-export.zip", "w"):
        pass
    save_selection(folder, coupling, Selection("source", [1], "", "+high"))
    text = export_selections(folder, coupling).read_text()
    assert "'+high" in text
    assert ",+high" not in text


def test_exports_carry_the_selections(coupling, folder):
    with pytest.raises(PsmatchError, match="no exported files yet"):
        export_selections(folder, coupling)
    folder.exports.mkdir()
    source, target = coupling.source.modality, coupling.target.modality
    matrix = coupling.to_sparse(top=3)
    obs, var = pd.DataFrame(index=source.obs_names), pd.DataFrame(index=target.obs_names)
    anndata.AnnData(X=matrix, obs=obs, var=var).write_h5ad(folder.exports / "coupling.h5ad")
    with zipfile.ZipFile(folder.exports / "psmatch-export.zip", "w"):
        pass
    save_selection(folder, coupling, Selection("source", [2, 3], "", "gone"))
    export_selections(folder, coupling)
    delete_selection(folder, "gone")
    save_selection(folder, coupling, Selection("source", [1, 9], "", "mine"))
    save_selection(folder, coupling, replace(Selection("target", [5]), name="theirs"))
    export_selections(folder, coupling)
    adata = anndata.read_h5ad(folder.exports / "coupling.h5ad")
    assert list(adata.obs.columns) == ["selection_mine"]
    assert np.flatnonzero(adata.obs["selection_mine"]).tolist() == [1, 9]
    assert np.flatnonzero(adata.var["selection_theirs"]).tolist() == [5]
    with zipfile.ZipFile(folder.exports / "psmatch-export.zip") as archive:
        assert archive.namelist() == ["coupling.h5ad", "selections.csv"]
