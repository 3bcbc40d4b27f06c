"""The fixed space of many cells is that of few: the same axes, whichever way they are computed."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist

from psmatch_core.data.modality import Modality
from psmatch_core.evaluation import reference_space
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.evaluation.reference_space import ReferenceSpace
from tests.conftest import make_adata


def cells(n=300, d=12, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, 4)) @ draw.normal(size=(4, d)) + draw.normal(scale=0.3, size=(n, d))
    X[:, 5] = 1.0  # a constant feature
    return np.where(np.abs(X) < 0.4, 0, X).astype(np.float32)


@pytest.fixture
def as_many(monkeypatch):
    monkeypatch.setattr(reference_space, "MANY_VALUES", 1000)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_components", [0, 3, 12, 20])
def test_many_cells_have_the_space_of_few(make, n_components, request):
    X = cells()
    few = ReferenceSpace.of(X, n_components)
    request.getfixturevalue("as_many")
    many = ReferenceSpace.of(make(X), n_components)
    assert many.explained == pytest.approx(few.explained, abs=1e-6)
    np.testing.assert_allclose(many.place_all(make(X)), few.place(X), atol=1e-4)


def test_distances_between_many_cells_are_those_between_few(request):
    adata = make_adata(n=240, n_features=10)
    modality = Modality.from_anndata(adata, label_key="label", name="RNA")
    few = fixed_space(modality, Judging(n_components=4))
    request.getfixturevalue("as_many")
    many = fixed_space(modality, Judging(n_components=4))
    np.testing.assert_allclose(pdist(many), pdist(few), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "n"), [((60, 20), 20), ((60, 20), 7), ((15, 40), 14)])
def test_exact_components_are_those_of_scikit_learn(dtype, shape, n):
    from sklearn.decomposition import PCA

    dense = np.random.default_rng(1).normal(size=shape).astype(dtype)
    theirs = PCA(n_components=n, svd_solver="full").fit_transform(dense)
    np.testing.assert_array_equal(reference_space.exact_components(dense, n), theirs)
