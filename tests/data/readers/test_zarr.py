"""zarr stores as anndata and mudata write them, formats 2 and 3, as folder and as zip: read back equal."""

import json
import shutil
import warnings
import zipfile

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import COUNTS, STORAGES, good_adata, look, refusal, warnings_of


def write(place, adata=None, *, version=3, name="good.zarr", **keywords):
    before = anndata.settings.zarr_write_format
    anndata.settings.zarr_write_format = version
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (good_adata() if adata is None else adata).write_zarr(place / name, **keywords)
    finally:
        anndata.settings.zarr_write_format = before
    return place / name


def zipped(path, *, wrapped=False):
    target = path.with_suffix(".zarr.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for each in sorted(path.rglob("*")):
            if each.is_file():
                inner = each.relative_to(path.parent if wrapped else path).as_posix()
                archive.write(each, inner)
                if wrapped:
                    archive.writestr(f"__MACOSX/{inner}", b"x")
    return target


def full(X):
    adata = good_adata(X)
    adata.var.index = [f"ENSG{i:011d}" for i in range(20)]
    adata.var["gene_symbols"] = [f"GENE{i}" for i in range(20)]
    adata.obs["maybe"] = pd.array([1, None] * 30, dtype="Int64")
    adata.obs["donor"] = [f"α{i // 3 % 3}" for i in range(60)]
    adata.layers["counts"] = sparse.csr_matrix(COUNTS)
    adata.obsm["protein"] = pd.DataFrame(COUNTS[:, :4], index=adata.obs_names, columns=list("ABCD"))
    adata.obsm["adt"] = COUNTS[:, :3].copy()
    adata.uns["adt_names"] = np.array(["x", "y", "z"], dtype=object)
    adata.raw = good_adata(COUNTS + 1)
    return adata


FORMS = {
    "folder": lambda path: path,
    "zip": zipped,
    "zip of a wrapped folder": lambda path: zipped(path, wrapped=True),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", [2, 3])
def test_everything_reads_back_equal(tmp_path, version, form):
    adata = full(sparse.csr_matrix(COUNTS / 3))
    path = FORMS[form](write(tmp_path, adata, version=version))
    summary = look(path)
    assert summary.format == "zarr"
    assert summary.findings == ()
    assert {each.key: each.n_features for each in summary.matrices} == {
        "X": 20, "layers/counts": 20, "obsm/adt": 3, "obsm/protein": 4, "raw": 20,
    }  # fmt: skip
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), adata.X.toarray())
    assert np.array_equal(np.vstack([each.toarray() for each in source.rows("X", 100)]), adata.X.toarray())
    assert np.array_equal(source.whole("obsm/protein"), COUNTS[:, :4])
    assert np.array_equal(source.whole("raw"), COUNTS + 1)
    assert source.obs_names == list(adata.obs_names)
    assert source.var_names("X") == list(adata.var["gene_symbols"])
    assert source.var_names("obsm/adt") == ["x", "y", "z"]
    for name in ("cell_type", "donor"):
        assert source.column(name).tolist() == adata.obs[name].tolist()
    assert source.column("maybe").isna().sum() == 30
    source.close()


@pytest.mark.parametrize("storage", STORAGES)
def test_values_of_every_type_read_back_equal(tmp_path, storage):
    X = STORAGES[storage]
    source, _ = open_source(write(tmp_path, good_adata(X)), "a.zarr", text_columns=(), memory_mb=1024)
    found = source.whole("X")
    dense = [each.toarray() if sparse.issparse(each) else each for each in (found, X)]
    assert np.array_equal(*dense)


def test_chunks_are_read_row_by_row(tmp_path):
    path = write(tmp_path, good_adata(COUNTS), chunks=(7, 20))
    source, _ = open_source(path, "a.zarr", text_columns=(), memory_mb=1024)
    rows = list(source.rows("X", 100))
    assert len(rows) > 3
    assert np.array_equal(np.vstack(rows), COUNTS)


