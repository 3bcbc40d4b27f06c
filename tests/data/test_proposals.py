"""A preprocessing is proposed by assay with a reason, applied only when asked, and the same at every door."""

import shlex

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.cli.common import with_settings
from psmatch_core.cli.inspected_files import describe_files
from psmatch_core.data.checks import MatrixScan
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.proposals import Proposal, proposal_for, propose_preprocessing
from psmatch_core.data.readers import DataSpec, inspect_file
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_modality

RNG = np.random.default_rng(0)


def cells(X, names, **obs):
    table = pd.DataFrame({"label": np.array(["A", "B"])[np.arange(len(X)) % 2], **obs})
    table.index = [f"c{i}" for i in range(len(X))]
    return AnnData(X=X.astype(np.float32), obs=table, var=pd.DataFrame(index=list(names)))


def proteins(n=60):
    return cells(RNG.poisson(30, size=(n, 6)), ["CD3", "CD4", "CD8a", "CD19", "PD-1", "TIGIT"])


def genes(n=60):
    return cells(RNG.poisson(0.4, size=(n, 30)), [f"GENE{i}" for i in range(30)])


def proposed(adata, **settings):
    return propose_preprocessing(Modality.from_anndata(adata, label_key="label", name="it", **settings))


def test_proteins_get_the_centred_log_ratio_with_a_reason():
    found = proposed(proteins())
    assert found.assay == "proteins"
    assert found.changes == (("normalize", "clr"),)
    assert found.reason.startswith("These are counts of proteins (CD3, CD4): ")
    assert found.applied_to(Preprocessing(n_components=7)) == Preprocessing(normalize="clr", n_components=7)


def test_what_the_settings_do_already_is_not_offered():
    of_genes, of_proteins = proposed(genes()), proposed(proteins())
    assert of_genes.open_changes(Preprocessing()) == {}  # auto normalises and log-transforms counts
    assert of_genes.note(Preprocessing(), "source") == of_genes.button(Preprocessing()) == ""
    assert of_genes.open_changes(Preprocessing(normalize="clr")) == {"normalize": "log1p"}
    assert of_proteins.open_changes(Preprocessing(normalize="clr")) == {}
    assert of_proteins.button(Preprocessing()) == "Use normalize clr"


def test_normalised_values_embeddings_and_images_stay_as_they_are():
    logged = genes()
    logged.X = np.log1p(logged.X)
    embedding = genes()
    embedding.obsm["X_pca"] = RNG.normal(size=(60, 5))
    embedding.obsm["stack"] = RNG.integers(0, 255, size=(60, 1, 32, 32), dtype=np.uint8)
    assert "not normalised again" in proposed(logged).reason
    assert "look like an embedding (X_pca" in proposed(embedding, matrix="obsm/X_pca").reason
    assert "Images are used as they are" in proposed(embedding, matrix="obsm/stack").reason
    for found in (proposed(logged), proposed(embedding, matrix="obsm/X_pca"), proposed(embedding, matrix="obsm/stack")):
        assert found.open_changes(Preprocessing()) == {}


@pytest.mark.parametrize(("make", "wanted"), [(genes, "log1p"), (proteins, "clr")])
@pytest.mark.parametrize("total", [1e6, 1e5], ids=["per million", "per hundred thousand"])
def test_values_without_a_logarithm_are_offered_one(make, wanted, total):
    """TPM, CPM and normalised counts, as many tables hold them."""
    adata = make()
    adata.X = (adata.X / np.maximum(adata.X.sum(axis=1, keepdims=True), 1) * total + 0).astype(np.float32)
    found = proposed(adata)
    assert found.changes == (("normalize", wanted),)
    assert "not on a log scale" in found.reason
    assert found.open_changes(Preprocessing()) == {"normalize": wanted}  # which auto does not do


def test_large_values_of_unknown_features_are_left_alone():
    found = proposed(cells(RNG.uniform(100, 60_000, size=(60, 30)), [f"f{i}" for i in range(30)]))
    assert (found.assay, found.open_changes(Preprocessing())) == ("other", {})


def test_few_features_mostly_above_0_are_left_to_the_user():
    adata = genes()
    adata.X = RNG.poisson(20, size=adata.shape).astype(np.float32)
    found = proposed(adata)
    assert found.changes == ()
    assert "choose clr if they are proteins" in found.reason


def test_what_the_file_declares_is_heard_by_every_door(tmp_path):
    adata = genes()
    adata.X = RNG.poisson(20, size=adata.shape).astype(np.float32)
    adata.var["feature_types"] = "Antibody Capture"
    adata.write_h5ad(tmp_path / "adt.h5ad")
    (matrix,) = inspect_file(DataSpec(path=str(tmp_path / "adt.h5ad"))).matrices
    assert proposed(adata) == proposal_for(matrix)
    assert proposed(adata).changes == (("normalize", "clr"),)


@pytest.mark.parametrize("make", [proteins, genes])
def test_a_file_and_its_modality_get_the_same_proposal(tmp_path, make):
    adata = make()
    adata.write_h5ad(tmp_path / "it.h5ad")
    (matrix,) = inspect_file(DataSpec(path=str(tmp_path / "it.h5ad"))).matrices
    assert proposal_for(matrix) == proposed(adata)


