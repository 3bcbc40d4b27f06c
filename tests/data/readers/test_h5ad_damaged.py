"""The h5ad reader on damaged and hostile files: each is refused in words before anything in it is followed."""

import h5py
import numpy as np
import pytest

from tests.data.readers.made_files import (
    STORAGES,
    broken,
    good_adata,
    look,
    refusal,
    replaced,
    table,
    warnings_of,
    write,
)

DAMAGE = {
    "index out of range": (replaced("X/indices", np.full(10, 99)), "10 indices"),
    "no feature table": (lambda file: file.__delitem__("var"), "has no var: the feature names are missing"),
    "no cell table": (lambda file: file.__delitem__("obs"), "has no obs: the cell names are missing"),
    "column points nowhere": (
        replaced("obs/cell_type/codes", np.full(60, 7, dtype=np.int8)),
        "column cell_type points to categories that do not exist",
    ),
    "column of another length": (
        replaced("obs/cell_type/codes", np.zeros(59, dtype=np.int8)),
        "has size 59 for 60 rows",
    ),
    "names missing": (lambda file: file["obs"].__delitem__("_index"), "the names in obs are missing"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_structure_is_refused_with_its_place(tmp_path, case):
    change, words = DAMAGE[case]
    assert words in refusal(broken(write(tmp_path), change))


SPARSE_DAMAGE = {
    "beyond": ("indices", lambda v: np.where(np.arange(v.size) == 5, 10**6, v)),
    "negative": ("indices", lambda v: np.where(np.arange(v.size) == 5, -1, v)),
    "falling bounds": ("indptr", lambda v: np.where(np.arange(v.size) == 5, v[-1], v)),
    "bounds too long": ("indptr", lambda v: np.where(np.arange(v.size) == v.size - 1, v + 5, v)),
    "short values": ("data", lambda v: v[:-4]),
    "too few bounds": ("indptr", lambda v: v[:-1]),
}


@pytest.mark.parametrize("case", SPARSE_DAMAGE)
@pytest.mark.parametrize("storage", ["csr", "csc"])
def test_inconsistent_sparse_matrix_never_reaches_compiled_code(tmp_path, case, storage):
    part, change = SPARSE_DAMAGE[case]
    path = write(tmp_path, good_adata(STORAGES[storage]))
    with h5py.File(path) as file:
        values = file[f"X/{part}"][...]
    text = refusal(broken(path, replaced(f"X/{part}", change(values))))
    assert "is damaged: sparse matrix X is inconsistent" in text


def test_truncated_file_is_reported_with_its_size(tmp_path):
    path = write(tmp_path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: size // 2])
    assert f"is incomplete (cut off): {size // 2:,} of {size:,} bytes" in refusal(path)


def test_other_contents_of_hdf5_are_refused_by_name(tmp_path):
    layouts = {"10x": "matrix/barcodes", "loom": "row_attrs/x", "h5Seurat": "assays/RNA", "AnnData": "other/x"}
    for word, place in layouts.items():
        path = tmp_path / f"{word}.h5"
        with h5py.File(path, "w") as file:
            file.create_group(place)
            file.require_group("col_attrs")
            file.create_group("meta.data")
        assert word in refusal(path).replace(path.name, "")


def test_file_that_points_outside_is_refused_before_it_is_followed(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\x00" * 4800)
    other = write(tmp_path, name="other.h5ad")

    def external_storage(file):
        del file["X"]
        file.create_dataset("X", shape=(60, 20), dtype="f4", external=[(str(secret), 0, 4800)])

    def virtual(file):
        del file["X"]
        layout = h5py.VirtualLayout(shape=(1200,), dtype="f4")
        layout[:] = h5py.VirtualSource(str(other), "X/data", shape=(1200,))
        file.create_virtual_dataset("X", layout)

    def external_link(file):
        file["uns/deep"] = h5py.ExternalLink(str(other), "/X")

    def soft_link(file):
        file["uns/deep"] = h5py.SoftLink("/uns")

    def loop(file):
        file["uns/deep"] = file["/"]

    for i, change in enumerate([external_storage, virtual, external_link]):
        assert "points to data outside this file" in refusal(broken(write(tmp_path, name=f"{i}.h5ad"), change))
    for i, change in enumerate([soft_link, loop]):
        assert "itself in a loop" in refusal(broken(write(tmp_path, name=f"l{i}.h5ad"), change))


def test_tree_too_deep_or_too_wide_is_refused(tmp_path):
    deep = broken(write(tmp_path), lambda file: file.create_group("uns/" + "/".join("a" * 60)))
    assert "nested more than 24 levels" in refusal(deep)


def test_declared_size_is_checked_before_memory_is_taken(tmp_path):
    def bomb(file):
        file["obs"].create_dataset("big", shape=(6_000_000_000,), dtype="f8", chunks=(1000,), compression="gzip")
        file["obs"].attrs["column-order"] = ["cell_type", "big"]

    text = refusal(broken(write(tmp_path), bomb))
    assert "obs/big declares a size of 44.7 GB, too large" in text


def test_values_that_were_never_written_are_not_read_as_zeros(tmp_path):
    def hollow(file):
        del file["X"]
        file.create_dataset("X", shape=(60, 20), dtype="f4", chunks=(10, 20))[:10] = 1

    assert "is incomplete: values of X are missing from the file" in refusal(broken(write(tmp_path), hollow))


def test_column_that_is_listed_but_missing_is_reported(tmp_path):
    path = broken(write(tmp_path), lambda file: file["obs"].attrs.__setitem__("column-order", ["cell_type", "gone"]))
    assert "column gone is listed but missing. The column is left out." in warnings_of(look(path))
    assert "column gone is listed but missing" in refusal(path, label_key="gone")


def test_text_table_named_h5ad_is_refused(tmp_path):
    assert "is a plain text file, despite its name" in refusal(table(tmp_path, "counts.h5ad"))
