"""The columns that cells and features came with are in every h5ad that a run writes, whatever door they came by."""

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.original_columns import with_originals, writable_columns
from psmatch_core.data.readers import DataSpec
from psmatch_core.exports.files import export
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_adata

QUICK = Recipe(classifier=LinearClassifier(strength=0.05), matcher=UniformMatcher())


def described():
    """Two objects with columns of every kind, one of which has the name of a result; one cell is left out."""
    rna, adt = make_adata(n=45), make_adata(n=36, n_features=5, seed=1)
    rna.obs["label"] = rna.obs["label"].where(np.arange(45) != 7, "Z")
    rna.obs["batch"] = pd.Categorical(["one", "two", "two"] * 15)
    rna.obs["n_counts"] = np.arange(45) * 1.5
    rna.obs["is_good"] = np.arange(45) % 2 == 0
    rna.obs["verdict"] = "the user's own"
    rna.var["chromosome"] = [f"chr{i}" for i in range(8)]
    rna.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(8)]
    adt.var["clone"] = list("abcde")
    adt.obs["well"] = [f"A{i}" for i in range(36)]
    return rna, adt


@pytest.fixture(scope="module", params=["objects", "files"])
def exported(request, tmp_path_factory):
    place = tmp_path_factory.mktemp(request.param)
    rna, adt = described()
    if request.param == "objects":
        found = match_data(rna, adt, label="label", recipe=QUICK)
    else:
        specs = []
        for name, adata in (("rna", rna), ("adt", adt)):
            adata.write_h5ad(place / f"{name}.h5ad")
            specs.append(DataSpec(path=str(place / f"{name}.h5ad"), label_key="label", name=name))
        found = run(QUICK.with_data(*specs))
    return export(found, place / "exports")


@pytest.mark.parametrize(
    ("file", "cells", "features"),
    [
        ("coupling.h5ad", "rna", None),
        ("translation_target_to_source.h5ad", "rna", "adt"),
        ("translation_source_to_target.h5ad", "adt", "rna"),
    ],
)
def test_columns_of_cells_and_features_are_those_that_came(exported, file, cells, features):
    came = dict(zip(("rna", "adt"), described(), strict=True))
    read = anndata.read_h5ad(exported / file)
    given = came[cells].obs.loc[read.obs_names]
    for name in given.columns.drop("label"):
        kept = read.obs[f"{name} (original)" if name == "verdict" and "verdict (original)" in read.obs else name]
        assert kept.astype(str).tolist() == given[name].astype(str).tolist(), name
    table, expected = read.var, came[features or "adt"]
    expected = expected.obs if features is None else expected.var
    for name in expected.columns.drop("label", errors="ignore"):
        assert table[name].astype(str).tolist() == expected.loc[read.var_names, name].astype(str).tolist(), name


def test_a_result_keeps_its_name_and_the_users_column_gets_another(exported):
    read = anndata.read_h5ad(exported / "coupling.h5ad")
    assert set(read.obs["verdict (original)"]) == {"the user's own"}
    assert "the user's own" not in set(read.obs["verdict"])
    assert read.obs["label (original)"].tolist() == read.obs["label"].tolist()


NAMES = st.text(alphabet="ab/- é", min_size=0, max_size=4)
COLUMNS = st.sampled_from(
    [[1, 2, 3], [1.5, np.nan, 2], ["a", "b", None], ["a", 1, 2.5], [True, False, True], [("a",), 2, "x"], [None] * 3]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(NAMES, COLUMNS), max_size=5))
def test_any_columns_can_be_written_and_none_is_lost(tmp_path_factory, columns):
    table = pd.DataFrame({at: pd.Series(values, dtype=object) for at, (_, values) in enumerate(columns)})
    table = table.reindex(range(3)).set_axis([name for name, _ in columns], axis=1)
    kept = with_originals(table, np.array(["x", "y", "z"]), {"label": ["A", "B", "C"]})
    assert kept.shape == (3, len(columns) + 1)
    assert kept.columns.is_unique
    assert not [name for name in kept if "/" in name or not name]
    path = tmp_path_factory.mktemp("any") / "any.h5ad"
    anndata.AnnData(X=np.zeros((3, 1), dtype=np.float32), obs=kept).write_h5ad(path)
    assert list(anndata.read_h5ad(path).obs.columns) == list(kept.columns)


def test_numbers_stay_numbers_and_what_is_mixed_becomes_text():
    table = pd.DataFrame({"n": [1, 2], "mixed": ["a", 1]})
    written = writable_columns(table)
    assert written["n"].dtype == table["n"].dtype
    assert written["mixed"].tolist() == ["a", "1"]
