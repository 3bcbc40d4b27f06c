"""matched.h5mu, opened with mudata: one observation a pair, with the features of both modalities."""

import sys
from dataclasses import replace

import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base import arrays
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.matched import MATCHED_VALUES
from psmatch_core.data.modality import Modality
from psmatch_core.exports import h5mu
from psmatch_core.exports.files import export
from psmatch_core.exports.matched_h5mu import VALUES, write_matched
from psmatch_core.exports.pairs import choose_pairs
from psmatch_core.matching.matchers import NeighborMatcher
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from tests.conftest import make_adata

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
RECIPE = Recipe(
    classifier=LinearClassifier(strength=0.05), matcher=NeighborMatcher(n_neighbors=5), exports=ExportRules(h5mu="best")
)


@pytest.fixture(scope="module")
def finished():
    """Counts, sparse, with columns of their own; proteins, dense. One label has no counterpart."""
    rna, adt = make_adata(n=60), make_adata(n=45, n_features=5, seed=1)
    rna.X = sparse.csr_matrix(np.maximum(np.round(rna.X * 2), 0))
    rna.obs["batch"] = pd.Categorical(["one", "two", "two"] * 20)
    rna.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(8)]
    rna.var_names = [f"gene{i}" for i in range(8)]
    adt.obs["label"] = adt.obs["label"].replace({"C": "D"})
    return match_data(rna, adt, label="label", names=("RNA", "ADT"), recipe=RECIPE, annotate=False)


def written(finished, place, values, **settings):
    sides = settings.pop("sides", (finished.source, finished.target))
    path = write_matched(
        finished.coupling, sides, place / "m.h5mu", values=values, monitor=finished.monitor, **settings
    )
    return mudata.read_h5mu(path)


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def rows_of(modality, cells):
    return dense(modality.X[pd.Index(modality.obs_names).get_indexer(cells)])


@pytest.mark.parametrize("values", VALUES)
def test_an_observation_is_a_pair_with_the_features_of_its_cells(finished, tmp_path, values):
    held = written(finished, tmp_path, values, rules=ExportRules(top=3))
    assert list(held.mod) == ["RNA", "ADT"]
    assert held.n_obs == held["RNA"].n_obs == held["ADT"].n_obs == len(set(held.obs_names))
    obs = held.obs
    np.testing.assert_allclose(dense(held["RNA"].X), rows_of(finished.source, obs["source_cell"]), rtol=1e-6)
    if values == "barycentric":
        expected = finished.coupling.pull(dense(finished.target.X))
        at = pd.Index(finished.source.obs_names).get_indexer(obs["source_cell"])
        np.testing.assert_allclose(dense(held["ADT"].X), expected[at], rtol=1e-5)
    else:
        np.testing.assert_allclose(dense(held["ADT"].X), rows_of(finished.target, obs["target_cell"]), rtol=1e-6)
    n_matched = sum(cells.size for cells in finished.coupling.source_cells.values())
    assert (held.n_obs > n_matched) == (values == "pairs")
    assert held.n_obs >= n_matched


@pytest.mark.parametrize("values", VALUES)
def test_weight_rank_label_and_verdict_are_those_of_the_pairs(finished, tmp_path, values):
    held = written(finished, tmp_path, values, seed=3, rules=ExportRules(top=3))
    top = 3 if values == "pairs" else 1
    rules = ExportRules(pairs="sampled" if values == "sampled" else "heaviest", top=top)
    pairs = choose_pairs(finished.coupling, rules, seed=3)
    for column in pairs:
        assert held.obs[column].astype(str).tolist() == pairs[column].astype(str).tolist(), column
    for label, row in finished.monitor.by_label.items():
        mine = held.obs[held.obs["label"] == label]
        assert set(mine["verdict"]) <= {row.verdict.value}


def test_what_came_with_cells_and_features_is_there_and_sparse_stays_sparse(finished, tmp_path):
    held = written(finished, tmp_path, "best")
    assert sparse.issparse(held["RNA"].X)
    assert not sparse.issparse(held["ADT"].X)
    came = finished.source.obs.loc[held.obs["source_cell"], "batch"]
    assert held["RNA"].obs["batch"].astype(str).tolist() == came.astype(str).tolist()
    assert held["RNA"].var["gene_ids"].tolist() == [f"ENSG{i:011d}" for i in range(8)]
    assert list(held["ADT"].var_names) == list(finished.target.var_names)


def test_large_files_are_written_in_pieces_and_are_the_same(finished, tmp_path, monkeypatch):
    (tmp_path / "pieces").mkdir()
    whole = written(finished, tmp_path, "barycentric")
    spans = []

    def small(n_rows, n_columns, at_once=0):
        for start, stop in arrays.row_chunks(n_rows, n_columns, 7 * n_columns):
            spans.append(stop - start)
            yield start, stop

    monkeypatch.setattr(h5mu, "row_chunks", small)
    pieces = written(finished, tmp_path / "pieces", "barycentric")
    assert max(spans) == 7
    for name in ("RNA", "ADT"):
        np.testing.assert_allclose(dense(pieces[name].X), dense(whole[name].X), rtol=1e-6)


def test_correlations_over_both_modalities_are_those_of_the_pairs(finished, tmp_path):
    held = written(finished, tmp_path, "best")
    both = np.hstack([dense(held["RNA"].X), dense(held["ADT"].X)])
    assert both.shape[1] == held.n_vars
    found = np.corrcoef(both, rowvar=False)[:8, 8:]
    pairs = choose_pairs(finished.coupling, ExportRules(top=1))
    expected = np.corrcoef(
        np.hstack([rows_of(finished.source, pairs["source_cell"]), rows_of(finished.target, pairs["target_cell"])]),
        rowvar=False,
    )[:8, 8:]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    part = held[held.obs["label"] == "A"].copy()
    assert set(part.obs["label"]) == {"A"}
    assert part["ADT"].n_obs == part.n_obs


