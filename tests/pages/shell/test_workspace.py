"""Which changes keep a visitor's run, and which start afresh."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages.shell.workspace import START_RULES, Side, Workspace, from_recipe
from psmatch_core.data.labels.label_rules import LabelRules, renamed
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe

SIDE = Side("/data/a.h5ad", "a.h5ad", None, label_key="label", name="RNA")
OTHER = Side("/data/b.h5ad", "b.h5ad", None, label_key="label", name="ADT")
FULL = Workspace(source=SIDE, target=OTHER, run_id="20200101-000000-0123456789ab")


def test_another_file_or_label_column_drops_the_run() -> None:
    for changed in (
        replace(SIDE, path="/data/c.h5ad"),
        replace(SIDE, label_key="cell_type"),
        replace(SIDE, matrix="raw"),
        replace(SIDE, missing_labels="drop"),
    ):
        assert FULL.with_side("source", changed).run_id == ""


def test_another_name_or_preprocessing_keeps_the_run_to_be_compared() -> None:
    for changed in (replace(SIDE, name="RNA 2"), replace(SIDE, preprocessing=Preprocessing(n_components=9))):
        assert FULL.with_side("source", changed).run_id == FULL.run_id


def test_rules_for_labels_go_with_the_labels() -> None:
    decided = FULL.with_labels(LabelRules(unshared="leave out"))
    assert decided.run_id == ""
    assert decided.with_side("source", replace(SIDE, matrix="raw")).labels == decided.labels
    assert decided.with_side("source", replace(SIDE, label_key="other")).labels == START_RULES


@pytest.mark.parametrize("name", ["recommended", "sharp", "smooth", "paper"])
def test_a_workspace_is_its_recipe_and_back(name: str) -> None:
    recipe = demo_recipe(Recipe.preset(name), "screen")
    workspace = from_recipe(recipe, "x")
    assert workspace.recipe == recipe
    assert workspace.preset == name


def test_renaming_adds_cells_up() -> None:
    assert renamed({"a": 2, "A": 3, "b": 1}, {"A": "a"}) == {"a": 5, "b": 1}
