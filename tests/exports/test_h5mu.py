"""h5mu files row by row: three modalities of unequal widths, read by mudata as those that mudata makes itself."""

import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from psmatch_core.base import arrays
from psmatch_core.exports import h5mu
from psmatch_core.exports.h5mu import WrittenModality, write_h5mu

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
WIDTHS = {"rna": 4, "adt": 2, "atac": 3}
CELLS = pd.Index([f"c{at}" for at in range(11)])


def values(name):
    return sparse.random(11, WIDTHS[name], 0.4, "csr", random_state=WIDTHS[name], dtype=np.float32)


def features(name, *, shared=False):
    return pd.Index([f"{'f' if shared else name}{at}" for at in range(WIDTHS[name])])


def written(place, *, shared=False):
    given = {}
    for name in WIDTHS:
        X = values(name) if name != "adt" else values(name).toarray()
        obs, var = pd.DataFrame(index=CELLS), pd.DataFrame(index=features(name, shared=shared))
        given[name] = WrittenModality(obs, var, lambda start, stop, X=X: X[start:stop], name != "adt", {"name": name})
    obs = pd.DataFrame({"label": pd.Categorical(["a", "b", "b", "c"] * 2 + ["a"] * 3)}, index=CELLS)
    return mudata.read_h5mu(write_h5mu(place / "m.h5mu", given, obs, {"what": "test"}))


def made():
    """The same by mudata."""
    return mudata.MuData(
        {
            name: AnnData(values(name), obs=pd.DataFrame(index=CELLS), var=pd.DataFrame(index=features(name)))
            for name in WIDTHS
        }
    )


def test_features_and_cells_have_the_numbers_that_mudata_gives_them(tmp_path):
    assert list(written(tmp_path).var_names) == list(made().var_names)
    made().write(tmp_path / "theirs.h5mu")
    with h5py.File(tmp_path / "m.h5mu") as ours, h5py.File(tmp_path / "theirs.h5mu") as theirs:
        for name in WIDTHS:
            for key in ("varmap", "obsmap", "varm", "obsm"):
                expected = np.ravel(theirs[key][name][()])
                np.testing.assert_array_equal(np.ravel(ours[key][name][()]), expected, err_msg=f"{key}/{name}")
        assert ours["varmap/adt"][()].tolist() == [0, 0, 0, 0, 1, 2, 0, 0, 0]


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_every_row_holds_its_values_however_many_are_written_at_once(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(h5mu, "row_chunks", lambda n, m, _=0: arrays.row_chunks(n, m, at_once * m))
    held = written(tmp_path)
    for name in WIDTHS:
        X = held[name].X
        assert sparse.issparse(X) == (name != "adt")
        np.testing.assert_array_equal(X.toarray() if sparse.issparse(X) else X, values(name).toarray())
    assert held.obs["label"].tolist() == ["a", "b", "b", "c"] * 2 + ["a"] * 3
    assert held.uns["what"] == "test"


def test_shared_names_of_features_carry_that_of_their_modality_in_the_whole_and_not_in_its_own_table(tmp_path):
    held = written(tmp_path, shared=True)
    with h5py.File(tmp_path / "m.h5mu") as file:  # mudata makes the names anew when it reads
        names = [each.decode() for each in file["var"][file["var"].attrs["_index"]][()]]
    assert names == [f"{name}:f{at}" for name, n in WIDTHS.items() for at in range(n)]
    for name, n in WIDTHS.items():
        assert list(held[name].var_names) == [f"f{at}" for at in range(n)]
