"""Ten cases after public bug reports of the field: files that other programs stumbled over, and what is right.

docs/bug_reports.md lists the reports. Each file is made here, by the library that writes such files where there is one.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import io as scipy_io, sparse

from psmatch_core.data.checks import pairs_of_files
from psmatch_core.data.labels.suggestions import suggest
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import FileSummary
from tests.data.readers.made_files import COUNTS, good_adata, look, write

BARCODES = [f"AAAC{''.join('ACGT'[(i // 4**k) % 4] for k in range(12))}" for i in range(len(COUNTS))]
GENES = [f"GENE{i}" for i in range(COUNTS.shape[1])]


def codes(summary: FileSummary) -> set[str]:
    return {each.code for each in summary.findings}


def mtx_folder(path: Path, columns: list[list[str]], X: np.ndarray = COUNTS, *, features: str) -> Path:
    """A folder of a matrix market file with the columns of its table of features."""
    path.mkdir()
    pack = gzip.compress if features.endswith(".gz") else bytes
    gz = ".gz" if features.endswith(".gz") else ""
    rows = "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True))
    (path / features).write_bytes(pack(rows.encode()))
    (path / f"barcodes.tsv{gz}").write_bytes(pack("".join(f"{each}\n" for each in BARCODES).encode()))
    scipy_io.mmwrite(path / "matrix.mtx", sparse.coo_matrix(X.T).astype(int))
    if gz:
        (path / "matrix.mtx.gz").write_bytes(gzip.compress((path / "matrix.mtx").read_bytes()))
        (path / "matrix.mtx").unlink()
    return path


def test_two_columns_of_cells_with_one_name_are_both_kept() -> None:
    """scverse/anndata 884."""
    adata = good_adata(batch=["P1", "P2"] * 30)
    adata.obs = pd.concat([adata.obs, pd.DataFrame({"batch": ["x", "y", "z"] * 20}, index=adata.obs_names)], axis=1)
    made = Modality.from_anndata(adata, label_key="cell_type", name="RNA")
    assert made.obs["batch"].tolist() == ["P1", "P2"] * 30
    assert made.obs["batch-1"].tolist() == ["x", "y", "z"] * 20
    assert any("two columns are called batch" in each.problem for each in made.findings)


def test_a_table_of_genes_with_one_column_names_them(tmp_path: Path) -> None:
    """scverse/scanpy 2053, satijalab/seurat 1388."""
    found = look(mtx_folder(tmp_path / "counts", [GENES], features="genes.tsv"), "")
    assert found.matrix("X").feature_names == tuple(GENES)
    assert found.n_cells == 60


def test_a_table_of_features_with_two_columns_gives_id_and_name(tmp_path: Path) -> None:
    """MarioniLab/DropletUtils 77."""
    ids = [f"ENSG{i:011d}" for i in range(len(GENES))]
    found = look(mtx_folder(tmp_path / "Solo.out", [ids, GENES], features="features.tsv.gz"), "")
    assert found.matrix("X").feature_names == tuple(GENES)
    assert found.parts == ()


def test_reads_that_no_tag_was_found_for_are_no_feature(tmp_path: Path) -> None:
    """Hoohm/CITE-seq-Count 166."""
    tags = [f"CD{i}-{'ACGT' * 3}" for i in range(COUNTS.shape[1] - 1)]
    path = mtx_folder(tmp_path / "umi_count", [[*tags, "unmapped"]], features="features.tsv.gz")
    found = look(path, "")
    assert found.matrix("X").unmeasured == ("unmapped",)
    assert "PM-C06" in codes(found)
    assert look(path, "", roles=(("unmapped", "ignored"),)).n_features == len(tags)


def test_scaled_variable_features_are_told_and_all_genes_are_in_raw(tmp_path: Path) -> None:
    """mojaveazure/seurat-disk 161."""
    whole = good_adata()
    dense = np.log1p(COUNTS[:, :8])
    scaled = (dense - dense.mean(0)) / dense.std(0)
    adata = AnnData(scaled.astype(np.float32), obs=whole.obs, var=whole.var.iloc[:8])
    adata.raw = whole
    found = look(write(tmp_path, adata))
    assert "PM-M26" in codes(found)
    assert (found.n_features, found.matrix("raw").n_features) == (8, 20)
    assert found.matrix("raw").kind == "counts"


def test_annotation_without_the_usual_prefix_is_none_of_the_features(tmp_path: Path) -> None:
    """cytomining/pycytominer 39."""
    table = pd.DataFrame(np.log1p(COUNTS), columns=[f"Cells_Texture_{i}" for i in range(20)])
    table.insert(0, "gene_name", ["TP53", "MYC", "EMX1"] * 20)
    table.insert(0, "Metadata_Well", [f"A{i:02d}" for i in range(60)])
    table["cell_line"] = ["A549", "HeLa"] * 30
    table.to_csv(tmp_path / "plate.csv", index=False)
    found = look(tmp_path / "plate.csv", "gene_name")
    assert found.n_features == 20
    assert {"Metadata_Well", "gene_name", "cell_line"} <= {each.name for each in found.columns}


def test_barcodes_of_velocyto_are_those_of_cell_ranger(tmp_path: Path) -> None:
    """theislab/scvelo 197."""
    adata = good_adata()
    sides = []
    for name, names in (
        ("spliced", [f"possorted_genome_bam_T851Q:{each}x" for each in BARCODES]),
        ("adt", [f"{each}-1" for each in reversed(BARCODES)]),
    ):
        given = adata.copy() if name == "spliced" else adata[::-1].copy()  # the same cells in another order
        given.obs_names = names
        given.var_names = [f"{name}{i}" for i in range(20)]
        sides.append(look(write(tmp_path, given, f"{name}.h5ad")))
    found = pairs_of_files(*sides, "cell_type", "cell_type")
    assert found.are_known
    assert found.n_equal == 60


@pytest.mark.parametrize("doublets", [("HTO1_HTO2", "HTO3_HTO1"), ("HTO1_HTO1", "HTO2_unmapped")])
def test_doublets_of_hashtags_are_never_designed(doublets: tuple[str, str]) -> None:
    """chris-mcginnis-ucsf/MULTI-seq 28, satijalab/seurat 2383: both sides have them, and still they are doublets."""
    counts = {"HTO1": 90, "HTO2": 80, "HTO3": 70, doublets[0]: 40, doublets[1]: 12, "Negative": 9}
    found = {each.kind: each for each in suggest(counts, counts)}
    assert set(found["several"].leave_out) == set(doublets)
    assert found["calls"].leave_out == ("Negative",)


def test_calls_of_demuxlet_are_no_conditions() -> None:
    """statgen/demuxlet 70."""
    counts = {"SNG-S4803": 2109, "SNG-S4832": 816, "DBL-S4803-S4832-0.500": 1046, "AMB-S4803-S4832-S4803/S4832": 17}
    found = {each.kind: each for each in suggest(counts, counts)}
    assert set(found["calls"].leave_out) == {"DBL-S4803-S4832-0.500", "AMB-S4803-S4832-S4803/S4832"}


def test_true_and_false_with_missing_values_are_two_labels(tmp_path: Path) -> None:
    """scverse/anndata 1258, theislab/zellkonverter 87."""
    treated = pd.array([True, False, None] * 20, dtype="boolean")
    found = look(write(tmp_path, good_adata(treated=treated)), "treated")
    assert dict(found.column("treated").counts) == {"True": 20, "False": 20}
    assert found.column("treated").n_missing == 20


def test_a_column_of_the_whole_file_labels_every_modality(tmp_path: Path) -> None:
    """scverse/mudata 2."""
    rna, adt = good_adata(), good_adata()
    adt.var_names = [f"CD{i}" for i in range(20)]
    for each in (rna, adt):
        each.obs = each.obs[[]]
    whole = mudata.MuData({"rna": rna, "prot": adt})
    whole.obs["condition"] = ["ctrl", "stim", "LPS"] * 20
    whole.write(tmp_path / "cite.h5mu")
    for part in ("rna", "prot"):
        found = look(tmp_path / "cite.h5mu", "condition", part=part)
        assert dict(found.column("condition").counts) == {"ctrl": 20, "stim": 20, "LPS": 20}
