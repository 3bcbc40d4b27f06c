"""AnnData and MuData in, a finished run out, and its results back in the objects that were given."""

import anndata
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from scipy import sparse

import psmatch
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.pipeline.annotate import SCORES_KEY, UNS_KEY, annotate
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_adata, make_modality

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
QUICK = Recipe(classifier=LinearClassifier(strength=0.05), matcher=UniformMatcher())
COLUMNS = ["psmatch_label", "psmatch_verdict", "psmatch_flags", "psmatch_confidence"]


def objects():
    """Two objects; one cell of the source has a label of its own, and its columns and keys are the user's."""
    rna, adt = make_adata(n=45), make_adata(n=36, n_features=5, seed=1)
    rna.obs["batch"] = pd.Categorical(["one", "two", "two"] * 15)
    rna.obs["label"] = rna.obs["label"].astype(str).where(np.arange(45) != 7, "Z")
    rna.obsm["X_pca"] = np.ones((45, 2))
    rna.uns["mine"] = "stays"
    return rna, adt


@pytest.fixture(scope="module")
def matched():
    rna, adt = objects()
    return match_data(rna, adt, label="label", recipe=QUICK), rna, adt


def test_results_go_back_under_the_keys_that_are_documented(matched):
    result, rna, adt = matched
    assert [name for name in rna.obs if name.startswith("psmatch_")] == [*COLUMNS, "psmatch_n_effective"]
    assert [name for name in adt.obs if name.startswith("psmatch_")] == COLUMNS
    for adata, scored in ((rna, result.coupling.source), (adt, result.coupling.target)):
        rows = adata[scored.modality.obs_names]
        np.testing.assert_allclose(rows.obsm[SCORES_KEY], scored.space, rtol=1e-6)
        assert rows.obs["psmatch_label"].astype(str).tolist() == scored.modality.labels.tolist()
        assert adata.uns[UNS_KEY]["columns"].tolist() == list(scored.label_names)
        by_label = result.monitor.by_label
        assert [by_label[label].verdict.value for label in scored.modality.labels.tolist()] == list(
            rows.obs["psmatch_verdict"]
        )
    assert Recipe.from_json(rna.uns[UNS_KEY]["recipe"]) == QUICK


def test_a_cell_that_was_left_out_has_no_result_and_is_still_there(matched):
    result, rna, _ = matched
    left_out = rna.obs_names[7]
    assert left_out in result.excluded["cell"].tolist()
    assert np.isnan(rna.obsm[SCORES_KEY][7]).all()
    assert rna.obs.loc[left_out, [*COLUMNS, "psmatch_n_effective"]].isna().all()
    assert rna.obs["psmatch_label"].notna().sum() == 44


def test_what_the_user_had_is_not_touched(matched):
    _, rna, _ = matched
    before, _ = objects()
    pd.testing.assert_frame_equal(rna.obs[before.obs.columns], before.obs)
    np.testing.assert_array_equal(rna.X, before.X)
    assert rna.uns["mine"] == "stays"
    assert set(rna.obsm) == {"X_pca", SCORES_KEY}
    pd.testing.assert_frame_equal(rna.var, before.var)


def test_the_annotated_objects_are_written_and_read_back(matched, tmp_path):
    _, rna, _ = matched
    rna.write_h5ad(tmp_path / "rna.h5ad")
    read = anndata.read_h5ad(tmp_path / "rna.h5ad")
    pd.testing.assert_frame_equal(read.obs, rna.obs)
    np.testing.assert_array_equal(read.obsm[SCORES_KEY], rna.obsm[SCORES_KEY])
    assert read.uns[UNS_KEY]["notes"].tolist() == rna.uns[UNS_KEY]["notes"].tolist()
    assert match_data(read, make_adata(n=36, seed=1), label="label", recipe=QUICK).source.n_cells == 44  # and again


def test_nothing_goes_back_unless_it_may():
    rna, adt = objects()
    match_data(rna, adt, label="label", recipe=QUICK, annotate=False)
    assert UNS_KEY not in rna.uns
    assert not [name for name in rna.obs if name.startswith("psmatch")]


def run_of(rna, adt, **settings):
    return match_data(rna, adt, label="label", recipe=QUICK, annotate=False, **settings)


