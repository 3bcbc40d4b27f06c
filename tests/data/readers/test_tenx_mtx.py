"""10x matrices as text: folders and archives of Cell Ranger 2 and 3, as scanpy reads them; damaged ones are refused."""

import gzip
import io
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from scipy import io as scipy_io, sparse

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.several_files import content_bytes, content_hash, content_stamp
from tests.data.readers.made_files import COUNTS, look, refusal, warnings_of

BARCODES = [f"AAAC{i:012d}-1" for i in range(len(COUNTS))]
GENES = [f"G{i}" for i in range(COUNTS.shape[1])]
IDS = [f"ENSG{i:011d}" for i in range(COUNTS.shape[1])]


def parts(*, version=3, X=COUNTS, types=("Gene Expression",), genes=GENES, by_cell=False, prefix="", field="integer"):
    """The three files by name, as Cell Ranger writes them."""
    stream = io.BytesIO()
    stored = sparse.coo_matrix(X if by_cell else X.T)
    scipy_io.mmwrite(stream, stored.astype(int) if field == "integer" else stored, comment="made", field=field)
    columns = [IDS, genes, *([[types[i % len(types)] for i in range(len(genes))]] if version == 3 else [])]
    texts = {
        "matrix.mtx": stream.getvalue(),
        "barcodes.tsv": "".join(f"{each}\n" for each in BARCODES).encode(),
        "features.tsv" if version == 3 else "genes.tsv": "".join(
            "\t".join(row) + "\n" for row in zip(*columns, strict=True)
        ).encode(),
    }
    return {
        prefix + name + (".gz" if version == 3 else ""): gzip.compress(data) if version == 3 else data
        for name, data in texts.items()
    }


def folder(place, files, name="filtered_feature_bc_matrix"):
    path = place / name
    path.mkdir(parents=True, exist_ok=True)
    for each, data in files.items():
        (path / each).write_bytes(data)
    return path


def tar(place, files, name="matrix.tar.gz", inner="filtered_feature_bc_matrix/"):
    with tarfile.open(place / name, "w:gz" if name.endswith("gz") else "w") as archive:
        for each, data in files.items():
            info = tarfile.TarInfo(inner + each)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return place / name


def zipped(place, files):
    with zipfile.ZipFile(place / "m.zip", "w") as archive:
        for each, data in files.items():
            archive.writestr(f"m/{each}", data)
    return place / "m.zip"


def other_counter(matrix, cells, genes, *, cell_lines=BARCODES, gene_lines=None, more=()):
    """The files of another counter, cells × features: which names they have, and the lines of both tables."""
    lines = {cells: cell_lines, genes: gene_lines or IDS, **dict(more)}
    texts = {name: "".join(f"{each}\n" for each in some).encode() for name, some in lines.items()}
    return {matrix: parts(version=2, by_cell=True)["matrix.mtx"], **texts}


SQUARES = {
    "alevin": ("quants_mat.mtx", "quants_mat_rows.txt", "quants_mat_cols.txt"),
    "kb": ("cells_x_genes.mtx", "cells_x_genes.barcodes.txt", "cells_x_genes.genes.txt"),
}
KB = ("cells_x_genes.mtx", "cells_x_genes.barcodes.txt", "cells_x_genes.genes.txt")
PARSE_CELLS = ["bc_wells,sample,gene_count", *(f"{each},drug {i % 3},20" for i, each in enumerate(BARCODES))]
PARSE_GENES = ["gene_id,gene_name,genome", *(f'{i},"{g}",hg38' for i, g in zip(IDS, GENES, strict=True))]
PARSE = {"cell_lines": PARSE_CELLS, "gene_lines": PARSE_GENES}
OTHERS = {
    "kallisto bustools": other_counter(*KB, more=[("cells_x_genes.genes.names.txt", GENES)]),
    "Parse Biosciences, first versions": other_counter("DGE.mtx", "cell_metadata.csv", "all_genes.csv", **PARSE),
    "Parse Biosciences": other_counter("count_matrix.mtx", "cell_metadata.csv", "all_genes.csv", **PARSE),
}


