"""TF-IDF and LSI: equal to a direct dense computation, blind to the depth of a cell, and sparse all the way."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.lsi import inverse_frequencies, tf_idf
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.matching.matchers import SharedSpaceMatcher
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.needs import SideSize, estimate_needs
from psmatch_core.pipeline.recipe import Recipe

LSI = Preprocessing(normalize="tfidf", n_components=6)


def counts(n=120, n_peaks=300, spread_of_depth=0.1, seed=0):
    """Peaks of three kinds of cells, each with open regions of its own."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    openness = rng.gamma(0.5, 0.2, size=(3, n_peaks))[kind]
    depth = np.exp(rng.normal(0, spread_of_depth, size=(n, 1)))
    X = rng.poisson(openness * depth)
    X[X.sum(axis=1) == 0, 0] = 1
    return X.astype(np.float32)


def peaks(X, as_sparse=True):
    obs = pd.DataFrame(
        {"label": np.array(["A", "B", "C"])[np.arange(len(X)) % 3]}, index=[f"c{i}" for i in range(len(X))]
    )
    var = pd.DataFrame(index=[f"chr1:{1000 * i}-{1000 * i + 500}" for i in range(X.shape[1])])
    adata = AnnData(X=sparse.csr_matrix(X) if as_sparse else X, obs=obs, var=var)
    return Modality.from_anndata(adata, label_key="label", name="ATAC")


def directly(X):
    """TF-IDF without a thought for memory."""
    idf = np.divide(len(X), (X > 0).sum(axis=0), out=np.zeros(X.shape[1]), where=(X > 0).any(axis=0))
    return np.log1p(1e4 * X / X.sum(axis=1, keepdims=True) * idf)


def test_tf_idf_is_what_its_formula_says_and_stays_sparse():
    X = counts()
    found = tf_idf(sparse.csr_matrix(X), inverse_frequencies(sparse.csr_matrix(X)))
    assert sparse.issparse(found)
    assert found.nnz == np.count_nonzero(X)
    assert np.allclose(found.toarray(), directly(X), rtol=1e-5)


@pytest.mark.parametrize("as_sparse", [True, False])
def test_components_are_those_of_a_dense_svd(as_sparse):
    X = counts()
    side = peaks(X, as_sparse)
    fitted = LSI.fit(side)
    u, s, _ = np.linalg.svd(directly(X), full_matrices=False)
    first = fitted.lsi.first - 1
    expected = (u * s)[:, first : first + 6]
    scores = fitted.readable(side).X
    signs = np.sign((scores * expected).sum(axis=0))
    assert np.allclose(scores * signs, expected, rtol=1e-3, atol=1e-2)
    z = fitted.transform(side).X
    assert np.allclose(z * signs, (expected - expected.mean(axis=0)) / expected.std(axis=0), atol=5e-3)


def test_the_depth_of_a_cell_cancels_exactly():
    X = counts()
    deeper = X * np.random.default_rng(1).integers(1, 9, size=(len(X), 1))
    config = replace(LSI, n_components=0, scale=False)
    one, other = (config.fit(peaks(each)).transform(peaks(each)).X for each in (X, deeper))
    assert np.allclose(one.toarray(), other.toarray(), rtol=1e-5)
    assert np.allclose(
        LSI.fit(peaks(X)).readable(peaks(X)).X, LSI.fit(peaks(7 * X)).readable(peaks(7 * X)).X, atol=1e-3
    )


def test_the_first_component_is_left_out_where_it_is_depth_and_that_is_said():
    deep = peaks(counts(spread_of_depth=1.5))
    fitted = LSI.fit(deep)
    assert fitted.readable(deep).var_names.tolist() == [f"LSI{i}" for i in range(2, 8)]
    assert any("component 1 is left out as depth (correlation 0." in note for note in fitted.notes)
    even = peaks(counts(spread_of_depth=0.0))
    flat = even.X.toarray()
    flat[:, -1] += flat.sum(axis=1).max() - flat.sum(axis=1)  # all cells equally deep
    fitted = LSI.fit(peaks(flat))
    assert fitted.transform(peaks(flat)).var_names.tolist() == [f"LSI{i}" for i in range(1, 7)]
    assert any("component 1 is kept" in note for note in fitted.notes)


def test_a_wide_sparse_matrix_is_never_made_dense(monkeypatch):
    X = sparse.random(90, 40_000, density=0.002, format="csr", random_state=0, data_rvs=lambda n: np.ones(n))
    side = peaks(counts(90, 3))
    names = np.array([f"chr2:{i}-{i + 1}" for i in range(X.shape[1])])
    side = side.with_features(X.astype(np.float32), names)

    def refuse(*_, **__):
        raise AssertionError("made dense")

    for name in ("toarray", "todense"):
        monkeypatch.setattr(sparse.csr_matrix, name, refuse)
    fitted = LSI.fit(side)
    assert fitted.transform(side).X.shape == (90, 6)
    assert fitted.columns.size == 40_000  # no selection of 2,000 is needed where nothing becomes dense


def test_one_cell_alone_is_as_among_all_and_the_stored_transform_is_the_same(tmp_path):
    side = peaks(counts())
    fitted = LSI.fit(side)
    result_files.save(fitted, tmp_path / "fitted.npz")
    loaded = result_files.load_preprocessing(tmp_path / "fitted.npz")
    alone = side.select(np.arange(120) == 7, "test")
    assert np.allclose(loaded.transform(alone).X[0], fitted.transform(side).X[7], atol=1e-5)
    assert loaded.readable(side).var_names.tolist() == fitted.readable(side).var_names.tolist()
    assert np.array_equal(loaded.readable_values(side.X), fitted.readable(side).X)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_peaks_and_cells_without_counts_stay_at_0_and_cells_are_counted():
    X = counts()
    X[:, 5] = 0
    X[3] = 0
    fitted = replace(LSI, n_components=0, scale=False).fit(peaks(X))
    values = fitted.transform(peaks(X)).X.toarray()
    assert not values[3].any()
    assert not values[:, 5].any()
    assert any("1 cell without any counts" in note for note in fitted.notes)
    X[:, 5] = 2  # open in new cells only: nothing is known of it
    assert not fitted.transform(peaks(X)).X[:, 5].toarray().any()


def test_what_does_not_suit_is_refused_or_said():
    side = peaks(counts())
    with pytest.raises(PsmatchError, match="at most 118"):
        replace(LSI, n_components=119).fit(side)
    with pytest.raises(PsmatchError, match="cannot be combined with batch_scaling"):
        replace(LSI, batch_scaling="z").fit(side)
    logged = side.with_features(side.X.log1p(), side.var_names)
    assert any("tfidf was used as requested, although the values look logged" in n for n in LSI.fit(logged).notes)
    open_or_not = side.with_features((side.X > 0).astype(np.float32), side.var_names)
    assert not any("as requested" in note for note in LSI.fit(open_or_not).notes)


def test_components_of_two_sides_are_no_shared_space():
    one, other = (LSI.fit(side).transform(side) for side in (peaks(counts()), peaks(counts(seed=1))))
    with pytest.raises(PsmatchError, match="fitted to each modality alone"):
        SharedSpaceMatcher().check(one, other)


def test_translations_onto_components_need_no_memory_for_peaks():
    wide = SideSize(n_cells=5000, n_features=100_000, n_stored=5_000_000)
    few, many = (
        Recipe(target_preprocessing=LSI),
        Recipe(target_preprocessing=replace(LSI, n_components=0, n_top_genes=0)),
    )
    assert estimate_needs(few, wide, wide).disk < estimate_needs(many, wide, wide).disk
