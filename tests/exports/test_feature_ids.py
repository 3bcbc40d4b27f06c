"""Features that a file knows by id and by symbol: both stand in every export that lists features."""

from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.modality import Modality
from psmatch_core.exports.files import export
from psmatch_core.matching.match_features import FeatureRules, match_features
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import RidgeTranslator
from psmatch_core.workspace.new_cells import names_as_trained, translate_file
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def sides():
    source, target = make_adata(n=60), make_adata(n=60, n_features=5, seed=1)
    source.var = pd.DataFrame({"feature_name": [f"GENE{i}" for i in range(source.n_vars)]}, index=ids_of(source.n_vars))
    for adata in (source, target):
        adata.obs["cell"] = [f"c{i}" for i in range(60)]
    return source, target


def ids_of(n):
    return [f"ENSG{i:011d}" for i in range(n)]


@pytest.fixture(scope="module")
def finished(sides):
    read = [
        Modality.from_anndata(adata, label_key="label", name=name, pair_key="cell")
        for adata, name in zip(sides, ("RNA", "ADT"), strict=True)
    ]
    return run(Recipe(classifier=LinearClassifier(strength=0.1), translator=RidgeTranslator()), *read)


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    return export(finished, tmp_path_factory.mktemp("exports"))


def check(names, ids):
    """Each symbol beside its own id."""
    assert [int(str(each).removeprefix("GENE")) for each in names] == [int(str(each)[4:]) for each in ids]


def test_translations_and_their_accuracy_hold_both(folder, finished):
    var = anndata.read_h5ad(folder / "translation_source_to_target.h5ad").var
    check(var.index, var["feature_id"])
    assert "feature_id" not in anndata.read_h5ad(folder / "translation_target_to_source.h5ad").var
    table = pd.read_csv(folder / "translation_r2_source_to_target.csv")
    check(table["feature"][1:], table["feature_id"][1:])


def test_matched_features_hold_both(finished):
    rules = FeatureRules(n_permutations=0)
    found = match_features(finished.coupling, finished.source, finished.target, rules)
    for of, column in (("source", "feature"), ("target", "partner")):
        table = found.table(of=of)
        check(table[column], table[f"{column}_id"])


def test_predictions_of_new_cells_hold_both_and_read_either(folder, sides, tmp_path):
    source, target = sides
    target.write_h5ad(tmp_path / "adt.h5ad")
    out = tmp_path / "p.h5ad"
    translate_file(folder, str(tmp_path / "adt.h5ad"), direction="source_to_target", out=out)
    var = anndata.read_h5ad(tmp_path / "p_source_to_target.h5ad").var
    check(var.index, var["feature_id"])
    source.write_h5ad(tmp_path / "rna.h5ad")
    translate_file(folder, str(tmp_path / "rna.h5ad"), direction="target_to_source", out=out)
    first = anndata.read_h5ad(tmp_path / "p_target_to_source.h5ad").X
    symbols = source.copy()
    symbols.var.index = source.var["feature_name"].to_numpy()
    symbols.write_h5ad(tmp_path / "symbols.h5ad")
    again = tmp_path / "again.h5ad"
    translate_file(folder, str(tmp_path / "symbols.h5ad"), direction="target_to_source", out=again)
    assert np.array_equal(anndata.read_h5ad(tmp_path / "again_target_to_source.h5ad").X, first)


def test_a_translator_trained_on_ids_reads_the_file_whose_names_are_now_symbols(finished):
    fitted = finished.translators["target_to_source"]
    ids = ids_of(len(fitted.preprocessing.var_names))
    var = pd.DataFrame({"feature_id": ids}, index=[f"GENE{i}" for i in range(len(ids))])
    assert names_as_trained(var, fitted) == list(var.index)
    earlier = replace(fitted, preprocessing=replace(fitted.preprocessing, var_names=tuple(ids)))
    assert names_as_trained(var, earlier) == ids