@pytest.mark.parametrize("counter", OTHERS)
def test_what_other_counters_write_is_read_by_gene_name(tmp_path, counter):
    path = folder(tmp_path, OTHERS[counter], "counted")
    assert look(path, label_key="").findings == ()
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), COUNTS)
    assert (source.obs_names, source.var_names("X"), source.feature_ids("X")) == (BARCODES, GENES, IDS)
    source.close()


@pytest.mark.parametrize(
    "files",
    [
        other_counter("quants_mat.mtx", "quants_mat_rows.txt", "quants_mat_cols.txt"),
        other_counter(*KB),
        other_counter(*KB, more=[("cells_x_genes.genes.names.txt", GENES[:3])]),  # of another run
    ],
)
def test_genes_of_counters_that_name_only_ids_are_called_by_these(tmp_path, files):
    source, _ = open_source(folder(tmp_path, files, "counted"), "counted", text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), COUNTS)
    assert (source.obs_names, source.var_names("X")) == (BARCODES, IDS)
    source.close()


def test_the_sample_of_a_cell_of_parse_is_a_label(tmp_path):
    path = folder(tmp_path, OTHERS["Parse Biosciences"], "counted")
    summary = look(path, labels_path=str(path / "cell_metadata.csv"), label_key="sample")
    [column] = [each for each in summary.columns if each.name == "sample"]
    assert column.is_label_candidate
    assert dict(column.counts) == {f"drug {i}": 20 for i in range(3)}


SQUARE = np.random.default_rng(3).poisson(2.0, (12, 12)).astype(float)


@settings(deadline=None, max_examples=16, suppress_health_check=list(HealthCheck))
@given(
    counter=st.sampled_from(["10x", *SQUARES]),
    has_quotes=st.booleans(),
    header=st.sampled_from(["", "barcode", "Gene", "x", "cell_id"]),
    is_pattern=st.booleans(),
)
def test_as_many_cells_as_features_are_read_by_the_layout_of_the_counter(
    tmp_path_factory, counter, has_quotes, header, is_pattern
):
    """Quotation marks and headers of R, and entries without values, change nothing."""
    place = tmp_path_factory.mktemp("square") / counter
    place.mkdir()
    names = [[f"{kind}{i:02d}" for i in range(12)] for kind in ("AAAC", "G")]
    matrix, cells, features = {"10x": ("matrix.mtx", "barcodes.tsv", "genes.tsv"), **SQUARES}[counter]
    for name, texts in ((cells, names[0]), (features, names[1])):
        lines = [*([header] if header and counter == "10x" else []), *texts]
        (place / name).write_text("\n".join(f'"{each}"' if has_quotes else each for each in lines) + "\n")
    stored = sparse.coo_matrix(SQUARE.T if counter == "10x" else SQUARE).astype(int)
    scipy_io.mmwrite(place / matrix, stored, field="pattern" if is_pattern else "integer")
    source, _ = open_source(place, counter, text_columns=(), memory_mb=512)
    assert source.obs_names == names[0]
    assert source.var_names("X") == names[1]
    expected = (SQUARE > 0).astype(float) if is_pattern else SQUARE
    np.testing.assert_array_equal(source.whole("X").toarray(), expected)
    said = [each.problem for each in source.findings if "is a header" in each.problem]
    assert len(said) == (2 if header and counter == "10x" else 0)


def test_a_name_too_many_that_is_no_header_is_refused(tmp_path):
    files = parts(version=2)
    files["barcodes.tsv"] = b"AAACTTTT-1\n" + files["barcodes.tsv"]
    assert "barcodes" in refusal(folder(tmp_path, files))


@pytest.mark.parametrize(("counter", "lost"), [("Parse Biosciences", "all_genes.csv"), ("kallisto bustools", KB[1])])
def test_a_lost_table_of_names_is_named(tmp_path, counter, lost):
    files = {name: data for name, data in OTHERS[counter].items() if name != lost}
    assert f"{lost} missing" in refusal(folder(tmp_path, files, "counted"), label_key="")


