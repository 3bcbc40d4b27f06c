"""Where results come from: enough to repeat the run, and no path of the server on which it ran."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import anndata
import pandas as pd
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.exports.files import export
from psmatch_core.exports.provenance import portable_recipe, versions
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import RidgeTranslator
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a server in which a user's files lie, with a table of labels and a column of pairs for each."""
    place = tmp_path_factory.mktemp("secret")
    for name, seed in (("rna", 0), ("adt", 1)):
        adata = make_adata(n=45, n_features=5, seed=seed)
        adata.obs["cell"] = [f"c{i}" for i in range(45)]
        pd.DataFrame({"cell": adata.obs_names, "label": adata.obs["label"]}).to_csv(
            place / f"{name}_labels.csv", index=False
        )
        del adata.obs["label"]
        adata.write_h5ad(place / f"{name}.h5ad")
    return place


@pytest.fixture(scope="module")
def recipe(place):
    specs = [
        DataSpec(
            path=str(place / f"{name}.h5ad"),
            labels_path=str(place / f"{name}_labels.csv"),
            label_key="label",
            pair_key="cell",
            name=name,
        )
        for name in ("rna", "adt")
    ]
    return Recipe(classifier=LinearClassifier(strength=0.1), translator=RidgeTranslator()).with_data(*specs)


@pytest.fixture(scope="module")
def folder(recipe, tmp_path_factory):
    return export(run(recipe), tmp_path_factory.mktemp("exports"))


def texts_of(path: Path) -> bytes:
    """All that a reader could find in a file."""
    content = path.read_bytes()
    if path.suffix == ".h5ad":
        adata = anndata.read_h5ad(path)
        content += repr(adata.uns).encode() + adata.obs.to_csv().encode() + adata.var.to_csv().encode()
    if path.suffix in (".npz", ".zip"):
        with zipfile.ZipFile(path) as archive:
            content += b"".join(archive.read(name) for name in archive.namelist())
    return content


def test_no_exported_file_holds_a_path_of_the_server(folder, place, recipe):
    assert str(place) in recipe.to_json()  # there is something to publish
    for path in folder.iterdir():
        assert str(place).encode() not in texts_of(path), path.name
        assert place.name.encode() not in texts_of(path), path.name


@pytest.mark.parametrize("option", [name for name in DataSpec.options() if name.endswith("path")])
@pytest.mark.parametrize("side", ["source", "target"])
def test_each_path_of_a_recipe_becomes_a_name(recipe, side, option):
    before = getattr(getattr(recipe, side), option)
    assert portable_recipe(recipe)[side][option] == Path(before).name
    assert Path(before).is_absolute()


def test_all_else_of_a_recipe_stays(recipe):
    data = portable_recipe(recipe)
    specs = {
        side: replace(getattr(recipe, side), path=data[side]["path"], labels_path=data[side]["labels_path"])
        for side in ("source", "target")
    }
    assert Recipe.from_dict(data) == replace(recipe, **specs)


def test_demos_and_recipes_without_files_stay_as_they_are():
    for recipe in (Recipe(), demo_recipe(Recipe(), "screen")):
        assert portable_recipe(recipe) == recipe.to_dict()


def test_the_exported_recipe_finds_its_files_beside_it(folder, place, recipe, tmp_path):
    (tmp_path / "recipe.json").write_bytes((folder / "recipe.json").read_bytes())
    for path in place.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = Recipe.read(tmp_path / "recipe.json")
    assert again.source.path == str((tmp_path / "rna.h5ad").resolve())
    assert again.target.labels_path == str((tmp_path / "adt_labels.csv").resolve())
    assert run(again).source.fingerprint == run(recipe).source.fingerprint


def test_each_h5ad_says_where_it_comes_from(folder):
    for name in ("coupling", "translation_target_to_source", "translation_source_to_target"):
        uns = anndata.read_h5ad(folder / f"{name}.h5ad").uns
        assert Recipe.from_dict(json.loads(uns["recipe"])).translator == RidgeTranslator()
        assert uns["versions"]["psmatch"] == versions()["psmatch"]
        assert uns["source"]["name"] == "rna"
        assert len(uns["target"]["fingerprint"]) >= 32
        assert {row["label"] for row in json.loads(uns["label_status"])} == {"A", "B", "C"}
