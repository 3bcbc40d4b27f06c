"""The rule that tells an assay by declared types, names of features and values; members of each kind, near misses."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.data.assays import Assay, declared_assay, detect_assay
from psmatch_core.data.checks import MatrixScan

RNG = np.random.default_rng(0)


def scan_of(X):
    scan = MatrixScan(X.shape[1])
    scan.add(X)
    return scan


def counts(n_features, mean=0.3, n=60):
    return RNG.poisson(mean, size=(n, n_features)).astype(np.float32)


GENES = [f"{stem}{i}" for stem in ("STAT", "JAK", "Gm", "RPL", "MT-ND") for i in range(1, 9)]
PROTEINS = {
    "clones": ["CD3", "CD4", "CD8a", "CD45RA", "CD197", "HLA-DR", "TCRab", "IgG1"],
    "TotalSeq": [f"{each}_TotalSeqB" for each in ("CD3", "CD19", "PD-1", "TIGIT", "IgG2a_control")],
    "prefix": ["adt_PD-1", "adt_CTLA4", "adt_TIM3", "adt_LAG3"],
    "species": ["Hu.CD4-RPA.T4", "Hu.CD101", "HuMs.CD49f", "Ms.CD11a", "Hu.CD8"],
    "anti": ["anti-human CD4", "anti-CD25", "Anti-EpCAM", "anti-PD1"],
}
PEAKS = {
    "colon": [f"chr{i % 22 + 1}:{i}00-{i}99" for i in range(40)],
    "minus": [f"chrX-{i}000-{i}500" for i in range(40)],
    "underscores": [f"chr2_{i}000_{i}500" for i in range(40)],
    "with a few genes": [f"chr2_{i}000_{i}500" for i in range(40)] + ["GAPDH", "ACTB"],
}
MORPHOLOGY = {
    "compartments": [
        f"{c}_{f}" for c in ("Cells", "Nuclei", "Cytoplasm") for f in ("AreaShape_Area", "Texture_Contrast_DNA_3")
    ],
    "one object": ["AreaShape_Area", "Intensity_MeanIntensity_DNA", "Granularity_2_ER", "Correlation_K_DNA_ER"],
    "other object": ["Mito_AreaShape_Area", "Mito_Intensity_Max_DNA", "Mito_RadialDistribution_FracAtD_DNA_1of4"],
}


@pytest.mark.parametrize("names", PROTEINS.values(), ids=PROTEINS)
def test_counts_with_names_of_antibodies_are_proteins(names):
    assert detect_assay(scan_of(counts(len(names), 40)), names) == Assay("proteins", is_raw=True)


@pytest.mark.parametrize("names", PEAKS.values(), ids=PEAKS)
def test_names_of_places_on_a_chromosome_are_peaks(names):
    X = counts(len(names), 0.05)
    assert detect_assay(scan_of(X), names) == Assay("peaks", is_raw=True)
    assert detect_assay(scan_of(np.minimum(X, 1)), names) == Assay("peaks", is_raw=True)  # open or not
    assert detect_assay(scan_of(np.log1p(X)), names) == Assay("peaks", is_raw=False)


@pytest.mark.parametrize("names", MORPHOLOGY.values(), ids=MORPHOLOGY)
def test_names_of_cellprofiler_are_morphology_raw_until_they_lie_around_0(names):
    X = RNG.gamma(3.0, 20.0, size=(90, len(names)))
    assert detect_assay(scan_of(X), names) == Assay("morphology", is_raw=True)
    centred = (X - np.median(X, axis=0)) / 20
    assert detect_assay(scan_of(centred), names) == Assay("morphology", is_raw=False)


def test_one_feature_with_negative_values_does_not_make_a_profile_standardised():
    names = MORPHOLOGY["one object"]
    X = RNG.gamma(3.0, 20.0, size=(90, len(names)))
    X[:, -1] = RNG.uniform(-1, 1, size=90)  # a correlation of two channels
    assert detect_assay(scan_of(X), names).is_raw


def test_counts_without_such_names_are_genes_or_doubtful_where_few_are_mostly_above_0():
    assert detect_assay(scan_of(counts(len(GENES))), GENES) == Assay("genes", is_raw=True)
    assert detect_assay(scan_of(counts(len(GENES), 20)), GENES) == Assay("counts", is_raw=True)
    wide = [f"GENE{i}" for i in range(400)]
    assert detect_assay(scan_of(counts(400, 20)), wide) == Assay("genes", is_raw=True)


def test_a_panel_of_genes_with_a_few_surface_markers_is_no_antibody_panel():
    names = [*GENES, "CD4", "CD8A", "CD19", "CD86"]
    assert detect_assay(scan_of(counts(len(names))), names).name == "genes"
    many = [f"CD{i}" for i in range(300)] + [f"GENE{i}" for i in range(600)]
    assert detect_assay(scan_of(counts(len(many))), many).name == "genes"


def test_values_that_are_no_counts_are_left_alone():
    X = np.log1p(counts(len(GENES)))
    assert detect_assay(scan_of(X), GENES) == Assay("other", is_raw=False)
    assert detect_assay(scan_of(X - X.mean(axis=0)), GENES) == Assay("other", is_raw=False)
    assert detect_assay(scan_of(np.log1p(counts(5, 40))), PROTEINS["TotalSeq"]) == Assay("proteins", is_raw=False)


@pytest.mark.parametrize("stem", ["PC", "LSI_", "X_pca_", "rnaPC", "scVI_", "UMAP_"])
def test_components_are_an_embedding(stem):
    names = [f"{stem}{i}" for i in range(1, 21)]
    assert detect_assay(scan_of(RNG.normal(size=(50, 20))), names) == Assay("embedding", is_raw=False)


def test_pixels_are_images_whatever_their_values():
    assert detect_assay(scan_of(counts(12, 30)), [f"p{i}" for i in range(12)], are_pixels=True).name == "images"


def test_sparse_and_dense_values_show_the_same_assay():
    for mean in (0.3, 20):
        X = counts(len(GENES), mean)
        assert detect_assay(scan_of(sparse.csr_matrix(X)), GENES) == detect_assay(scan_of(X), GENES)


@pytest.mark.parametrize(
    ("part", "types", "matrix", "assay"),
    [
        ("Antibody Capture", (), "X", "proteins"), ("prot", (), "X", "proteins"), ("atac", (), "X", "peaks"),
        ("", ["Gene Expression"] * 3, "X", "genes"), ("", ["Peaks"] * 3, "layers/counts", "peaks"),
        ("", ["Gene Expression", "Antibody Capture"], "X", ""), ("CRISPR Guide Capture", (), "X", ""),
        ("", (), "obsm/protein_expression", "proteins"), ("rna", (), "obsm/X_pca", "embedding"),
        ("rna", (), "obsm/guide_counts", ""), ("myfile", (), "X", ""),
    ],
)  # fmt: skip
def test_what_a_file_declares(part, types, matrix, assay):
    assert declared_assay(part, types, matrix) == assay


def test_what_is_declared_comes_before_names_and_values():
    assert detect_assay(scan_of(counts(len(GENES), 20)), GENES, declared="proteins").name == "proteins"
    assert detect_assay(scan_of(counts(len(GENES), 20)), GENES, declared="genes").name == "genes"
