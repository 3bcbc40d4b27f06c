"""The list of runs: open, compare, duplicate, delete and restore."""

from __future__ import annotations

import re
from pathlib import Path

from pages.shell.data_steps import DataStep
from pages.views.data.run_comparison import COMPARE
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, plain_text, texts
from tests.pages.views.data.visitor import at, metrics


def test_a_finished_run_is_listed_with_its_metrics(full: Open) -> None:
    shown = texts(full()).replace("\\", "")
    assert re.search(
        r"preset recommended, changed: Classifier, Translator · "
        r"loss [\d.]+ of [\d.]+ and [\d.]+ of [\d.]+ nats · FOSCTTM 0\.\d+",
        shown,
    )


def test_data_shows_what_the_run_was_made_of(full: Open) -> None:
    app = full()
    assert "1,000 cells × 200 features" in texts(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "13"


def test_the_list_opens_a_run_and_comes_first_without_data(full: Open, finished: RunFolder) -> None:
    app = full(link="")
    shown = plain_text(app)
    assert "The matches are reproducible: " in shown
    headings = [each.value for each in app.subheader]
    assert headings.index("Earlier runs") < headings.index("Modality 1 (source)")
    assert "run" not in app.query_params
    app.button(key=f"open.{finished.id}").click().run()
    assert app.query_params["run"] in (finished.id, [finished.id])
    assert not app.exception


def test_runs_are_compared_duplicated_deleted_and_brought_back(empty: Open, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "workspace")
    recipes = [Recipe(), Recipe().with_setting("matcher.epsilon", 0.2)]
    one, two = (RunFolder.create(store.runs, demo_recipe(each, "screen"), name="a run") for each in recipes)
    app = empty()
    for folder in (one, two):
        app.checkbox(key=f"{COMPARE}{folder.id}").check().run()
    assert not app.exception
    assert "2 runs side by side" in texts(app)
    assert [list(each.value.index) for each in app.dataframe][-1] == ["Method: epsilon"]
    assert "RNA → Image" in texts(app)  # one project
    assert plain_text(app).count("preset recommended · Method: epsilon 0.") == 2
    app.text_area(key=f"note.{two.id}").set_value("**sharper** $x$\n<b>than</b> www.paper.org").run()
    app.button(key=f"annotate.{two.id}").click().run()
    assert not app.exception
    assert store.open(two.id).path.joinpath("user_note.json").exists()
    (note,) = [each.value for each in app.markdown if "edit_note" in each.value]
    assert note.endswith("\\*\\*sharper\\*\\* \\$x\\$  \n\\<b\\>than\\<\\/b\\> www\u2060\\.paper\\.org")
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
