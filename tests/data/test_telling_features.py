"""Features that name the label are told by name; markers of cell types and effects of perturbations are not."""

import importlib

import numpy as np
import pytest
from scipy import sparse

from benchmarks.given_away import FORMS, GENES, as_anndata, cell_types, guides, screen, telling
from psmatch_core.data.readers import DataSpec, inspect_file


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("per_label", [1, 3])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("naming", ["{0}_g{1}", "sg{0}-{1}", "{0}.{1}", "g{2}", "Guide-{2}"])
def test_guide_counts_are_told_whatever_they_are_called(form, per_label, wrap, naming):
    rng = np.random.default_rng(len(naming) + per_label)
    y, X, genes = screen(rng)
    has_names = "{0}" in naming
    G = guides(rng, y, len(GENES), per_label=per_label, ambient=0.1 if has_names else 0.02)
    called = [naming.format(gene, i + 1, 3 * at + i) for at, gene in enumerate(GENES) for i in range(per_label)]
    (problem,) = telling(as_anndata(wrap(FORMS[form](np.hstack([X, G]))), y, GENES, [*genes, *called]))
    n_told = int(problem.split(" ")[1])
    assert 0.8 * len(called) <= n_told <= len(called) + 2
    assert problem.partition("(")[2].partition(",")[0] in called
    assert "of 320 cells" in problem


def test_controls_may_lack_a_guide():
    rng = np.random.default_rng(1)
    y, X, genes = screen(rng)
    G = guides(rng, y, len(GENES), control=False, ambient=0.01)
    (problem,) = telling(as_anndata(np.hstack([X, G]), y, GENES, [*genes, *(f"{each}_g1" for each in GENES[1:])]))
    assert "7 features" in problem


@pytest.mark.parametrize("n_labels", [2, 5, 8])
@pytest.mark.parametrize("flips", [0.0, 0.03])
def test_a_copy_of_the_label_is_told(n_labels, flips):
    rng = np.random.default_rng(n_labels)
    y, X, genes = screen(rng, names=GENES[:n_labels])
    copy = np.where(rng.random(y.size) < flips, rng.integers(0, n_labels, y.size), y) + 1.0
    (problem,) = telling(as_anndata(np.column_stack([X, copy]), y, GENES[:n_labels], [*genes, "label_code"]))
    assert "1 feature (label_code) names the label (perturbation) of 3" in problem


def test_tags_of_two_samples_are_told_only_if_each_is_alone():
    rng = np.random.default_rng(3)
    y, X, genes = screen(rng, names=("ctrl", "stim"))
    for ambient, n in ((0.0, 1), (0.3, 0)):
        G = guides(rng, y, 2, ambient=ambient)
        assert len(telling(as_anndata(np.hstack([X, G]), y, ("ctrl", "stim"), [*genes, "tag1", "tag2"]))) == n


@pytest.mark.parametrize("seed", range(30))
def test_markers_of_cell_types_are_biology(seed):
    """Markers by the dozen or one by one, in small and large panels, with dropouts and ambient RNA."""
    y, X = cell_types(np.random.default_rng(seed))
    types = tuple(f"type {i}" for i in range(10))
    assert telling(as_anndata(sparse.csr_matrix(X), y, types, [f"G{i}" for i in range(X.shape[1])])) == []


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("effect", [0.5, 2.0, 4.0])
def test_effects_of_perturbations_are_what_is_looked_for(seed, effect):
    rng = np.random.default_rng(seed)
    y, X, genes = screen(rng, effect=effect)
    genes[: len(GENES) - 1] = GENES[1:]  # the genes that are perturbed are measured too
    assert telling(as_anndata(X, y, GENES, genes)) == []


def test_a_file_is_told_as_an_annotated_object_is(tmp_path):
    rng = np.random.default_rng(5)
    y, X, genes = screen(rng)
    leak = np.hstack([X, guides(rng, y, len(GENES))])
    for values, n in ((leak, 1), (X, 0)):
        adata = as_anndata(
            sparse.csr_matrix(values), y, GENES, [*genes, *(f"{each}_g1" for each in GENES)][: values.shape[1]]
        )
        adata.write_h5ad(tmp_path / "one.h5ad")
        summary = inspect_file(DataSpec(path=str(tmp_path / "one.h5ad"), label_key="perturbation"))
        problems = [each.problem.partition(": ")[2] for each in summary.findings if each.code == "PM-L30"]
        assert problems == [each.partition(": ")[2] for each in telling(adata)]
        assert len(problems) == n


def test_of_large_data_a_part_of_the_cells_is_looked_at(monkeypatch):
    module = importlib.import_module("psmatch_core.data.checks.telling_features")
    rng = np.random.default_rng(6)
    y, X, genes = screen(rng, n=400)
    names = [*genes, *(f"{each}_g1" for each in GENES)]
    adata = as_anndata(np.hstack([X, guides(rng, y, len(GENES))]), y, GENES, names)
    assert " of 400 cells" in telling(adata)[0]
    monkeypatch.setattr(module, "LARGEST_READ", 2000)
    (problem,) = telling(adata)
    assert int(problem.split(" of ")[-1].split(" ")[0]) <= 200


def test_values_that_are_no_numbers_are_left_to_their_own_check(tmp_path):
    rng = np.random.default_rng(7)
    y, X, genes = screen(rng)
    leak = np.hstack([X, guides(rng, y, len(GENES))])
    adata = as_anndata(leak.copy(), y, GENES, [*genes, *(f"{each}_g1" for each in GENES)])
    adata.layers["counts"] = leak
    adata.X[-3:, -4:] = np.nan
    adata.write_h5ad(tmp_path / "one.h5ad")
    summary = inspect_file(DataSpec(path=str(tmp_path / "one.h5ad"), label_key="perturbation"))
    assert "PM-L30" not in [each.code for each in summary.findings]
