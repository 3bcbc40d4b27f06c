"""Colours by any column or feature, searches that find nothing, runs compared, duplicated, deleted and brought back."""

from __future__ import annotations

from pathlib import Path

from pages.shell.cell_values import search
from pages.views.data.run_list import CHOSEN
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.predictions import load
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opened, texts


def test_a_search_puts_what_begins_so_first() -> None:
    assert search(["xCD8", "cd8a", "CD8", "B"], "cd8") == ["CD8", "cd8a", "xCD8"]
    assert search(["a"], "z") == []


def test_the_map_is_coloured_by_a_column_and_a_feature(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("column").run()
    assert not app.exception
    assert app.selectbox(key=f"map.column.{finished.id}").value == "cell"
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("image_07").run()
    assert not app.exception
    assert app.selectbox(key=f"map.feature.{finished.id}").value == "image_07"
    assert "this modality has no such value" in texts(app)
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("nothing like it").run()
    assert not app.exception
    assert "No feature among 260 holds" in texts(app)


def test_an_older_run_without_the_new_files_says_so(full: Open, finished: RunFolder) -> None:
    hidden = [finished.path / f"predicted_{way}.npy" for way in ("target_to_source", "source_to_target")]
    hidden += [finished.path / f"{side}_columns.parquet" for side in ("source", "target")]
    hidden += [finished.path / "observables.json"]
    for path in hidden:
        path.rename(path.with_suffix(".hidden"))
    try:
        app = full("translate")
        assert "made by an earlier version" in texts(app)
        assert not app.exception
        app = full("propensity")
        app.selectbox(key=f"color.{finished.id}").select("column").run()
        assert "made before they were kept" in texts(app)
        assert not app.exception
        assert not full("evaluate").exception
    finally:
        for path in hidden:
            path.with_suffix(".hidden").rename(path)


def test_predictions_are_those_of_the_export(finished: RunFolder) -> None:
    import anndata
    import numpy as np

    found = load(finished, "target_to_source")
    assert found is not None
    exported = anndata.read_h5ad(finished.exports / "translation_target_to_source.h5ad")
    assert found.features.tolist() == exported.var_names.tolist()
    assert np.allclose(found.predicted, exported.X, equal_nan=True)
    assert found.measured.shape == (850, 60)


def test_translate_shows_a_feature_and_shifts(full: Open, finished: RunFolder) -> None:
    app = full("translate")
    said = texts(app)
    assert "held\\-out cells" in said
    assert "is predicted" in said
    opened(app, f"translate.tabs.{finished.id}", "Shifts by label")
    app.selectbox(key=f"shifts.label.{finished.id}.target_to_source").select("STAT1").run()
    assert not app.exception
    assert "STAT1" in texts(app)


def test_evaluate_has_intervals_and_a_confidence(full: Open, finished: RunFolder) -> None:
    app = full("evaluate")
    by_label = {metric.label: metric for metric in app.metric}
    assert " to " in by_label["FOSCTTM"].delta
    assert "among the surer half" in texts(app)
    app.text_input(key=f"r2.search.{finished.id}").set_value("nothing like it").run()
    assert not app.exception
    assert "No feature" in texts(app)


def test_runs_are_compared_duplicated_deleted_and_brought_back(empty: Open, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "workspace")
    recipes = [Recipe(), Recipe().with_setting("matcher.epsilon", 0.2)]
    one, two = (RunFolder.create(store.runs, demo_recipe(each, "screen"), name="a run") for each in recipes)
    app = empty()
    for folder in (one, two):
        app.checkbox(key=f"{CHOSEN}{folder.id}").check().run()
    assert not app.exception
    assert "2 runs side by side" in texts(app)
    assert [list(each.value.index) for each in app.dataframe][-1] == ["matcher.epsilon"]
    app.button(key=f"delete.{two.id}").click().run()
    assert not app.exception
    assert "The run was deleted" in texts(app)
    app.button(key="undo.run").click().run()
    assert not app.exception
    assert {entry.id for entry in store.entries()} == {one.id, two.id}
    app.button(key=f"duplicate.{two.id}").click().run()
    assert not app.exception
    assert app.title[0].value == "Propensity"
    assert "run" not in app.query_params