def test_muon_opens_it_for_an_analysis_of_both_modalities(finished, tmp_path, monkeypatch):
    """Two labels chosen, principal components of each modality: what sets the labels apart is the first in both."""
    monkeypatch.delitem(sys.modules, "umap")  # the stand-in of all other tests
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "stand_ins" not in each])
    import muon
    import scanpy

    written(finished, tmp_path, "best")
    held = muon.read_h5mu(tmp_path / "m.h5mu")
    muon.pp.filter_obs(held, "label", lambda label: label != "C")
    assert set(held.obs["label"]) == {"A", "B"}
    for each in held.mod.values():
        scanpy.pp.pca(each, n_comps=2)
    first = [each.obsm["X_pca"][:, 0] for each in held.mod.values()]
    assert abs(np.corrcoef(*first)[0, 1]) > 0.5


@pytest.mark.parametrize("most", [10, h5mu.MOST_SHORT])
def test_rows_and_columns_of_sparse_features_are_numbered_with_integers_of_one_kind(
    finished, tmp_path, most, monkeypatch
):
    monkeypatch.setattr(h5mu, "MOST_SHORT", most)
    X = written(finished, tmp_path, "best")["RNA"].X
    with h5py.File(tmp_path / "m.h5mu") as file:
        kinds = {file[f"mod/RNA/X/{name}"].dtype for name in ("indices", "indptr")}
    assert kinds == {np.dtype(np.int64 if most == 10 else np.int32)}
    pairs = choose_pairs(finished.coupling, ExportRules(top=1))
    np.testing.assert_allclose(dense(X), rows_of(finished.source, pairs["source_cell"]), rtol=1e-6)


def test_mudata_writes_the_file_again_and_finds_the_same(finished, tmp_path):
    held = written(finished, tmp_path, "best")
    held.write(tmp_path / "again.h5mu")
    again = mudata.read_h5mu(tmp_path / "again.h5mu")
    assert list(again.obs_names) == list(held.obs_names)
    assert list(again.var_names) == list(held.var_names)


@pytest.mark.parametrize("names", [("RNA", "RNA"), ("a/b", "c")])
def test_names_that_hdf5_or_mudata_do_not_allow_become_others(finished, tmp_path, names):
    sides = tuple(
        replace(side, name=name) for side, name in zip((finished.source, finished.target), names, strict=True)
    )
    held = written(finished, tmp_path, "best", sides=sides)
    assert len(held.mod) == 2
    assert [each.uns["name"] for each in held.mod.values()] == list(names)


def test_features_that_share_names_stay_apart(finished, tmp_path):
    n = finished.source.n_features
    target = replace(finished.source, name="ADT", obs_names=finished.source.obs_names)
    coupling = replace(finished.coupling, target=finished.coupling.source, blocks={})
    with pytest.raises(PsmatchError, match="No cell is matched"):
        write_matched(coupling, (finished.source, target), tmp_path / "m.h5mu")
    same = replace(finished.target, var_names=finished.source.var_names[: finished.target.n_features], var=None)
    held = written(finished, tmp_path, "best", sides=(finished.source, same))
    assert held.n_vars == n + same.n_features
    assert list(held["ADT"].var_names) == list(same.var_names)


def test_what_cannot_be_written_is_said(finished, tmp_path):
    with pytest.raises(PsmatchError, match=r"'mean' are no values of matched.h5mu.*'barycentric'"):
        written(finished, tmp_path, "mean")
    other = finished.target.select(np.arange(finished.target.n_cells) > 0, "test")
    with pytest.raises(PsmatchError, match="are not those of the matched cells"):
        written(finished, tmp_path, "best", sides=(finished.source, other))
    assert not (tmp_path / "m.h5mu").exists()


def test_a_run_writes_it_if_its_recipe_asks(finished, tmp_path):
    held = mudata.read_h5mu(export(finished, tmp_path / "with") / "matched.h5mu")
    assert held.uns["psmatch"]["values"] == "best"
    assert Recipe.from_json(held.uns["psmatch"]["recipe"]) == finished.recipe
    assert "matched.h5mu" in (tmp_path / "with" / "README.txt").read_text()
    without = replace(finished, recipe=replace(finished.recipe, exports=ExportRules()))
    assert not (export(without, tmp_path / "without") / "matched.h5mu").exists()


def test_option_command_and_export_name_the_same_values():
    assert tuple(VALUES) == MATCHED_VALUES
    (choices,) = [each.choices for name, each in ExportRules.options().items() if name == "h5mu"]
    assert tuple(choices) == ("none", *VALUES)


def test_a_modality_is_stored_with_the_columns_of_its_features(tmp_path):
    from psmatch_core.pipeline.result_files import load_modality, save

    adata = make_adata()
    adata.var["chromosome"] = pd.Categorical(["1", "X"] * 4)
    adata.var["length"] = np.arange(8) * 1.5
    read = load_modality(save(Modality.from_anndata(adata, label_key="label", name="RNA"), tmp_path / "m.npz"))
    assert read.var["chromosome"].tolist() == ["1", "X"] * 4
    assert read.var["length"].tolist() == (np.arange(8) * 1.5).tolist()


@pytest.mark.parametrize("values", VALUES)
def test_a_mean_of_cells_has_no_column_of_a_single_cell(finished, tmp_path, values):
    held = written(finished, tmp_path, values)
    columns = {name: set(held[name].obs.columns) for name in ("RNA", "ADT")}
    assert "batch" in columns["RNA"]
    assert ("target_cell" in columns["ADT"]) == (values != "barycentric") == bool(columns["ADT"])