@pytest.mark.parametrize("kind", ["dense", "csr", "csc", "layer", "raw"])
@pytest.mark.parametrize("is_backed", [False, True])
def test_dense_sparse_and_backed_objects_give_the_same_run(tmp_path, kind, is_backed):
    rna, adt = objects()
    rna.X = np.round(np.abs(rna.X), 2)  # with zeros, as a sparse matrix has them
    rna.X[rna.X < 0.3] = 0
    expected = run_of(rna, adt)
    given, matrix = rna.copy(), "X"
    if kind in ("csr", "csc"):
        given.X = getattr(sparse, f"{kind}_matrix")(rna.X)
    elif kind == "layer":
        given.layers["counts"], given.X, matrix = sparse.csr_matrix(rna.X), np.zeros_like(rna.X), "layers/counts"
    elif kind == "raw":
        given.raw, matrix = rna, "raw"
        given.X = np.zeros_like(rna.X)
    if is_backed:
        given.write_h5ad(tmp_path / "rna.h5ad")
        given = anndata.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    found = run_of(given, adt, matrix=(matrix, "X"))
    dense = [each.toarray() if sparse.issparse(each) else each for each in (found.source.X, expected.source.X)]
    np.testing.assert_allclose(*dense)
    np.testing.assert_allclose(found.coupling.to_sparse().toarray(), expected.coupling.to_sparse().toarray(), atol=1e-9)
    if is_backed:
        annotate(found, given, adt)
        assert given.obs["psmatch_verdict"].notna().sum() == 44
        given.file.close()


def mudata_of(rna, adt, *, shares_label):
    held = MuData({"adt": adt.copy(), "rna": rna.copy()})
    if shares_label:
        held.obs["ko"] = pd.concat([rna.obs["label"].astype(str), adt.obs["label"].astype(str)]).reindex(held.obs_names)
        for each in held.mod.values():
            del each.obs["label"]
    return held


@pytest.mark.parametrize("shares_label", [False, True])
def test_a_mudata_object_gives_the_run_of_its_two_modalities(shares_label, tmp_path):
    rna, adt = objects()
    held = mudata_of(rna, adt, shares_label=shares_label)
    label = "ko" if shares_label else "label"
    result = match_data(held, label=label, modalities=("rna", "adt"), recipe=QUICK)
    assert (result.source.name, result.target.name) == ("rna", "adt")
    expected = run_of(rna, adt)
    np.testing.assert_allclose(result.coupling.to_sparse().toarray(), expected.coupling.to_sparse().toarray())
    assert held["rna"].obs["psmatch_verdict"].notna().sum() == 44
    assert ("label" in held["rna"].obs) != shares_label  # a column of the whole object is lent, not copied
    held.write(tmp_path / "both.h5mu")


def test_a_choice_that_a_mudata_object_does_not_hold_is_refused():
    rna, adt = objects()
    held = MuData({"rna": rna, "adt": adt, "atac": make_adata(n=30, seed=4)})
    with pytest.raises(PsmatchError, match="match takes two"):
        match_data(held, label="label", modalities=("rna", "atak"))
    with pytest.raises(PsmatchError, match=r"3 modalities given: rna, adt, atac.*modalities="):
        match_data(held, label="label", modalities=("rna", "adt", "atak"))


def test_each_side_may_have_settings_of_its_own():
    rna, adt = objects()
    adt.obs = adt.obs.rename(columns={"label": "guide"})
    result = match_data(rna, adt, label=("label", "guide"), names=("RNA", "ADT"), recipe=QUICK, seed=3)
    assert (result.source.label_key, result.target.label_key) == ("label", "guide")
    assert (result.source.name, result.recipe.seed) == ("RNA", 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": None}, r"no label column was named.*label, batch"),
        ({"label": "kO"}, "has no label column kO"),
        ({"matrx": "X"}, "does not know matrx.*matrix, roles"),
        ({"matrix": "layers/none"}, "has no matrix layers/none"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(change, said):
    rna, adt = objects()
    with pytest.raises(PsmatchError, match=said):
        match_data(rna, adt, **{"label": "label", **change})


@pytest.mark.parametrize("given", [("rna.h5ad", "adt.h5ad"), (None, None), (np.zeros((3, 3)), np.zeros((3, 3)))])
def test_what_is_no_modality_is_answered_with_the_line_to_write(given):
    with pytest.raises(PsmatchError, match=r"match takes two AnnData.*psmatch.match\(rna, adt"):
        match_data(*given, label="label")


def test_one_object_for_both_sides_is_refused():
    rna, _ = objects()
    with pytest.raises(PsmatchError, match="same AnnData object"):
        match_data(rna, rna, label="label")


def test_the_checks_of_the_readers_hold_here():
    rna, adt = objects()
    rna.X[3, 2] = np.nan
    with pytest.raises(PsmatchError, match="missing"):
        match_data(rna, adt, label="label", recipe=QUICK)


def test_objects_that_lack_cells_of_the_run_get_nothing(matched):
    result, rna, adt = matched
    bare = objects()
    with pytest.raises(PsmatchError, match="lacks 1 cell of the run"):
        annotate(result, bare[0], bare[1][1:])
    assert UNS_KEY not in bare[0].uns
    with pytest.raises(PsmatchError, match="Give the objects that were matched, source first"):
        annotate(result, adt, rna)


def test_modalities_and_scored_modalities_are_matched_as_they_are(models):
    assert psmatch.match(*models, UniformMatcher()).labels == models[0].label_names
    source, target = make_modality("RNA", n=45), make_modality("ADT", n=36, seed=1)
    result = psmatch.match(source, target, recipe=QUICK)
    assert result.source.name == "RNA"
