"""All formats: cells written by the library of each format are read back equal; docs/formats.md has the table."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.data.readers.formats import open_source
from tests.data.readers import test_h5mu, test_loom, test_tenx, test_tenx_mtx, test_zarr
from tests.data.readers.made_files import COUNTS, STORAGES, good_adata, table, write

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
HEADING = "| format | written by | files | read back equal |"


def h5ad(storage, compression):
    return lambda place: write(place, good_adata(STORAGES[storage]), compression=compression)


def zarr(version, storage, pack):
    def made(place):
        path = test_zarr.write(place, good_adata(STORAGES[storage]), version=version)
        return test_zarr.zipped(path) if pack else path

    return made


def h5mu(part):
    return lambda place: test_h5mu.write(place)[0]


def mtx(version, pack):
    def made(place):
        files = test_tenx_mtx.parts(version=version)
        return {"folder": test_tenx_mtx.folder, "tar.gz": test_tenx_mtx.tar, "zip": test_tenx_mtx.zipped}[pack](
            place, files
        )

    return made


def npz(place):
    adata = good_adata()
    names = {"obs_names": adata.obs_names.to_numpy(str), "var_names": adata.var_names.to_numpy(str)}
    np.savez_compressed(place / "a.npz", X=COUNTS, cell_type=adata.obs["cell_type"].to_numpy(str), **names)
    return place / "a.npz"


def npy(place):
    np.save(place / "a.npy", COUNTS)
    return place / "a.npy"


def text(name, separator):
    def made(place):
        path = table(place, "t.txt", separator=separator)
        pd.read_csv(path, sep=separator, dtype=str).to_csv(place / name, sep=separator, index=False)
        return place / name

    return made


def columns(name):
    def made(place):
        adata = good_adata()
        frame = pd.DataFrame(COUNTS, index=pd.Index(adata.obs_names, name="cell"), columns=adata.var_names)
        frame.insert(0, "cell_type", adata.obs["cell_type"].astype(str))
        if name.endswith("parquet"):
            frame.to_parquet(place / name)
        else:
            frame.reset_index().to_feather(place / name)
        return place / name

    return made


# Format → who writes it, and files by name; all hold the values of COUNTS or of one of STORAGES.
WRITTEN = {
    "h5ad": (
        "anndata",
        {f"{each}, {how}": h5ad(each, how) for each in STORAGES for how in (None, "gzip", "lzf")},
    ),
    "h5mu": ("mudata", {part: h5mu(part) for part in ("rna", "prot")}),
    "zarr": (
        "anndata",
        {
            f"{each}, format {version}{', zip' if pack else ''}": zarr(version, each, pack)
            for each in ("csr", "csc", "dense", "integers")
            for version in (2, 3)
            for pack in (False, True)
        },
    ),
    "loom": ("its specification", {"with layers": test_loom.write}),
    "10x h5": (
        "its specification",
        {f"Cell Ranger {n}": lambda place, n=n: test_tenx.write_tenx(place / "m.h5", version=n) for n in (2, 3)},
    ),
    "10x mtx": (
        "scipy",
        {f"Cell Ranger {n}, {pack}": mtx(n, pack) for n in (2, 3) for pack in ("folder", "tar.gz", "zip")},
    ),
    "npz": ("numpy", {"with names": npz}),
    "npy": ("numpy", {"without names": npy}),
    "parquet, feather": ("pandas", {name: columns(name) for name in ("a.parquet", "a.feather")}),
    "csv, tsv": (
        "pandas",
        {
            name: text(name, sep)
            for name, sep in (("a.csv", ","), ("a.tsv", "\t"), ("a.csv.gz", ","), ("a.tsv.gz", "\t"))
        },
    ),
}
CASES = [(name, case) for name, (_, files) in WRITTEN.items() for case in files]


def expected(name, case):
    """Values, names of cells and of features."""
    if name == "h5mu":
        adata = test_h5mu.modalities()[case]
        return adata.X, adata.obs_names.tolist(), adata.var_names.tolist()
    X = STORAGES.get(case.partition(",")[0], COUNTS)
    X = X.toarray() if sparse.issparse(X) else X
    cells = test_tenx.BARCODES if name.startswith("10x") else [f"cell{i}" for i in range(60)]
    genes = test_tenx.GENES if name.startswith("10x") else [f"GENE{i}" for i in range(20)]
    return X, [f"a_{i}" for i in range(60)] if name == "npy" else cells, None if name == "npy" else genes


@pytest.mark.parametrize(("name", "case"), CASES, ids=[" ".join(each) for each in CASES])
def test_what_was_written_is_read_back_equal(tmp_path, name, case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = WRITTEN[name][1][case](tmp_path)
    part = case if name == "h5mu" else ""
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024, part=part)
    X, cells, genes = expected(name, case)
    found = source.whole("X")
    assert np.array_equal(found.toarray() if sparse.issparse(found) else found, X)
    assert source.obs_names == cells
    assert genes is None or source.var_names("X") == genes
    if "cell_type" in source.column_names:
        assert source.column("cell_type").tolist() == good_adata().obs["cell_type"].tolist()
    else:
        assert name in ("10x h5", "10x mtx", "npy")
    source.close()


def test_the_page_shows_every_format_and_how_many_files_were_read_back():
    rows = [f"| {name} | {by} | {len(files)} | {len(files)} of {len(files)} |" for name, (by, files) in WRITTEN.items()]
    block = "\n".join([HEADING, "|---|---|---|---|", *rows])
    assert block in PAGE.read_text(encoding="utf-8"), block
