"""Checked data: a large matrix goes from file to file in blocks, and is what is read as a whole."""

import tracemalloc

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from scipy import sparse

from psmatch_core.base import mapped_rows
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, checked_data, clean_copy
from psmatch_core.data.readers.clean_copy import copy_here
from tests.data.readers.made_files import good_adata, write


def in_blocks(monkeypatch, n_values, *, least):
    """Matrices of ``least`` stored values and more go from file to file, in blocks of so many values."""
    monkeypatch.setattr(mapped_rows, "LEAST_MAPPED", least)
    for module in (mapped_rows, checked_data, clean_copy):
        monkeypatch.setattr(module, "CHUNK_VALUES", n_values)


def copied(folder, spec):
    """The copy, made without the child process."""
    request = {"spec": spec.to_dict(), "partial": str(folder / ".part"), "memory_mb": 1024}
    copy_here({**request, "destination": str(folder / "copy.h5ad")})


def read_both_ways(tmp_path, path, monkeypatch, **keywords):
    """The modality by either way, and what it was made of: in memory, then from file to file."""
    spec = DataSpec(path=str(path), **{"label_key": "cell_type", **keywords})
    found = []
    for least in (10**9, 1):
        in_blocks(monkeypatch, 50, least=least)
        copied(tmp_path, spec)
        data = clean_copy.read_copy(tmp_path / "copy.h5ad", spec)
        found.append((data, Modality.from_checked(data, spec, "RNA")))
        (tmp_path / "copy.h5ad").unlink()
    return found


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example sets both ways anew
@given(
    seed=st.integers(0, 10**6),
    share=st.sampled_from([0.02, 0.2, 0.9]),
    dtype=st.sampled_from([np.float32, np.float64, np.int32, np.uint16, np.bool_]),
    stored=st.sampled_from(["csr", "csc"]),
    changes=st.sampled_from(
        [
            {},
            {"cells": ("batch = b1",)},
            {"label_key": "some", "missing_labels": "drop"},
            {"label_key": "some", "missing_labels": "drop", "cells": ("batch in b0, b2",)},
            {"roles": (("GENE3", "ignored"), ("GENE5", "annotation"))},
            {"matrix": "layers/other"},
            {"part": "Gene Expression"},
            {"bad_values": "drop features"},
        ]
    ),
    is_unsorted=st.booleans(),
)
def test_what_goes_from_file_to_file_is_what_is_read_as_a_whole(
    tmp_path_factory, monkeypatch, seed, share, dtype, stored, changes, is_unsorted
):
    folder, draw = tmp_path_factory.mktemp("wide"), np.random.default_rng(seed)
    X = sparse.random(60, 20, density=share, format="csr", random_state=draw)
    X.data = np.ceil(9 * X.data)
    X[:, 0] = np.arange(60)[:, None] % 3 + 1  # the labels mean something, and no cell is empty
    X = sparse.csr_matrix(X).asformat(stored).astype(dtype)
    adata = good_adata(X, batch=[f"b{i // 20}" for i in range(60)], some=pd.Categorical(["a", "b", None, "b"] * 15))
    adata.layers["other"] = X * 2
    adata.var["feature_types"] = ["Gene Expression"] * 14 + ["Antibody Capture"] * 6
    path = write(folder, adata)
    if is_unsorted and stored == "csr":
        with h5py.File(path, "r+") as file:
            for part in ("data", "indices"):
                file[f"X/{part}"][:3] = file[f"X/{part}"][:3][::-1]
    (one, held), (other, mapped) = read_both_ways(folder, path, monkeypatch, **changes)
    assert mapped.fingerprint == held.fingerprint
    assert mapped.X.dtype == held.X.dtype
    assert (other.findings, other.excluded, other.facts) == (one.findings, one.excluded, one.facts)
    assert mapped_rows.is_mapped(mapped.X)
    assert not mapped_rows.is_mapped(held.X)
    keep = draw.random(held.n_cells) < 0.5
    assert mapped.select(keep, "drawn").fingerprint == held.select(keep, "drawn").fingerprint


@pytest.mark.parametrize("way", ["in memory", "from file to file"])
def test_reading_holds_a_block_and_not_the_matrix(tmp_path, monkeypatch, way):
    """Bytes that Python and numpy hold at most, which no other work on the machine changes."""
    in_blocks(monkeypatch, 20_000, least=1 if way == "from file to file" else 10**9)
    n, d = 3000, 400
    X = sparse.random(n, d, density=0.4, format="csr", dtype=np.float32, random_state=np.random.default_rng(0))
    labels = pd.DataFrame({"cell_type": np.array(["a", "b"])[np.arange(n) % 2]}, index=[f"c{i}" for i in range(n)])
    path = write(tmp_path, anndata.AnnData(X, obs=labels, var=pd.DataFrame(index=[f"g{i}" for i in range(d)])))
    spec = DataSpec(path=str(path), label_key="cell_type")
    copied(tmp_path, spec)  # loads libraries
    tracemalloc.start()
    copied(tmp_path, spec)
    modality = Modality.from_checked(clean_copy.read_copy(tmp_path / "copy.h5ad", spec), spec, "RNA")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert modality.X.nnz == X.nnz
    whole = X.data.nbytes + X.indices.nbytes  # 3.8 MB; names, hashes of rows and columns take 1 MB
    assert (peak < whole / 2) == (way == "from file to file"), f"{peak / whole:.2f} of the matrix"