def test_a_matrix_of_10x_may_be_called_count_matrix(tmp_path):
    for start in ("", "count_"):
        files = {name if "matrix" in name else start + name: data for name, data in parts(version=2).items()}
        files["count_matrix.mtx"] = files.pop("matrix.mtx")
        source, _ = open_source(folder(tmp_path, files, f"as {start}"), "x", text_columns=(), memory_mb=1024)
        assert (source.obs_names, source.var_names("X")) == (BARCODES, GENES)
        source.close()


FORMS = {
    "Cell Ranger 3": lambda place: folder(place, parts()),
    "Cell Ranger 2, in the folder of its genome": lambda place: folder(place, parts(version=2), "out/GRCh38").parent,
    "outs of cellranger multi": lambda place: folder(
        place, parts(), "outs/per_sample_outs/S7/count/sample_filtered_feature_bc_matrix"
    ).parents[3],
    "GEO, with a prefix": lambda place: folder(place, parts(prefix="GSM1_s1_")),
    "cells × features": lambda place: folder(place, parts(by_cell=True)),
    "tar.gz": lambda place: tar(place, parts()),
    "tar of plain files": lambda place: tar(place, parts(version=2), "m.tar", "./"),
    "zip": lambda place: zipped(place, parts()),
}


@pytest.mark.parametrize("form", FORMS)
def test_values_and_names_are_those_of_the_files(tmp_path, form):
    path = FORMS[form](tmp_path)
    summary = look(path, label_key="")
    assert summary.findings == ()
    assert (summary.format, summary.n_cells, summary.n_features) == ("10x mtx", 60, 20)
    assert summary.n_bytes == content_bytes(path) > 0
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), COUNTS)
    assert np.array_equal(np.vstack([each.toarray() for each in source.rows("X", 50)]), COUNTS)
    assert (source.obs_names, source.var_names("X"), source.feature_ids("X")) == (BARCODES, GENES, IDS)
    source.close()


def test_scanpy_reads_the_same(tmp_path):
    import scanpy

    path = folder(tmp_path, parts(genes=["A", *GENES[1:]]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scanpy.read_10x_mtx(path)
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), expected.X.toarray())
    assert source.var_names("X") == list(expected.var_names)
    assert source.feature_ids("X") == list(expected.var["gene_ids"])
    assert source.obs_names == list(expected.obs_names)


def test_decimal_values_and_repeated_entries(tmp_path):
    X = COUNTS / 7
    source, _ = open_source(folder(tmp_path, parts(X=X, field="real")), "m", text_columns=(), memory_mb=1024)
    assert np.allclose(source.whole("X").toarray(), X, rtol=1e-6)
    files = parts(version=2)
    head, _, rest = files["matrix.mtx"].partition(b"\n20 60 ")
    n, _, entries = rest.partition(b"\n")
    files["matrix.mtx"] = head + f"\n20 60 {int(n) + 1}\n1 1 5\n".encode() + entries
    path = folder(tmp_path, files, "twice")
    assert "sparse entries are unsorted or repeated" in warnings_of(look(path, label_key=""))
    source, _ = open_source(path, "m", text_columns=(), memory_mb=1024)
    assert source.whole("X")[0, 0] == COUNTS[0, 0] + 5


def test_several_types_of_features_are_reported(tmp_path):
    path = folder(tmp_path, parts(types=("Gene Expression", "Antibody Capture")))
    assert "Gene Expression 10, Antibody Capture 10" in warnings_of(look(path, label_key=""))


