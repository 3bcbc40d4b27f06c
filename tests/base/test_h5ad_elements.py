"""Elements of h5ad files: anndata reads the same from them as from its own."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from anndata.io import read_elem, write_elem
from scipy import sparse

from psmatch_core.base import h5ad_elements
from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.base.h5ad_elements import COMPRESSION, H5adContent, write_element, write_h5ad
from psmatch_core.base.progress import StagePart

ROWS = ["a", "b", "ü/ö"]
TABLE = pd.DataFrame(
    {
        "whole": np.array([1, 2, 3], dtype=np.int16),
        "real": [0.5, np.nan, np.inf],
        "truth": [True, False, True],
        "text": ["x", "", "ÄΩ"],
        "kind": pd.Categorical(["k2", None, "k1"], categories=["k2", "k1", "unused"]),
        "ordered": pd.Categorical([3, 1, 3], ordered=True),
        "some": pd.array([1, None, 3], dtype="Int32"),
        "maybe": pd.array([True, None, False], dtype="boolean"),
    },
    index=ROWS,
)
VALUES = {
    "nothing": None,
    "text": "ÄΩ",
    "whole number": 7,
    "number of numpy": np.float32(0.25),
    "truth": True,
    "array without axes": np.array(3.5),
    "list of texts": ["one", "two"],
    "empty list": [],
    "empty texts": np.array([], dtype=object),
    "array": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "no rows": np.zeros((0, 3)),
    "texts": np.array([["a", "b"], ["c", "ü"]]),
    "csr": sparse.csr_matrix(np.eye(3, 4, dtype=np.float32)),
    "csc": sparse.csc_matrix(np.eye(3, 4)),
    "empty csr": sparse.csr_matrix((3, 4)),
    "table": TABLE,
    "table without columns": TABLE.iloc[:, :0],
    "table without rows": TABLE.iloc[:0],
    "group": {"inner": {"n": 1, "names": ["a"]}, "empty": {}},
}


def same(one, other):
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    if sparse.issparse(one):
        return type(one) is type(other) and one.dtype == other.dtype and (one != other).nnz == 0
    return type(one) is type(other) and np.array_equal(one, other)


@pytest.mark.parametrize("packing", [{}, COMPRESSION], ids=["plain", "compressed"])
@pytest.mark.parametrize("name", VALUES)
def test_anndata_reads_the_same_as_from_what_it_writes_itself(tmp_path, name, packing):
    with h5py.File(tmp_path / "elements.h5", "w") as file:
        write_elem(file, "theirs", VALUES[name])
        write_element(file, "ours", VALUES[name], packing)
        assert same(read_elem(file["theirs"]), read_elem(file["ours"]))
        assert dict(file["ours"].attrs.items()).keys() == dict(file["theirs"].attrs.items()).keys()


def test_a_whole_file_is_what_anndata_reads_from_its_own(tmp_path):
    parts = {
        "X": sparse.csr_matrix(np.eye(3, 2, dtype=np.float32)),
        "obs": TABLE,
        "var": pd.DataFrame(index=["f1", "f2"]),
        "uns": {"note": "n", "lists": {"a": [1, 2]}},
        "obsm": {"map": np.ones((3, 2))},
        "varm": {"about": pd.DataFrame({"n": [1, 2]}, index=["f1", "f2"])},
    }
    adata = anndata.AnnData(**parts)
    for name, content in {"parts": H5adContent(**parts), "object": adata}.items():
        found = anndata.read_h5ad(write_h5ad(content, tmp_path / f"{name}.h5ad"))
        pd.testing.assert_frame_equal(found.obs, TABLE)
        pd.testing.assert_frame_equal(found.varm["about"], parts["varm"]["about"])
        assert same(found.X, parts["X"])
        assert list(found.var_names) == ["f1", "f2"]
        assert found.uns["note"] == "n"
        assert list(found.uns["lists"]["a"]) == [1, 2]
        assert np.array_equal(found.obsm["map"], parts["obsm"]["map"])


def test_numbers_and_texts_of_which_some_are_missing_keep_what_is_there(tmp_path):
    given = pd.DataFrame({"real": pd.array([0.5, None], "Float64"), "text": pd.array(["x", None], "string")})
    with h5py.File(tmp_path / "elements.h5", "w") as file:
        write_element(file, "table", given)
        found = read_elem(file["table"])
    assert found["real"].isna().tolist() == found["text"].isna().tolist() == [False, True]
    assert found.iloc[0].tolist() == [0.5, "x"]


def test_a_column_may_be_called_as_the_names_of_rows_are(tmp_path):
    with h5py.File(tmp_path / "elements.h5", "w") as file:
        write_element(file, "table", pd.DataFrame({"_index": [1, 2]}, index=["r", "s"]))
        found = read_elem(file["table"])
    assert (list(found.index), list(found["_index"])) == (["r", "s"], [1, 2])


@pytest.mark.parametrize(
    "value",
    [object(), np.array(["a", None], dtype=object), sparse.coo_matrix(np.eye(2)), pd.array([pd.Period("2020")])],
    ids=["object", "texts and nothing", "coo", "periods"],
)
def test_what_has_no_form_is_refused_and_leaves_no_file(tmp_path, value):
    content = H5adContent(np.eye(2), pd.DataFrame(index=["a", "b"]), pd.DataFrame(index=["c", "d"]), {"odd": value})
    with pytest.raises(TypeError, match="has no form in an h5ad file"):
        write_h5ad(content, tmp_path / "file.h5ad")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["<f4", ">f8"])
@pytest.mark.parametrize("shape", [(701, 37), (1, 900), (5000,)])
@pytest.mark.parametrize("digits", [1, 9])
def test_many_numbers_are_compressed_on_all_cores_and_any_reader_opens_them(tmp_path, monkeypatch, kind, shape, digits):
    monkeypatch.setattr(h5ad_elements, "MANY_NUMBERS", 100)
    monkeypatch.setattr(h5ad_elements, "CHUNKS_AT_ONCE", 3)
    monkeypatch.setattr(h5ad_elements, "CHUNKS_A_CORE", 2)
    values = np.round(np.random.default_rng(0).normal(size=shape), digits).astype(kind)
    values.flat[7] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_element(file, "ours", values, COMPRESSION)
        write_elem(file, "theirs", values, dataset_kwargs=dict(COMPRESSION))
        for name in ("ours", "theirs"):
            np.testing.assert_array_equal(file[name][()], values)
        ours, theirs = file["ours"], file["theirs"]
        assert (ours.chunks, ours.compression, ours.shuffle) == (theirs.chunks, "gzip", True)
        assert ours.id.get_storage_size() < 1.02 * theirs.id.get_storage_size()
        np.testing.assert_array_equal(read_elem(ours), values)


def test_compressed_numbers_do_not_depend_on_the_number_of_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(h5ad_elements, "MANY_NUMBERS", 100)
    monkeypatch.setattr(h5ad_elements, "CHUNKS_A_CORE", 1)
    values, sizes = np.random.default_rng(0).normal(size=(3000, 40)), []
    for n_cores in ("1", "3"):
        monkeypatch.setenv(CORES_VARIABLE, n_cores)
        with h5py.File(tmp_path / f"{n_cores}.h5", "w") as file:
            write_element(file, "X", values, COMPRESSION)
            np.testing.assert_array_equal(file["X"][()], values)
            sizes.append(file["X"].id.get_storage_size())
    assert sizes[0] == sizes[1]


def test_a_large_matrix_tells_how_much_is_compressed(tmp_path, monkeypatch):
    monkeypatch.setattr(h5ad_elements, "MANY_NUMBERS", 1_000)
    monkeypatch.setattr(h5ad_elements, "CHUNKS_AT_ONCE", 2)
    rng = np.random.default_rng(0)
    for X in (
        rng.random((900, 700), dtype=np.float32),
        sparse.random(40_000, 900, density=0.01, format="csr", rng=rng),
    ):
        heard = []
        obs, var = (pd.DataFrame(index=[f"c{i}" for i in range(n)]) for n in X.shape)
        path = tmp_path / "large.h5ad"
        part = StagePart(heard.append, "export", "coupling.h5ad", 0.25, 0.5)
        write_h5ad(H5adContent(X, obs, var, {}), path, part=part)
        shares = [each.fraction for each in heard]
        assert len(shares) > 2
        assert shares == sorted(shares)
        assert 0.25 <= shares[0] < shares[-1] < 0.5
        assert all(each.message.startswith("coupling.h5ad: ") for each in heard)
        found = anndata.read_h5ad(path).X
        assert found.dtype == X.dtype
        assert same(found, X)
