"""npy files: one array, whose cell names and labels come from a table in the same order."""

import anndata
import numpy as np
import pytest

from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import COUNTS, look, refusal, warnings_of

STACK = np.random.default_rng(0).integers(0, 256, (60, 3, 5, 7), dtype=np.uint8)


def write(folder, X=COUNTS, *, n=60):
    np.save(folder / "cells.npy", X)
    lines = [f"w{i},{'AB'[i // 3 % 2]}\n" for i in range(n)]
    (folder / "labels.csv").write_text("well,kind\n" + "".join(lines))
    return folder / "cells.npy", folder / "labels.csv"


@pytest.mark.parametrize(
    "X",
    [COUNTS, COUNTS.astype(np.float16), np.asfortranarray(COUNTS), COUNTS.astype(">i4"), STACK],
    ids=["single", "half", "fortran", "big-endian", "images"],
)
def test_an_array_reads_back_equal_with_names_of_the_table(tmp_path, X):
    path, labels = write(tmp_path, X)
    summary = look(path, label_key="kind", labels_path=labels)
    assert (summary.format, summary.n_cells) == ("npy", 60)
    assert summary.cell_names[:2] == ("w0", "w1")
    assert dict(summary.column("kind").counts) == {"A": 30, "B": 30}
    assert "has no cell names: the rows of labels.csv name its cells, in the same order" in warnings_of(summary)
    source, _ = open_source(path, "cells.npy", text_columns=(), memory_mb=1024)
    assert np.array_equal(source.whole("X"), X.reshape(60, -1))
    spec = DataSpec(path=str(path), label_key="kind", labels_path=str(labels))
    copied = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert np.array_equal(copied.X, X.reshape(60, -1))
    assert copied.obs_names[:2].tolist() == ["w0", "w1"]


def test_a_table_of_another_length_is_refused(tmp_path):
    path, labels = write(tmp_path, n=59)
    assert "has 60 cells without names, and labels.csv 59 rows" in refusal(path, label_key="kind", labels_path=labels)


def test_an_npz_without_names_takes_those_of_the_table_unless_it_knows_its_own(tmp_path):
    _, labels = write(tmp_path)
    np.savez(tmp_path / "a.npz", X=COUNTS)
    assert look(tmp_path / "a.npz", label_key="kind", labels_path=labels).cell_names[0] == "w0"
    labels.write_text(labels.read_text().replace("w", "a_"))
    assert look(tmp_path / "a.npz", label_key="kind", labels_path=labels).cell_names[0] == "a_0"
    np.savez(tmp_path / "named.npz", X=COUNTS, obs_names=[f"cell{i}" for i in range(60)])
    message = refusal(tmp_path / "named.npz", label_key="kind", labels_path=labels)
    assert "No cell name of named.npz (such as cell0, cell1" in message


@pytest.mark.parametrize(
    ("X", "words"),
    [(np.arange(60), "neither an array 'images'"), (np.array([["a", "b"]] * 60), "text, not numbers")],
    ids=["one dimension", "text"],
)
def test_other_arrays_are_refused_by_name(tmp_path, X, words):
    assert words in refusal(write(tmp_path, X)[0], label_key="", matrix="X")


def test_objects_and_damaged_files_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{}, 1]] * 60), allow_pickle=True)
    assert "holds Python objects, which could run code" in refusal(tmp_path / "o.npy", label_key="")
    path, _ = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    assert "another length than its header says" in refusal(path, label_key="")
