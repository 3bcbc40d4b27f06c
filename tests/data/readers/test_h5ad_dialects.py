"""h5ad files as other programs write them: factors, texts and tables are read as their writers meant them."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.h5_factors import R_MISSING, decoded_codes
from tests.data.readers.made_files import COUNTS, broken, good_adata, look, warnings_of, write

LEVELS = ["NT", "BRD4", "STAT1"]  # relevel() puts the control first
TEXT = h5py.string_dtype()
CODES = np.tile([0, 1, 2], 20)
WANTED = [LEVELS[each] for each in CODES]


def levels_of(group, place, levels=LEVELS):
    group.create_dataset(place, data=np.array(levels, dtype=object), dtype=TEXT)


def seuratdisk(obs, codes):
    obs["ko"] = codes.astype("i4")
    levels_of(obs, "__categories/ko")


def seuratdisk_by_column(obs, codes):
    obs["ko"] = codes.astype("i4")[:, None]
    levels_of(obs, "__categories/ko", [[each] for each in LEVELS])


def old_anndata(obs, codes):
    obs["ko"] = codes.astype("i1")
    levels_of(obs.file, "uns/ko_categories")


def h5seurat(obs, codes):
    obs["ko/values"] = np.where(codes < 0, R_MISSING, codes + 1).astype("i4")
    levels_of(obs, "ko/levels")


def anndatar(obs, codes):
    obs["ko/codes"] = codes.astype("f8")  # R's numbers are doubles
    levels_of(obs, "ko/categories")


def anndatar_from_one(obs, codes):
    obs["ko/codes"] = np.where(codes < 0, R_MISSING, codes + 1).astype("i4")
    levels_of(obs, "ko/categories")


def enumeration(obs, codes):
    dtype = h5py.enum_dtype({name: i + 1 for i, name in enumerate(LEVELS)}, basetype="i4")
    obs.create_dataset("ko", data=np.where(codes < 0, R_MISSING, codes + 1).astype("i4"), dtype=dtype)


DIALECTS = (seuratdisk, seuratdisk_by_column, old_anndata, h5seurat, anndatar, anndatar_from_one, enumeration)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("missing", [0, 5])
def test_a_factor_of_any_writer_has_its_names_and_its_missing_values(tmp_path, dialect, missing):
    codes = CODES.copy()
    codes[:missing] = -1
    path = broken(write(tmp_path), lambda file: dialect(file["obs"], codes))
    source, _ = open_source(path, "a.h5ad", text_columns=(), memory_mb=1024)
    column = source.column("ko")
    assert column.isna().sum() == missing
    assert column[missing:].tolist() == WANTED[missing:]
    assert dict(look(path, label_key="ko").column("ko").counts) == pd.Series(WANTED[missing:]).value_counts().to_dict()


def test_whole_numbers_without_names_stay_numbers_and_rs_missing_value_is_missing(tmp_path):
    values = np.where(np.arange(60) < 4, R_MISSING, CODES).astype("i4")
    column = look(broken(write(tmp_path), lambda file: file["obs"].create_dataset("batch", data=values))).column(
        "batch"
    )
    assert set(column.counts) == {"0", "1", "2"}
    assert column.n_missing == 4


def test_codes_beyond_their_names_are_refused_not_guessed(tmp_path):
    def beyond(file):
        seuratdisk(file["obs"], np.where(CODES == 2, 7, CODES))

    assert "column ko points to categories that do not exist" in warnings_of(look(broken(write(tmp_path), beyond)))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([0, 1, -1], [0, 1, -1]),
        ([1, 3, 2], [0, 2, 1]),
        ([1.0, np.nan, 3.0], [0, -1, 2]),
        ([1, 2], [1, 2]),  # of three names: both readings are possible, and Python counts from 0
        ([0, 3], None),
        ([0.5, 1.0], None),
        ([-2, 1], None),
    ],
)
def test_codes_are_counted_from_zero_unless_only_one_fits(stored, expected):
    found = decoded_codes(np.array(stored), 3)
    assert (found if found is None else found.tolist()) == expected


def test_rs_logical_vectors_are_true_false_and_missing(tmp_path):
    dtype = h5py.enum_dtype({"FALSE": 0, "TRUE": 1, "NA": 2}, basetype="i4")
    path = broken(write(tmp_path), lambda file: file["obs"].create_dataset("ok", data=CODES, dtype=dtype))
    column = look(path).column("ok")
    assert column.kind == "true or false"
    assert column.n_missing == 20


def test_latin_1_text_is_decoded_and_told(tmp_path):
    def latin(file):
        names = [each.encode("latin-1") for each in ("Kontrolle", "TGFß", "Zürich")]
        file["obs"].create_dataset("ko", data=names * 20, dtype=h5py.string_dtype("utf-8"))

    summary = look(broken(write(tmp_path), latin))
    assert set(summary.column("ko").counts) == {"Kontrolle", "TGFß", "Zürich"}
    assert warnings_of(summary).count("was read as Windows (Latin-1) text, such as TGFß") == 1


def test_utf_8_under_a_mark_of_ascii_is_utf_8(tmp_path):
    def ascii_mark(file):
        file["obs"].create_dataset(
            "ko", data=np.repeat(["α".encode(), b"b", b"c"], 20), dtype=h5py.string_dtype("ascii")
        )

    summary = look(broken(write(tmp_path), ascii_mark))
    assert "α" in summary.column("ko").counts
    assert summary.findings == ()


def test_a_column_that_is_not_listed_and_an_index_of_another_name_are_found(tmp_path):
    def unlisted(file):
        file["obs/extra"] = CODES
        file["obs"].move("_index", "index")
        file["obs"].attrs["_index"] = "rownames"

    summary = look(broken(write(tmp_path), unlisted))
    assert summary.column("extra") is not None
    assert summary.cell_names[0] == "cell0"


def test_attributes_in_lists_of_one_are_read(tmp_path):
    def listed(file):
        for place, name in (("X", "encoding-type"), ("obs", "_index")):
            file[place].attrs[name] = np.array([file[place].attrs[name]], dtype=object)

    assert look(broken(write(tmp_path), listed)).n_features == 20


def citeseq():
    adata = good_adata()
    proteins = [f"CD{i}" for i in range(6)]
    table = pd.DataFrame(COUNTS[:, :6], index=adata.obs_names, columns=proteins)
    table["positive"] = COUNTS[:, 0] > 2
    table["batch"] = pd.Categorical(["a", "b"] * 30)
    table["depth"] = pd.array([1, None] * 30, dtype="Int64")
    adata.obsm["protein_expression"] = table
    adata.obsm["protein_counts"] = COUNTS[:, :6].copy()
    adata.obsm["X_pca"] = np.random.default_rng(0).normal(size=(60, 6))
    adata.uns["protein_names"] = np.array(proteins, dtype=object)
    return adata


def test_a_table_in_obsm_is_a_matrix_with_its_own_names(tmp_path):
    adata = citeseq()
    path = write(tmp_path, adata)
    summary = look(path)
    assert summary.matrix("obsm/protein_counts").feature_names == tuple(f"CD{i}" for i in range(6))
    assert summary.matrix("obsm/X_pca").feature_names[0] == "X_pca_1"
    table = summary.matrix("obsm/protein_expression")
    assert table.feature_names == (*(f"CD{i}" for i in range(6)), "positive", "depth")
    assert "missing (NaN)" in str(table.findings[0])
    assert "obsm/protein_expression: 1 column without numbers left out: batch" in warnings_of(summary)
    source, _ = open_source(path, "a.h5ad", text_columns=(), memory_mb=1024)
    expected = adata.obsm["protein_expression"].drop(columns="batch").to_numpy(dtype=float, na_value=np.nan)
    assert np.array_equal(source.whole("obsm/protein_expression"), expected, equal_nan=True)
    rows = np.vstack(list(source.rows("obsm/protein_expression", 50)))
    assert np.array_equal(rows, expected, equal_nan=True)


def test_a_table_of_other_cells_cannot_be_chosen_and_does_not_hide_the_rest(tmp_path):
    def other_rows(file):
        names = file["obsm/protein_expression/_index"][...]
        file["obsm/protein_expression/_index"][...] = names[::-1]

    summary = look(broken(write(tmp_path, citeseq()), other_rows))
    assert "its rows are not named like the cells" in str(summary.matrix("obsm/protein_expression").findings[0])
    assert summary.matrix("X").findings == ()
    nameless = broken(
        write(tmp_path, citeseq(), name="b.h5ad"), lambda file: file["obsm/protein_expression"].__delitem__("_index")
    )
    assert "It cannot be chosen as a matrix" in warnings_of(look(nameless))


def test_what_is_no_matrix_is_named(tmp_path):
    def odd(file):
        group = file.create_group("obsm/receptors")
        group.attrs["encoding-type"] = "awkward-array"
        file["obsm/letters"] = np.array([[b"a", b"b"]] * 60)

    summary = look(broken(write(tmp_path), odd))
    assert "obsm/receptors cannot be read as a matrix and cannot be chosen" in warnings_of(summary)
    assert "holds text, not numbers" in str(summary.matrix("obsm/letters").findings[0])


def test_symbols_of_a_var_column_are_the_features(tmp_path):
    adata = good_adata()
    adata.var["gene_symbols"] = pd.Categorical(adata.var_names)
    adata.var.index = [f"ENSG{i:011d}" for i in range(20)]
    adata.raw = adata.copy()
    summary = look(write(tmp_path, adata))
    for key in ("X", "raw"):
        assert summary.matrix(key).feature_names[:2] == ("GENE0", "GENE1")


def test_ids_go_into_the_clean_copy(tmp_path):
    adata = good_adata()
    adata.var["gene_symbols"] = pd.Categorical(adata.var_names)
    adata.var.index = [f"ENSG{i:011d}" for i in range(20)]
    spec = DataSpec(path=str(write(tmp_path, adata)), label_key="cell_type")
    var = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad")).var
    assert var.index.tolist() == [f"GENE{i}" for i in range(20)]
    assert var["feature_id"].tolist() == adata.var_names.tolist()


def test_matrices_in_one_old_record_array_are_named(tmp_path):
    def old(file):
        del file["obsm"]
        file["obsm"] = np.zeros(60, dtype=[("X_pca", "f4", (5,)), ("X_umap", "f4", (2,))])

    assert "obsm/X_pca, obsm/X_umap cannot be read as a matrix" in warnings_of(look(broken(write(tmp_path), old)))


def test_an_older_file_of_seuratdisk_without_encodings_is_read(tmp_path):
    """Convert() of its first versions writes no encoding of the table."""

    def bare(file):
        seuratdisk(file["obs"], CODES)
        for place in ("obs", "var"):
            for name in ("encoding-type", "encoding-version", "column-order"):
                del file[place].attrs[name]

    summary = look(broken(write(tmp_path), bare), label_key="ko")
    assert set(summary.column("ko").counts) == set(LEVELS)
    assert "written by an old version of anndata" in warnings_of(summary)
