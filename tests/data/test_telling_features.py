"""Features that name the label are told by name; markers of cell types and effects of perturbations are not."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, inspect_file

GENES = ["NT", "STAT1", "JAK2", "IRF1", "CUL3", "SMAD4", "MYC", "BRD4"]
CODE = "PM-L30"
FORMS = {
    "counts": lambda X: X,
    "log": lambda X: np.log1p(X / np.maximum(X.sum(1, keepdims=True), 1) * 1e3),
    "floats": lambda X: X.astype(float) * 1.7,
}


def screen(rng, n=320, names=GENES, effect=2.0, n_genes=60):
    """Labels and counts of genes that a hidden state and an effect of each label change."""
    y = rng.permutation(np.arange(n) % len(names))
    z = rng.normal(0, effect, (len(names), 6))[y] + rng.normal(size=(n, 6))
    X = rng.poisson(np.exp(np.clip(0.4 + z @ rng.normal(0, 0.35, (6, n_genes)), -4, 5)))
    return y, X.astype(float), [f"GENE{i}" for i in range(n_genes)]


def guides(rng, y, n_labels, per_label=1, ambient=0.1, control=True):
    """Counts of guides: the guide of a cell has many, one of another in some cells has one or two."""
    own = y * per_label + rng.integers(0, per_label, y.size)
    X = np.where(
        rng.random((y.size, n_labels * per_label)) < ambient, rng.integers(1, 3, (y.size, n_labels * per_label)), 0
    )
    X[np.arange(y.size), own] = rng.integers(8, 60, y.size)
    return X[:, 0 if control else per_label :].astype(float)


def modality(X, y, names, var_names, label_key="perturbation"):
    obs = pd.DataFrame({label_key: np.asarray(names, dtype=object)[y]}, [f"c{i}" for i in range(len(y))])
    return anndata.AnnData(X, obs, pd.DataFrame(index=var_names))


def found(adata):
    made = Modality.from_anndata(adata, label_key="perturbation", name="RNA")
    return [each.problem for each in made.findings if each.code == CODE]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("per_label", [1, 3])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("naming", ["{0}_g{1}", "sg{0}-{1}", "{0}.{1}", "g{2}", "Guide-{2}"])
def test_guide_counts_are_told_whatever_they_are_called(form, per_label, wrap, naming):
    rng = np.random.default_rng(len(naming) + per_label)
    y, X, genes = screen(rng)
    has_names = "{0}" in naming
    G = guides(rng, y, len(GENES), per_label, ambient=0.1 if has_names else 0.02)
    called = [naming.format(gene, i + 1, 3 * at + i) for at, gene in enumerate(GENES) for i in range(per_label)]
    (problem,) = found(modality(wrap(FORMS[form](np.hstack([X, G]))), y, GENES, [*genes, *called]))
    n_told = int(problem.split(" ")[1])
    assert 0.8 * len(called) <= n_told <= len(called) + 2
    assert problem.partition("(")[2].partition(",")[0] in called
    assert "of 320 cells" in problem


def test_controls_may_lack_a_guide():
    rng = np.random.default_rng(1)
    y, X, genes = screen(rng)
    G = guides(rng, y, len(GENES), control=False, ambient=0.01)
    (problem,) = found(modality(np.hstack([X, G]), y, GENES, [*genes, *(f"{each}_g1" for each in GENES[1:])]))
    assert "7 features" in problem


@pytest.mark.parametrize("n_labels", [2, 5, 8])
@pytest.mark.parametrize("flips", [0.0, 0.03])
def test_a_copy_of_the_label_is_told(n_labels, flips):
    rng = np.random.default_rng(n_labels)
    y, X, genes = screen(rng, names=GENES[:n_labels])
    copy = np.where(rng.random(y.size) < flips, rng.integers(0, n_labels, y.size), y) + 1.0
    (problem,) = found(modality(np.column_stack([X, copy]), y, GENES[:n_labels], [*genes, "label_code"]))
    assert "1 feature (label_code) names the label (perturbation) of 3" in problem


def test_tags_of_two_samples_are_told_only_if_each_is_alone():
    rng = np.random.default_rng(3)
    y, X, genes = screen(rng, names=["ctrl", "stim"])
    for ambient, n in ((0.0, 1), (0.3, 0)):
        G = guides(rng, y, 2, ambient=ambient)
        assert len(found(modality(np.hstack([X, G]), y, ["ctrl", "stim"], [*genes, "tag1", "tag2"]))) == n


@pytest.mark.parametrize("seed", range(30))
def test_markers_of_cell_types_are_biology(seed):
    """Two to nine types of one to thirty markers each, in small and large panels, with dropouts and ambient RNA."""
    rng = np.random.default_rng(seed)
    k, per_type = int(rng.integers(2, 10)), int(rng.integers(1, 30))
    n, n_others = int(rng.integers(200, 600)), int(rng.integers(10, 400))
    y = rng.permutation(np.arange(n) % k)
    level = np.full((k, k * per_type), rng.choice([0.0, 0.01, 0.05, 0.3]))
    for each in range(k):
        level[each, each * per_type : (each + 1) * per_type] = rng.lognormal(0.5, 1.0, per_type)
    depth = rng.lognormal(0, 0.4, (n, 1))
    markers = rng.poisson(level[y] * rng.gamma(2, 0.5, (n, k * per_type)) * depth)
    others = rng.poisson(rng.lognormal(-1, 1, n_others) * depth)
    X = np.hstack([markers, others]).astype(float)
    types = [f"type {i}" for i in range(k)]
    assert found(modality(sparse.csr_matrix(X), y, types, [f"G{i}" for i in range(X.shape[1])])) == []


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("effect", [0.5, 2.0, 4.0])
def test_effects_of_perturbations_are_what_is_looked_for(seed, effect):
    rng = np.random.default_rng(seed)
    y, X, genes = screen(rng, effect=effect)
    genes[: len(GENES) - 1] = GENES[1:]  # the genes that are perturbed are measured too
    assert found(modality(X, y, GENES, genes)) == []


def test_a_file_is_told_as_an_annotated_object_is(tmp_path):
    rng = np.random.default_rng(5)
    y, X, genes = screen(rng)
    leak = np.hstack([X, guides(rng, y, len(GENES))])
    for values, n in ((leak, 1), (X, 0)):
        adata = modality(
            sparse.csr_matrix(values), y, GENES, [*genes, *(f"{each}_g1" for each in GENES)][: values.shape[1]]
        )
        adata.write_h5ad(tmp_path / "one.h5ad")
        summary = inspect_file(DataSpec(path=str(tmp_path / "one.h5ad"), label_key="perturbation"))
        problems = [each.problem.partition(": ")[2] for each in summary.findings if each.code == CODE]
        assert problems == [each.partition(": ")[2] for each in found(adata)]
        assert len(problems) == n
