"""The npz reader: images and features read back equal, and every kind of damage has its message."""

import struct
import zipfile

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import look, refusal, warnings_of

N = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 3, 8, 6), dtype=np.uint8)
LABELS = np.array(["a", "b"] * (N // 2))
NAMES = np.array([f"cell{i}" for i in range(N)])


def npz(folder, **arrays):
    path = folder / "stack.npz"
    np.savez_compressed(path, **({"images": IMAGES, "labels": LABELS, "obs_names": NAMES} | arrays))
    return path


def member(path, name, data):
    """The archive with one member written byte by byte."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return path


def header(shape, descr="|u1", order="False"):
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "images",
    [IMAGES, IMAGES / 255, (IMAGES / 255).astype(np.float16), np.asfortranarray(IMAGES), IMAGES.astype(">f4")],
    ids=["bytes", "float64", "half", "fortran", "big-endian"],
)
def test_images_read_back_equal(tmp_path, images):
    path = npz(tmp_path, images=images, pair_ids=NAMES, latent=np.zeros((N, 4)))
    source, name = open_source(path, "stack.npz", text_columns=(), memory_mb=1024)
    flat = np.asarray(images).reshape(N, -1)
    assert name == "npz"
    assert [(each.key, each.image_shape) for each in source.headers] == [("X", (3, 8, 6)), ("obsm/latent", None)]
    assert np.array_equal(source.whole("X"), flat)
    assert np.array_equal(np.vstack(list(source.rows("X", 1000))), flat)
    assert source.obs_names == NAMES.tolist()
    assert source.column_names == ("labels", "pair_ids")
    assert source.column("labels").tolist() == LABELS.tolist()
    assert len(source.var_names("X")) == flat.shape[1]
    source.close()


def test_summary_says_images_and_shows_some(tmp_path):
    summary = look(npz(tmp_path), label_key="labels")
    matrix = summary.matrix("X")
    assert matrix.size_text == "images, 3 × 8 × 6"
    assert matrix.kind == "images"
    assert matrix.preview
    assert summary.findings == ()  # neither "more features than cells" nor "constant features" holds for pixels


def test_the_copy_keeps_bytes_and_shape(tmp_path):
    import anndata

    spec = DataSpec(path=str(npz(tmp_path)), label_key="labels")
    adata = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert adata.X.dtype == np.uint8
    assert np.array_equal(adata.X.reshape(IMAGES.shape), IMAGES)
    assert tuple(adata.uns["image_shape"]) == (3, 8, 6)


def test_features_with_names_are_read_as_a_matrix(tmp_path):
    path = tmp_path / "features.npz"
    X = np.random.default_rng(1).poisson(3, (N, 4)).astype(np.float32)
    np.savez(path, X=X, labels=LABELS.astype("S"), var_names=np.array(["g1", "g2", "g3", "g4"]))
    source, _ = open_source(path, "features.npz", text_columns=(), memory_mb=1024)
    assert source.var_names("X") == ["g1", "g2", "g3", "g4"]
    assert source.obs_names[:2] == ["features_0", "features_1"]
    assert source.column("labels").tolist() == LABELS.tolist()
    source.close()


def test_arrays_of_another_length_are_reported(tmp_path):
    assert "1 array with another length than 40 ignored: odd" in warnings_of(
        look(npz(tmp_path, odd=np.zeros(3)), label_key="labels")
    )


def test_a_structured_array_and_a_matrix_of_scipy_are_refused_for_what_they_are(tmp_path):
    table = np.zeros(N, dtype=[("ACTB", "f4"), ("MYC", "f4")])
    np.save(tmp_path / "table.npy", table)
    said = refusal(tmp_path / "table.npy")
    assert "is a structured array, a table with the columns ACTB, MYC" in said
    assert "objects" not in said
    sparse.save_npz(tmp_path / "matrix.npz", sparse.random_array((N, 5), density=0.3, format="csr", rng=0))
    assert "a sparse matrix as scipy saves it, without the names" in refusal(tmp_path / "matrix.npz")


def test_objects_are_never_unpickled(tmp_path):
    path = npz(tmp_path, labels=np.array(["a", 1] * (N // 2), dtype=object))
    assert "array labels holds Python objects, which could run code and are not read" in refusal(
        path, label_key="labels"
    )


def test_a_size_beyond_memory_is_refused_from_the_header(tmp_path):
    head = header((400_000, 3, 64, 64))
    path = member(tmp_path / "bomb.npz", "images.npy", head)
    assert "has another length than its header says" in refusal(path)  # the list of contents gives the lie away


def test_a_bomb_that_is_as_long_as_it_says_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    n = 45_000  # 0.5 GB of zeros, more than a third of the gigabyte allowed
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w") as out,
    ):
        out.write(header((n, 3, 64, 64)))
        for _ in range(n // 1000):
            out.write(bytes(1000 * 3 * 64 * 64))
    assert path.stat().st_size < 10_000_000
    assert "its arrays declare a size of 0.5 GB, too large" in refusal(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": IMAGES.reshape(N, 3, -1)}, "holds neither an array 'images'"),
        ({"images": np.moveaxis(IMAGES, 1, -1)}, "seem to have their channels last"),
        ({"obs_names": NAMES[:-1]}, "array obs_names holds 39 names for 40 cells"),
        ({"images": IMAGES.astype("S1")}, "holds text, not numbers"),
    ],
    ids=["three dimensions", "channels last", "names", "text"],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, arrays, words):
    assert words in refusal(npz(tmp_path, **arrays), label_key="labels", matrix="X")


def test_damage_is_reported(tmp_path):
    path = npz(tmp_path)
    data = bytearray(path.read_bytes())
    middle = data.find(b"images.npy") + 2000
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(bytes(data))
    assert "values of array images cannot be unpacked" in refusal(path, label_key="labels")
    assert "no readable header" in refusal(member(npz(tmp_path), "more.npy", b"nothing"), label_key="labels")


def test_parts_that_are_no_arrays_are_named_as_damage_and_not_as_an_archive(tmp_path):
    path = tmp_path / "cells.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"")
        archive.writestr("labels.n\x01y", b"")
    assert "it holds parts that are no arrays" in refusal(path)


@pytest.mark.parametrize("name", ["embeddings", "features", "arr_0", "data"])
@pytest.mark.parametrize("names", ["names", "cell_ids", "barcodes", "obs_names"])
def test_the_only_array_with_a_row_for_each_cell_is_the_values(tmp_path, name, names):
    values = np.random.default_rng(0).normal(size=(N, 5))
    cells = [f"c{i}" for i in range(N)]
    path = tmp_path / "it.npz"
    np.savez(path, **{name: values, "labels": np.array(["a", "b"] * (N // 2)), names: np.array(cells)})
    summary = look(path, "labels")
    assert (summary.n_cells, summary.n_features) == (N, 5)
    assert summary.cell_names == tuple(cells[: len(summary.cell_names)])
    assert f"it.npz has no array X or images: {name} is read as the values of the cells" in warnings_of(summary)


def test_arrays_of_different_cells_and_names_that_repeat_are_not_guessed(tmp_path):
    path = tmp_path / "it.npz"
    np.savez(path, train=np.zeros((N, 5)), test=np.zeros((9, 5)))
    assert "holds neither an array 'images'" in refusal(path)
    np.savez(path, train=np.random.default_rng(0).normal(size=(N, 5)), ids=np.array(["a", "b"] * (N // 2)))
    assert look(path, "ids").column("ids").n_distinct == 2
