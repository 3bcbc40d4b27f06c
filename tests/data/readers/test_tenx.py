"""10x matrices (Cell Ranger): read as cells × features with their names, in both layouts; broken ones are refused."""

import h5py
import numpy as np
import pytest
from scipy import sparse

from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import COUNTS, look, refusal

BARCODES = [f"AAAC{i:012d}-1" for i in range(len(COUNTS))]
GENES = [f"G{i}" for i in range(COUNTS.shape[1])]
IDS = [f"ENSG{i:011d}" for i in range(COUNTS.shape[1])]


def write_tenx(path, *, version=3, genes=GENES, types=("Gene Expression",), genomes=("GRCh38",)):
    stored = sparse.csc_matrix(COUNTS.T.astype(np.int32))  # features × barcodes, as Cell Ranger writes it
    parts = {"barcodes": np.array(BARCODES, "S"), "shape": np.array(stored.shape, np.int32)}
    parts |= {"data": stored.data, "indices": stored.indices.astype(np.int64), "indptr": stored.indptr.astype(np.int64)}
    with h5py.File(path, "w") as file:
        for genome in genomes if version == 2 else ("matrix",):
            group = file.create_group(genome)
            for name, values in parts.items():
                group[name] = values
            if version == 2:
                group["genes"], group["gene_names"] = np.array(IDS, "S"), np.array(genes, "S")
                continue
            n = len(genes)
            group["features/id"], group["features/name"] = np.array(IDS, "S"), np.array(genes, "S")
            group["features/feature_type"] = np.array([types[i % len(types)] for i in range(n)], "S")
            group["features/genome"] = np.array([genomes[i % len(genomes)] for i in range(n)], "S")
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_matrix_is_read_with_cells_in_rows(tmp_path, version):
    path = write_tenx(tmp_path / "filtered_feature_bc_matrix.h5", version=version)
    summary = look(path, label_key="")
    assert summary.findings == ()
    assert summary.format == "10x"
    source, _ = open_source(path, "x.h5", text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), COUNTS)
    assert np.array_equal(np.vstack([each.toarray() for each in source.rows("X", 50)]), COUNTS)
    assert source.obs_names == BARCODES
    assert source.var_names("X") == GENES


def test_labels_come_from_a_second_table(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,kind\n" + "".join(f"{each},{'AB'[i % 3 > 0]}\n" for i, each in enumerate(BARCODES)))
    summary = look(write_tenx(tmp_path / "m.h5"), label_key="kind", labels_path=labels)
    assert dict(summary.column("kind").counts) == {"B": 40, "A": 20}
    assert "there are no annotation columns" in refusal(tmp_path / "m.h5", label_key="kind")


def test_symbols_that_several_genes_share_get_their_ids(tmp_path):
    genes = ["TBCE", "TBCE", *GENES[2:]]
    path = write_tenx(tmp_path / "m.h5", genes=genes)
    assert look(path, label_key="").findings == ()
    source, _ = open_source(path, "m.h5", text_columns=(), memory_mb=1024)
    assert source.var_names("X")[:3] == [f"TBCE ({IDS[0]})", f"TBCE ({IDS[1]})", "G2"]


def test_several_genomes_are_refused_by_name(tmp_path):
    for version in (2, 3):
        message = refusal(write_tenx(tmp_path / "m.h5", version=version, genomes=("hg19", "mm10")), label_key="")
        assert "holds 2 genomes (hg19, mm10)" in message


def test_several_types_of_features_are_reported(tmp_path):
    path = write_tenx(tmp_path / "m.h5", types=("Gene Expression", "Antibody Capture"))
    assert "Gene Expression 10, Antibody Capture 10" in str(look(path, label_key="").findings[0])


@pytest.mark.parametrize("part", ["data", "indices", "indptr", "shape", "features/name"])
def test_missing_part_is_named(tmp_path, part):
    path = write_tenx(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        del file[f"matrix/{part}"]
    message = refusal(path, label_key="")
    assert "is an incomplete 10x (Cell Ranger) matrix" in message
    assert part.split("/")[0].rstrip("s") in message


def test_sizes_that_differ_are_refused(tmp_path):
    path = write_tenx(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        names = file["matrix/barcodes"][:-2]
        del file["matrix/barcodes"]
        file["matrix/barcodes"] = names
    assert "60 rows for 58 cell names" in refusal(path, label_key="")
    with h5py.File(path, "a") as file:
        file["matrix/shape"][...] = [20, 61]
    assert "is damaged" in refusal(path, label_key="") or "do not match" in refusal(path, label_key="")
