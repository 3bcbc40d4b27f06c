"""What commands share: a recipe finds its files from any folder, and takes the suggestions that are accepted."""

from pathlib import Path

import numpy as np
import pandas as pd

from psmatch_core.cli import common
from psmatch_core.cli.common import with_absolute_paths
from psmatch_core.cli.main import main
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe


def test_every_file_of_a_recipe_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = DataSpec(path="rna.csv", labels_path="labels.csv", label_key="label")
    found = with_absolute_paths(Recipe().with_data(table, DataSpec(path="demo:screen:target", label_key="label")))
    assert Path(found.source.path) == tmp_path.resolve() / "rna.csv"
    assert Path(found.source.labels_path) == tmp_path.resolve() / "labels.csv"
    assert (found.target.path, found.target.labels_path) == ("demo:screen:target", "")


def test_match_applies_the_suggestions_that_are_accepted(tmp_path, monkeypatch):
    values = np.random.default_rng(0).poisson(5, (24, 3))
    table = pd.DataFrame(values, columns=["g1", "g2", "g3"], index=[f"cell{i}" for i in range(24)])
    table.to_csv(tmp_path / "rna.csv")
    table.assign(gene=["MYC", "JAK2", "NT"] * 8).to_csv(tmp_path / "adt.csv")
    calls = [f"{gene}_g{i}" for gene in ("MYC", "JAK2") for i in (1, 2)] + ["NT", "Doublet"]
    pd.DataFrame({"cell": table.index, "guide": calls * 4}).to_csv(tmp_path / "calls.csv", index=False)
    asked = []
    monkeypatch.setattr(common, "run_recipe", lambda recipe, options: asked.append(recipe) or 0)
    monkeypatch.chdir(tmp_path)
    arguments = ["--labels", "calls.csv", "-", "--label", "guide", "--target-label", "gene"]
    more = ["--accept", "guides, calls", "--set", "labels.minimum_cells=2"]
    assert main(["match", "rna.csv", "adt.csv", *arguments, *more]) == 0
    (recipe,) = asked
    assert (recipe.source.labels_path, recipe.target.labels_path) == ("calls.csv", "")
    assert recipe.labels.leave_out == ("Doublet",)
    assert recipe.labels.renaming("source")["MYC_g2"] == "MYC"
    assert recipe.labels.minimum_cells == 2