def test_shards_of_format_3_are_read(tmp_path):
    with anndata.settings.override(auto_shard_zarr_v3=True):
        path = write(tmp_path, good_adata(sparse.csr_matrix(COUNTS)), chunks=(50,))
    assert "sharding_indexed" in (path / "X/data/zarr.json").read_text()
    source, _ = open_source(path, "a.zarr", text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X").toarray(), COUNTS)


def test_a_store_is_copied(tmp_path):
    path = zipped(write(tmp_path))
    copied = anndata.read_h5ad(copy_into(DataSpec(path=str(path), label_key="cell_type"), tmp_path / "copy.h5ad"))
    assert np.array_equal(copied.X.toarray(), COUNTS)


def test_an_h5mu_tree_in_zarr_has_its_modalities(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mudata

        adt = good_adata(COUNTS[:, :5].copy())
        adt.var_names = [f"CD{i}" for i in range(5)]
        mudata.MuData({"rna": good_adata(), "adt": adt}).write_zarr(tmp_path / "two.zarr")
    summary = look(tmp_path / "two.zarr")
    assert [(each.name, each.n_features) for each in summary.parts] == [("rna", 20), ("adt", 5)]


def edited(path, name, change):
    (path / name).write_text(json.dumps(change(json.loads((path / name).read_text()))))
    return path


def test_codecs_that_could_run_code_are_refused_before_the_library_sees_them(tmp_path):
    path = write(tmp_path, version=2)
    edited(path, "var/_index/.zarray", lambda each: {**each, "filters": [{"id": "pickle", "protocol": 5}]})
    assert "holds Python objects (pickle), which could run code" in refusal(path)
    path = write(tmp_path, version=3, name="b.zarr")
    shard = {"name": "sharding_indexed", "configuration": {"codecs": [{"name": "numcodecs.pickle"}]}}
    edited(path, "obs/cell_type/codes/zarr.json", lambda each: {**each, "codecs": [shard]})
    assert "could run code" in refusal(path)


def test_an_unknown_codec_leaves_a_column_out(tmp_path):
    path = write(tmp_path, good_adata(n=np.arange(60)), version=2)
    edited(path, "obs/n/.zarray", lambda each: {**each, "compressor": {"id": "zfpy"}})
    assert "obs/n uses a codec that is unsupported here (zfpy). The column is left out" in warnings_of(look(path))


DAMAGE = {
    "no cell table": (lambda path: shutil.rmtree(path / "obs"), "not an AnnData one: it has no cell table"),
    "no root": (lambda path: (path / ".zgroup").unlink(), "its root group (.zgroup or zarr.json) is missing"),
    "metadata cut off": (lambda path: (path / "X/data/.zarray").write_text('{"shape": [12'), "cannot be read"),
    "metadata is a list": (lambda path: (path / "obs/.zattrs").write_text("[]"), "cannot be read"),
    "chunk cut off": (lambda path: cut(path / "X/data/0"), "its zarr structure cannot be read"),
    "too large": (
        lambda path: edited(path, "X/data/.zarray", lambda each: {**each, "shape": [10**10]}),
        "declares a size of 37.3 GB",
    ),
    "indices": (lambda path: (path / "X/indices/0").unlink(), "values of X/indices are missing from the file"),
}


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_store_is_refused_in_words(tmp_path, case):
    change, words = DAMAGE[case]
    path = write(tmp_path, good_adata(sparse.csr_matrix(COUNTS * (COUNTS > 5))), version=2)
    (path / ".zmetadata").unlink(missing_ok=True)
    change(path)
    assert words in refusal(path)


def test_two_stores_in_one_archive_are_refused_by_name(tmp_path):
    (tmp_path / "both").mkdir()
    for name in ("a.zarr", "b.zarr"):
        write(tmp_path / "both", name=name)
    assert "holds 2 zarr stores (a.zarr, b.zarr)" in refusal(tmp_path / "both")


def test_a_spatialdata_store_says_where_its_table_is_and_that_is_read(tmp_path):
    store = tmp_path / "sd.zarr"
    (store / "tables").mkdir(parents=True)
    for each in (store, store / "tables"):
        (each / ".zgroup").write_text('{"zarr_format": 2}')
    write(store / "tables", version=2, name="table")
    said = refusal(store)
    assert "SpatialData" in said
    assert "sd.zarr/tables/table" in said
    assert look(store / "tables" / "table").n_cells == 60