def test_a_folder_is_copied_with_labels_of_a_table(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("cell,kind\n" + "".join(f"{each},{'AB'[i % 3 > 0]}\n" for i, each in enumerate(BARCODES)))
    path = folder(tmp_path, parts())
    import anndata

    spec = DataSpec(path=str(path), label_key="kind", labels_path=str(labels), sha256=content_hash(path))
    copied = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert np.array_equal(copied.X.toarray(), COUNTS)
    assert copied.var["feature_id"].tolist() == IDS


def changed(name, change):
    files = parts(version=2)
    files[name] = change(files[name])
    return files


def without(name):
    return {key: data for key, data in parts(version=2).items() if key != name}


def bounded(data):
    return data.replace(b"\n20 60 ", b"\n20 61 ")


DAMAGE = {
    "cut off": (changed("matrix.mtx", lambda data: data[: len(data) // 2].rpartition(b"\n")[0] + b"\n"), "holds"),
    "cut in a line": (changed("matrix.mtx", lambda data: data[:-4] + b"\n"), "not three numbers"),
    "text": (changed("matrix.mtx", lambda data: data[:-2] + b"x\n"), "not three numbers"),
    "four numbers": (changed("matrix.mtx", lambda data: data[:-1] + b" 1\n"), "not three numbers"),
    "entry outside": (changed("matrix.mtx", lambda data: data.rpartition(b"\n20 60")[0] + b"\n21 60 1\n"), "outside"),
    "more barcodes": (
        changed("barcodes.tsv", lambda data: data + b"AAA-1\n"),
        "20 features and 61 barcodes",
    ),
    "other size": (changed("matrix.mtx", bounded), "20 × 61 entries"),
    "array": (changed("matrix.mtx", lambda data: data.replace(b"coordinate", b"array", 1)), "not a sparse"),
    "pattern": (changed("matrix.mtx", lambda data: data.replace(b"integer", b"pattern", 1)), "not two numbers"),
    "complex": (changed("matrix.mtx", lambda data: data.replace(b"integer", b"complex", 1)), "holds no numbers"),
    "no size": (changed("matrix.mtx", lambda data: data.partition(b"\n20 60")[0]), "does not say its size"),
    "no barcodes": (without("barcodes.tsv"), "incomplete 10x (Cell Ranger) matrix: barcodes.tsv missing"),
    "no genes": (without("genes.tsv"), "features.tsv missing"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_matrix_is_refused_in_words(tmp_path, case):
    files, words = DAMAGE[case]
    assert words in refusal(folder(tmp_path, files), label_key="")


def test_damaged_compression_and_archives_are_refused(tmp_path):
    files = parts()
    files["matrix.mtx.gz"] = files["matrix.mtx.gz"][:-200]
    assert "its gzip structure cannot be read" in refusal(folder(tmp_path, files), label_key="")
    path = tar(tmp_path, parts())
    path.write_bytes(path.read_bytes()[:-500])
    assert "its tar archive cannot be unpacked" in refusal(path, label_key="")
    assert "a tar archive without a 10x matrix" in refusal(tar(tmp_path, {"data.h5ad": b"x"}), label_key="")
    outside = tar(tmp_path, parts(), inner="../../etc/")
    assert "has an unsafe path, outside the archive" in refusal(outside, label_key="")


def test_two_matrices_and_other_folders_are_refused_by_name(tmp_path):
    folder(tmp_path, parts(), "outs/filtered_feature_bc_matrix")
    folder(tmp_path, parts(), "outs/raw_feature_bc_matrix")
    assert "holds 2 matrices" in refusal(tmp_path / "outs", label_key="")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("x")
    assert "is a folder, not a file" in refusal(tmp_path / "other", label_key="")
    single = tmp_path / "matrix.mtx.gz"
    single.write_bytes(parts()["matrix.mtx.gz"])
    assert "Give the folder with matrix.mtx, barcodes.tsv and features.tsv" in refusal(single, label_key="")


def test_links_that_leave_the_folder_are_not_followed(tmp_path):
    path = folder(tmp_path, without("barcodes.tsv"))
    secret = tmp_path / "secret.tsv"
    secret.write_bytes(parts(version=2)["barcodes.tsv"])
    (path / "barcodes.tsv").symlink_to(secret)
    assert "barcodes.tsv is a link to a place outside this folder" in refusal(path, label_key="")


def test_hash_and_stamp_of_a_folder_change_with_names_and_contents(tmp_path):
    path = folder(tmp_path, parts())
    first, stamp = content_hash(path), content_stamp(path)
    assert content_hash(folder(tmp_path, parts(), "copy")) == first
    (path / "features.tsv.gz").rename(path / "genes.tsv.gz")
    assert content_hash(path) != first
    (path / "genes.tsv.gz").write_bytes(b"x")
    assert content_stamp(path) != stamp
