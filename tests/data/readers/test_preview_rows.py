"""A preview of a large file reads a sample of its values: it says so, and what it did not see is found by the run."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.file_summary import describe
from psmatch_core.data.readers import DataSpec, base, copy_into, inspection, preview_rows
from psmatch_core.data.readers.preview_rows import RUNS, PreviewRows
from psmatch_core.data.readers.summary import FileSummary
from tests.conftest import make_adata

N = 2_000
STORED = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "dense": np.asarray,
}


@pytest.fixture
def large(monkeypatch):
    """Files of more than 1,000 values are large; of these 400 cells are read."""
    monkeypatch.setattr(preview_rows, "LARGE", 1_000)
    monkeypatch.setattr(preview_rows, "MOST_ROWS", 400)
    monkeypatch.setattr(preview_rows, "FEWEST_ROWS", 400)


def summarised(spec: DataSpec, **asked) -> FileSummary:
    return inspection.summarise(spec, "a", memory_mb=8192, **asked)


def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(2.0, size=(N, 12)).astype(np.float32) + 1


def written(path, X, compression="gzip") -> DataSpec:
    adata = make_adata(n=N, n_features=X.shape[1])
    adata.X = X
    adata.write_h5ad(path, compression=compression)
    return DataSpec(path=str(path), label_key="label")


def unread() -> int:
    """A cell that the sample does not hold."""
    read = set(PreviewRows(N, 400 // RUNS).those_of(range(N)))
    return next(at for at in range(N // 2, N) if at not in read)


@pytest.mark.parametrize("stored", ["csr", "dense"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_sample_shows_the_same_and_says_from_which_cells(tmp_path, large, monkeypatch, stored, compression):
    spec = written(tmp_path / "a.h5ad", STORED[stored](counts()), compression)
    found = summarised(spec)
    assert found.matrices[0].is_sampled
    assert found.matrices[0].sample_text == "from 400 of 2,000 cells"
    assert "from 400 of 2,000 cells" in describe(found)
    whole = written(tmp_path / "b.h5ad", STORED[stored](counts()), compression)
    monkeypatch.setattr(preview_rows, "LARGE", 10**9)
    everything = summarised(whole)
    assert not everything.matrices[0].is_sampled
    assert everything.matrices[0].sample_text == ""
    for each in ("n_cells", "n_features", "columns", "cells", "features", "label_key", "cell_names"):
        assert getattr(found, each) == getattr(everything, each)
    assert found.matrices[0].kind == everything.matrices[0].kind == "counts"
    assert found.matrices[0].medians.total == pytest.approx(everything.matrices[0].medians.total, rel=0.1)
    assert found.matrices[0].medians.n_sampled == 400


def test_the_rows_of_a_sample_are_those_whose_names_and_labels_are_taken(tmp_path, large):
    X = np.arange(N, dtype=np.float32)[:, None] + np.array([[1.0, 2.0]], dtype=np.float32)
    source, _ = inspection.open_chosen(written(tmp_path / "a.h5ad", sparse.csr_matrix(X)), "a", memory_mb=8192)
    preview = PreviewRows.of(source, source.headers[0])
    assert preview.is_sample
    read = np.concatenate([rows.toarray() for rows in preview.read(source, "X")])
    assert preview.n_read == len(read) == 400
    assert read[:, 0].tolist() == [at + 1 for at in preview.those_of(range(N))]
    source.close()


def test_a_10x_file_is_sampled_too(tmp_path, large):
    X = sparse.csr_matrix(counts())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("matrix")
        for name, values in (("data", X.data), ("indices", X.indices), ("indptr", X.indptr), ("shape", X.shape[::-1])):
            group[name] = np.asarray(values)
        group["barcodes"] = [f"cell{at}" for at in range(N)]
        group["features/name"] = group["features/id"] = [f"g{at}" for at in range(X.shape[1])]
    found = summarised(DataSpec(path=str(tmp_path / "a.h5")))
    assert found.matrices[0].sample_text == "from 400 of 2,000 cells"
    assert found.matrices[0].kind == "counts"


def test_a_matrix_that_is_stored_by_feature_is_read_in_order(tmp_path, large):
    found = summarised(written(tmp_path / "a.h5ad", STORED["csc"](counts())))
    assert not found.matrices[0].is_sampled


@pytest.mark.parametrize("stored", ["csr", "dense"])
@pytest.mark.parametrize(("value", "code"), [(np.nan, "PM-M01"), (np.inf, "PM-M01"), (1e17, "PM-M08")])
def test_what_the_sample_did_not_see_is_refused_by_the_run(tmp_path, large, stored, value, code):
    X = counts()
    X[unread(), 3] = value
    spec = written(tmp_path / "a.h5ad", STORED[stored](X))
    assert not [each for each in summarised(spec, is_final=True).findings if each.code == code]
    with pytest.raises(PsmatchError) as caught:
        copy_into(spec, tmp_path / "copy.h5ad")
    assert caught.value.code == code


@pytest.mark.parametrize(("value", "code"), [(-9.0, "PM-M36")])
def test_warnings_of_the_run_are_of_all_cells(tmp_path, large, value, code):
    X = counts()
    X[unread(), 3] = value
    spec = written(tmp_path / "a.h5ad", sparse.csr_matrix(X))
    assert not [each for each in summarised(spec).findings if each.code == code]
    origin = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad")).uns["psmatch"]
    assert code in str(origin["findings"])


def test_what_rules_a_matrix_out_is_counted_in_all_cells(tmp_path, large):
    X = counts()
    seen = PreviewRows(N, 400 // RUNS).those_of(range(N))[7]
    X[[seen, unread()], 3] = np.nan
    found = summarised(written(tmp_path / "a.h5ad", sparse.csr_matrix(X)))
    assert found.matrices[0].bad_features == ((found.matrices[0].feature_names[3], 2),)
    assert not found.matrices[0].is_sampled


def test_findings_of_a_sample_say_so(tmp_path, large):
    X = counts()
    X[:, 5] = 4.0
    X[unread(), 5] = 3.0
    finding = next(each for each in summarised(written(tmp_path / "a.h5ad", X)).findings if each.code == "PM-M05")
    assert "constant over the cells that were read" in finding.problem
    assert finding.problem.endswith("(from 400 of 2,000 cells).")


def test_what_a_sample_shows_of_the_labels_says_so(tmp_path, large):
    adata = make_adata(n=N, n_features=12)
    adata.X = counts()
    adata.obs["label"] = np.random.default_rng(3).permutation(adata.obs["label"].to_numpy())
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = summarised(DataSpec(path=str(tmp_path / "a.h5ad"), label_key="label"))
    finding = next(each for each in found.findings if each.code == "PM-L17")
    assert finding.problem.endswith("(from 400 of 2,000 cells).")


def test_what_leaves_cells_out_reads_in_order():
    """Which cells are left is known only after all before: a source that changes its rows may not offer runs."""
    from psmatch_core.data.readers import chosen_cells, chosen_features, feature_types, label_table, zipped_table

    for module in (chosen_cells, chosen_features, feature_types, label_table, zipped_table):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, base.WrappedSource) and "rows" in vars(kind):
                assert vars(kind).keys() & {"n_stored", "run"}, kind
