"""Mapped matrices: those of scipy in all that is asked of them, but not in memory."""

import copy
import os
import pickle
import tempfile
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from psmatch_core.base import mapped_rows as module
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.mapped_rows import is_mapped, is_worth_mapping, mapped_rows, release, row_blocks, rows_of


def drawn(n=40, d=12, dtype=np.float32, seed=0, share=0.3):
    X = sparse.random(n, d, density=share, format="csr", random_state=np.random.default_rng(seed))
    X.data = np.ceil(9 * X.data)
    return X.astype(dtype)


def mapped(X, step=7, most_stored=None):
    blocks = (X[start : start + step] for start in range(0, X.shape[0], step))
    return mapped_rows(blocks, X.shape[1], most_stored=X.nnz if most_stored is None else most_stored)


def equal(one, other):
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(0, 50),
    d=st.integers(1, 20),
    step=st.integers(1, 60),
    share=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    dtype=st.sampled_from([np.float32, np.float64, np.int16, np.uint8]),
    seed=st.integers(0, 9),
)
def test_blocks_make_the_matrix_that_they_are_parts_of(n, d, step, share, dtype, seed):
    X = drawn(n, d, dtype, seed, share)
    found = mapped(X, step)
    equal(found, X) if n else None
    assert found.shape == X.shape
    assert is_mapped(found) == bool(X.nnz)
    assert not is_mapped(X)


def test_what_is_computed_of_it_is_what_is_computed_of_the_matrix_in_memory():
    X = drawn(seed=3)
    found = mapped(X)
    keep = np.arange(40) % 3 == 0
    for each in (lambda M: M[keep], lambda M: M[:, [3, 0, 5]], lambda M: M[4:20], lambda M: M.tocsc().tocsr()):
        equal(each(found), each(X))
    assert found.min() == X.min()
    np.testing.assert_array_equal(found.sum(axis=1), X.sum(axis=1))
    np.testing.assert_array_equal(found @ np.eye(12), X @ np.eye(12))
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        equal(again, X)


def test_nobody_can_change_it():
    for part in ("data", "indices", "indptr"):
        assert not getattr(mapped(drawn()), part).flags.writeable


def test_unsorted_entries_are_said():
    unsorted = sparse.csr_matrix((np.ones(2, np.float32), np.array([3, 1]), np.array([0, 2])), shape=(1, 5))
    assert not mapped_rows([unsorted], 5, most_stored=2).has_canonical_format
    assert mapped(drawn()).has_canonical_format


def test_indices_are_wide_only_where_their_number_is_large():
    X = drawn()
    for most, dtype in ((X.nnz, np.int32), (2**31 - 1, np.int32), (2**31, np.int64)):
        found = mapped(X, most_stored=most)
        np.testing.assert_array_equal(found.toarray(), X.toarray())
        assert found.indices.base is not None
        assert found.indices.dtype == dtype or most > X.nnz  # scipy may narrow what is small enough


def test_values_stay_when_their_pages_are_released():
    X = drawn(seed=1)
    found = mapped(X)
    for _ in range(3):
        release(found)
        equal(found, X)
    release(X)  # of a matrix in memory nothing is
    equal(found, X)


@pytest.mark.parametrize("per_row", [0, 5])
def test_blocks_are_consecutive_rows_and_all(per_row, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_VALUES", 30)
    X = drawn()
    for each in (X, mapped(X), X.toarray()):
        blocks = list(row_blocks(each, per_row=per_row))
        assert len(blocks) > 5
        lengths = [rows.shape[0] for _, rows in blocks]
        assert [start for start, _ in blocks] == [0, *np.cumsum(lengths)[:-1].tolist()]
        whole = np.vstack([rows.toarray() if sparse.issparse(rows) else rows for _, rows in blocks])
        np.testing.assert_array_equal(whole, X.toarray())


def test_rows_that_are_kept_are_mapped_if_they_are_many(monkeypatch):
    X = drawn()
    keep = np.arange(40) % 4 != 1
    monkeypatch.setattr(module, "CHUNK_VALUES", 30)
    for least, stays in ((0, True), (10**9, False)):
        monkeypatch.setattr(module, "LEAST_MAPPED", least)
        kept = rows_of(mapped(X), keep)
        equal(kept, X[keep])
        assert is_mapped(kept) == stays
    assert not is_mapped(rows_of(X, keep))


def test_the_file_has_no_name_and_goes_with_the_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = mapped(drawn())
    assert not list(tmp_path.iterdir())
    maps = Path(f"/proc/{os.getpid()}/maps")
    if maps.exists():
        assert str(tmp_path) in maps.read_text()
        del found
        assert str(tmp_path) not in maps.read_text()


def test_a_small_matrix_and_one_without_room_on_the_disk_stay_in_memory(monkeypatch):
    assert not is_worth_mapping(module.LEAST_MAPPED - 1)
    assert is_worth_mapping(0) is (module.LEAST_MAPPED <= 0)
    assert not is_worth_mapping(10**18)
    monkeypatch.setattr(module, "LEAST_MAPPED", 0)
    assert is_worth_mapping(100)


def test_a_full_disk_is_said(monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no file that is always full")
    monkeypatch.setattr(module, "_file", partial(open, "/dev/full", "wb+", buffering=0))
    with pytest.raises(PsmatchError, match="disk is full: a temporary file of values could"):
        mapped(drawn())


def test_memory_holds_a_block_of_the_values(monkeypatch):
    """Bytes that Python and numpy hold, which no other work on the machine changes."""
    monkeypatch.setattr(module, "CHUNK_VALUES", 20_000)
    X = drawn(20_000, 200, share=0.25)  # 1,000,000 stored values: 8 MB
    found = mapped(X, step=400)
    tracemalloc.start()
    total = sum(float(rows.data.sum()) for _, rows in row_blocks(found))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == X.data.sum(dtype=np.float64)
    assert peak < X.data.nbytes / 4
