"""A transform is fitted once and then treats every cell in the same way."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import mapped_rows
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from tests.conftest import make_adata, make_modality


def counts(n=80, n_features=30, as_sparse=True, seed=0):
    adata = make_adata(n=n, n_features=n_features)
    depth = np.random.default_rng(seed).uniform(1, 5, size=(n, 1))
    adata.X = np.random.default_rng(seed).poisson(np.exp(adata.X / 3) * depth).astype(np.float32)
    if as_sparse:
        adata.X = sparse.csr_matrix(adata.X)
    return Modality.from_anndata(adata, label_key="label", name="RNA")


def test_counts_are_seen_and_logged_values_left_alone():
    fitted = Preprocessing().fit(counts())
    assert fitted.normalize == "log1p"
    assert "look like counts" in fitted.notes[0]
    logged = counts()
    logged = logged.with_features(logged.X.log1p(), logged.var_names)
    assert Preprocessing().fit(logged).normalize == "none"


def test_normalised_cells_have_equal_size():
    modality = counts()
    fitted = Preprocessing(scale=False).fit(modality)
    sums = np.expm1(fitted.transform(modality).X.toarray()).sum(axis=1)
    assert np.allclose(sums, fitted.target_sum, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Some cells have zero counts")
def test_empty_cells_do_not_count_for_the_library_size_and_are_reported():
    modality = counts(as_sparse=False)
    X = modality.X.copy()
    X[:50] = 0
    fitted = Preprocessing().fit(modality.with_features(X, modality.var_names))
    assert fitted.target_sum == pytest.approx(float(np.median(X[50:].sum(axis=1))))
    assert any("50 cells without any counts" in note for note in fitted.notes)


def test_scaled_features_have_mean_0_and_variance_1():
    X = Preprocessing().fit(make_modality()).transform(make_modality()).X
    assert np.allclose(X.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(X.std(axis=0), 1, atol=1e-4)


def test_a_z_score_beyond_ten_is_clipped_at_ten():
    X = np.random.default_rng(0).normal(size=(400, 3))
    X[7, 1], X[8, 1] = 1e4, -1e4  # 14 standard deviations from the mean
    adata = make_adata(n=400, n_features=3)
    adata.X = X.astype(np.float32)
    modality = Modality.from_anndata(adata, label_key="label", name="RNA")
    fitted = Preprocessing().fit(modality)
    z = fitted.transform(modality).X
    assert (z[7, 1], z[8, 1]) == (10, -10)
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    within = np.abs(expected) < 10
    assert np.allclose(z[within], expected[within], atol=1e-4)
    adata.X[9, 2] = 1e9
    new = Modality.from_anndata(adata, label_key="label", name="RNA")
    assert fitted.transform(new).X[9, 2] == 10


def test_sparse_and_dense_give_the_same_features():
    for config in (Preprocessing(), Preprocessing(n_top_genes=10), Preprocessing(n_components=4)):
        sparse_side, dense_side = counts(as_sparse=True), counts(as_sparse=False)
        a = config.fit(sparse_side).transform(sparse_side).X
        b = config.fit(dense_side).transform(dense_side).X
        assert np.allclose(np.abs(a), np.abs(b), atol=1e-3)


def test_one_cell_scored_alone_equals_itself_among_all():
    modality = counts()
    fitted = Preprocessing(n_components=5).fit(modality)
    alone = modality.select(np.arange(modality.n_cells) == 7, "test")
    assert np.allclose(fitted.transform(alone).X[0], fitted.transform(modality).X[7], atol=1e-5)


def test_readable_features_are_the_normalised_ones_that_were_selected():
    modality = counts()
    fitted = Preprocessing(n_top_genes=10, n_components=3).fit(modality)
    selected = Preprocessing(n_top_genes=10, scale=False).fit(modality).transform(modality)
    readable = fitted.readable(modality)
    assert readable.var_names.tolist() == selected.var_names.tolist()
    assert np.array_equal(readable.X.toarray(), selected.X.toarray())


def test_components_are_orthogonal_and_as_many_as_asked():
    X = Preprocessing(n_components=5).fit(counts()).transform(counts()).X
    covariance = np.cov(X.T)
    assert X.shape[1] == 5
    assert np.allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-3 * covariance[0, 0])


def test_clr_rows_have_mean_0():
    modality = counts()
    X = Preprocessing(normalize="clr", scale=False).fit(modality).transform(modality).X
    assert np.allclose(X.mean(axis=1), 0, atol=1e-5)


def test_constant_features_are_reported_and_stay_at_0():
    adata = make_adata()
    adata.X[:, 2] = 3.0
    modality = Modality.from_anndata(adata, label_key="label", name="RNA")
    fitted = Preprocessing().fit(modality)
    assert np.array_equal(fitted.transform(modality).X[:, 2], np.zeros(60, np.float32))
    assert any("1 feature without variance" in note for note in fitted.notes)


def test_more_components_than_there_are_is_refused():
    with pytest.raises(PsmatchError, match="100 principal components requested"):
        Preprocessing(n_components=100).fit(make_modality())


def test_logging_negative_values_is_refused():
    with pytest.raises(PsmatchError, match="log1p needs counts, but some values are negative"):
        Preprocessing(normalize="log1p").fit(make_modality())


def test_other_features_are_refused():
    with pytest.raises(PsmatchError, match="differ from the 8 that the preprocessing was fitted on"):
        Preprocessing().fit(make_modality()).transform(make_modality(n_features=5))


def in_a_file(modality):
    """The same modality with its values in a file, which is read in blocks of a few cells."""
    X = modality.X
    blocks = (X[start : start + 11] for start in range(0, X.shape[0], 11))
    return replace(modality, X=mapped_rows.mapped_rows(blocks, X.shape[1], most_stored=X.nnz))


SETTINGS = (
    Preprocessing(),
    Preprocessing(n_top_genes=12),
    Preprocessing(n_top_genes=12, scale=False),
    Preprocessing(n_top_genes=0, n_components=5),
    Preprocessing(n_top_genes=12, n_components=3),
    Preprocessing(normalize="none", n_top_genes=9),
    Preprocessing(normalize="log1p", n_top_genes=12, largest_correlation=0.4),
    Preprocessing(normalize="log1p", n_top_genes=12, batch_scaling="z"),
    Preprocessing(normalize="none", n_top_genes=12, batch_scaling="robust z"),
    Preprocessing(normalize="tfidf", n_top_genes=12),
    Preprocessing(normalize="tfidf", n_components=4),
    Preprocessing(normalize="clr", n_top_genes=7),
    Preprocessing(normalize="clr"),
)


@pytest.mark.parametrize("config", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_features_of_values_in_a_file_are_those_of_values_in_memory(config, seed, monkeypatch):
    modality = counts(seed=seed, n_features=30 + seed)
    if config.normalize == "none":
        modality = modality.with_features(modality.X.log1p(), modality.var_names)
    expected = config.fit(modality)  # one block: all cells at once
    features, readable = expected.transform(modality), expected.readable(modality)
    monkeypatch.setattr(mapped_rows, "CHUNK_VALUES", 200)
    for other in (modality, in_a_file(modality)):
        fitted = config.fit(other)
        assert fitted.notes == expected.notes
        assert fitted.target_sum == expected.target_sum
        for name in ("columns", "mean", "spread", "components", "idf"):
            np.testing.assert_array_equal(getattr(fitted, name), getattr(expected, name))
        assert fitted.transform(other).fingerprint == features.fingerprint
        assert fitted.readable(other).fingerprint == readable.fingerprint


def test_choosing_features_holds_what_is_chosen(monkeypatch):
    """Bytes that Python and numpy hold at most, which no other work on the machine changes."""
    monkeypatch.setattr(mapped_rows, "CHUNK_VALUES", 20_000)
    n, d, chosen = 2000, 600, 12
    X = sparse.random(n, d, density=0.5, format="csr", random_state=np.random.default_rng(0))
    X.data = np.ceil(9 * X.data).astype(np.float32)
    labels = np.array(["a", "b"])[np.arange(n) % 2]
    names = np.array([f"c{i}" for i in range(n)]), np.array([f"g{i}" for i in range(d)])
    modality = in_a_file(Modality("RNA", X.astype(np.float32), labels, *names))
    config = Preprocessing(n_top_genes=chosen)
    config.fit(modality)  # loads libraries
    tracemalloc.start()
    features = config.fit(modality).transform(modality)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert features.n_features == chosen
    assert peak < (X.data.nbytes + X.indices.nbytes) / 3  # which were 4.8 MB