def test_what_is_typed_gives_what_is_proposed():
    found = Proposal("x", "Why.", (("normalize", "clr"), ("n_components", 7), ("scale", False)), "log1p")
    note = found.note(Preprocessing(), "target")
    assert note.startswith("Why. Not applied; to apply it: --set target_preprocessing.normalize=clr --set ")
    typed = [each for each in shlex.split(note.partition("apply it: ")[2]) if each != "--set"]
    assert with_settings(Recipe(), typed).target_preprocessing == found.applied_to(Preprocessing())


def morphology(plates=("P1", "P2")):
    names = [f"{part}_{what}" for part in ("Cells", "Nuclei") for what in ("AreaShape_Area", "Texture_Contrast_DNA_3")]
    columns = {"Metadata_Plate": np.array(plates)[np.arange(60) % len(plates)], "Metadata_Well": ["A01", "B02"] * 30}
    adata = cells(RNG.gamma(4, 10, size=(60, 4)), names, **columns)
    adata.obs["label"] = np.array(["DMSO", "TP53", "MYC"])[np.arange(60) // 2 % 3]
    return adata


def test_morphology_is_compared_with_the_controls_of_its_plate():
    found = proposed(morphology())
    assert dict(found.changes) == {
        "normalize": "none", "batch_scaling": "robust z", "batch_key": "Metadata_Plate", "batch_controls": ("DMSO",),
        "largest_correlation": 0.9,
    }  # fmt: skip
    assert "robust z-scores against the controls (DMSO) of each Metadata_Plate cancel plate effects" in found.reason
    side = Modality.from_anndata(morphology(), label_key="label", name="it")
    fitted = found.applied_to(Preprocessing()).fit(side)
    again = propose_preprocessing(side.with_features(fitted.readable(side).X, side.var_names[fitted.columns]))
    assert again.changes == (("normalize", "none"),)  # standardised values are not standardised again
    assert "standardised already" in again.reason


@pytest.mark.parametrize(("n_peaks", "n_components"), [(400, 50), (60, None)])
def test_peaks_get_tf_idf_and_components_where_there_are_enough(n_peaks, n_components):
    adata = cells(RNG.poisson(0.2, size=(60, n_peaks)), [f"chr3-{i}00-{i}90" for i in range(n_peaks)])
    found = proposed(adata)
    assert dict(found.changes).get("n_components") == n_components
    assert dict(found.changes)["normalize"] == "tfidf"
    assert found.reason.startswith(
        "These are peaks of open chromatin (chr3-000-090, chr3-100-190): TF-IDF cancels depth"
    )
    adata.X = np.minimum(adata.X, 1)
    assert proposed(adata).changes == found.changes  # open or not is as raw as counts


def test_one_plate_needs_no_column_and_no_controls_mean_all_cells():
    assert dict(proposed(morphology(("P1",))).changes)["batch_key"] == ""
    adata = morphology()
    adata.obs["label"] = adata.obs["label"].replace("DMSO", "KRAS")
    found = proposed(adata)
    assert dict(found.changes)["batch_controls"] == ()
    assert "against all cells of each Metadata_Plate" in found.reason


@pytest.mark.parametrize("name", ["Plate", "plate_id", "Metadata_Batch", "assay_plate_barcode", "batch"])
def test_columns_of_plates_are_found_by_their_names(name):
    adata = morphology()
    adata.obs = adata.obs.rename(columns={"Metadata_Plate": name})
    assert dict(proposed(adata).changes)["batch_key"] == name


def test_inspect_and_a_modality_propose_the_same_for_morphology(tmp_path):
    adata = morphology()
    adata.write_h5ad(tmp_path / "it.h5ad")
    summary = inspect_file(DataSpec(path=str(tmp_path / "it.h5ad"), label_key="label"))
    assert proposal_for(summary.matrices[0], summary.columns, summary.column("label").counts) == proposed(adata)


def test_inspect_prints_the_proposal_of_each_file_until_it_is_applied(tmp_path):
    genes().write_h5ad(tmp_path / "rna.h5ad")
    proteins().write_h5ad(tmp_path / "adt.h5ad")
    specs = [DataSpec(path=str(tmp_path / name), label_key="label") for name in ("rna.h5ad", "adt.h5ad")]
    text, _ = describe_files(specs)
    assert "preprocessing: These are counts of genes (GENE0, GENE1): " in text
    assert text.count("--set target_preprocessing.normalize=clr") == 1
    assert "--set source_preprocessing" not in text
    text, _ = describe_files(specs, preprocessing=(Preprocessing(), Preprocessing(normalize="clr")))
    assert "preprocessing: These are counts of proteins" in text
    assert "--set" not in text


def test_values_are_read_once_for_the_features_and_for_the_proposal(monkeypatch):
    n_read = []
    added = MatrixScan.add
    monkeypatch.setattr(MatrixScan, "add", lambda scan, rows: (n_read.append(rows.shape[0]), added(scan, rows)))
    modality = make_modality()
    n_read.clear()  # the checks of what is read have a look of their own
    Preprocessing().fit(modality)
    propose_preprocessing(modality)
    assert n_read == [modality.n_cells]
    assert modality.select(np.arange(modality.n_cells) % 2 == 0, "half").scan.n_cells < modality.n_cells
