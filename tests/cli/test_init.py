"""``psmatch init`` writes a recipe that ``run`` reads back; what it cannot know is left to choose, with candidates."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.cli import common
from psmatch_core.cli.main import main
from psmatch_core.pipeline.recipe import Recipe


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two tables: one column of rna.csv can be the label, two of adt.csv."""
    values = np.random.default_rng(0).poisson(5, (24, 3))
    table = pd.DataFrame(values, columns=["g1", "g2", "g3"], index=[f"cell{i}" for i in range(24)])
    table.assign(ko=["MYC", "JAK2", "NT"] * 8).to_csv(tmp_path / "rna.csv")
    table.assign(gene=["MYC", "JAK2", "NT"] * 8, plate=["P1"] * 12 + ["P2"] * 12).to_csv(tmp_path / "adt.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_reads_what_init_writes(here, monkeypatch, capsys):
    arguments = ["--label", "ko", "--target-label", "gene", "--set", "seed=7", "--preset", "sharp"]
    assert main(["init", "rna.csv", "adt.csv", *arguments]) == 0
    assert "psmatch run recipe.toml" in capsys.readouterr().out
    asked = []
    monkeypatch.setattr(common, "run_recipe", lambda recipe, options: asked.append(recipe) or 0)
    assert main(["run", "recipe.toml"]) == 0
    assert main(["match", "rna.csv", "adt.csv", *arguments]) == 0
    read, matched = (common.with_absolute_paths(each) for each in asked)
    assert read == matched
    assert read.seed == 7


def test_a_label_column_that_is_not_named_is_the_only_candidate_or_left_to_choose(here, capsys):
    assert main(["init", "rna.csv", "adt.csv"]) == 0
    assert "label_key in [target]" in capsys.readouterr().out
    text = (here / "recipe.toml").read_text()
    assert "columns that can be the label: gene, plate" in text
    recipe = Recipe.read(here / "recipe.toml")
    assert (recipe.source.label_key, recipe.target.label_key) == ("ko", "")
    assert main(["run", "recipe.toml", "--out", "one", "--quiet"]) == 1
    assert "label" in capsys.readouterr().err


def test_the_folder_of_a_recipe_can_be_moved(here):
    assert main(["init", "rna.csv", "adt.csv", "--label", "ko", "--target-label", "gene"]) == 0
    moved = here / "moved"
    moved.mkdir()
    for name in ("recipe.toml", "rna.csv", "adt.csv"):
        (here / name).rename(moved / name)
    assert Recipe.read(moved / "recipe.toml").source.path == str(moved / "rna.csv")


def test_a_recipe_elsewhere_names_its_files_in_full(here):
    (here / "recipes").mkdir()
    assert main(["init", "rna.csv", "adt.csv", "--out", "recipes/one.toml"]) == 0
    assert Recipe.read(here / "recipes" / "one.toml").source.path == str(here.resolve() / "rna.csv")


def test_nothing_is_written_over_or_written_for_a_typo(here, capsys):
    assert main(["init", "rna.csv", "gone.csv"]) == 1
    assert main(["init", "rna.csv", "adt.csv", "--label", "koo"]) == 1
    assert not (here / "recipe.toml").exists()
    (here / "recipe.toml").write_text("mine")
    assert main(["init", "rna.csv", "adt.csv"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert (here / "recipe.toml").read_text() == "mine"
    assert main(["init", "rna.csv", "adt.csv", "--force"]) == 0
