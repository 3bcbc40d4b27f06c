"""What commands share: a recipe finds its files from any folder."""

from pathlib import Path

from psmatch_core.cli.common import with_absolute_paths
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe


def test_every_file_of_a_recipe_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = DataSpec(path="rna.csv", labels_path="labels.csv", label_key="label")
    found = with_absolute_paths(Recipe().with_data(table, DataSpec(path="demo:screen:target", label_key="label")))
    assert Path(found.source.path) == tmp_path.resolve() / "rna.csv"
    assert Path(found.source.labels_path) == tmp_path.resolve() / "labels.csv"
    assert (found.target.path, found.target.labels_path) == ("demo:screen:target", "")
