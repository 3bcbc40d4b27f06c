"""The loops over a stored kernel against numpy, in both precisions; and memory that is reused from step to step."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.transport import SolveOptions, SolvePath, resolve, solve
from psmatch_core.transport.kernels import in_memory

N, M = 70, 1100  # more columns than one chunk of a dense sum


@pytest.fixture(params=[np.float32, np.float64])
def kernel(request: pytest.FixtureRequest) -> sparse.csr_matrix:
    rng = np.random.default_rng(0)
    reduced = sparse.random(N, M, density=0.2, random_state=0, format="csr", dtype=np.float64)
    reduced.data = rng.gamma(2.0, size=reduced.nnz)
    return reduced.astype(request.param)


def loosely(dtype: np.dtype) -> float:
    return 2e-6 if dtype == np.float32 else 1e-12


def test_values_are_exponentials_of_reduced_costs(kernel: sparse.csr_matrix) -> None:
    rng = np.random.default_rng(1)
    kind = kernel.dtype.type
    rows, columns = rng.normal(size=N).astype(kind), rng.normal(size=M).astype(kind)
    out = np.empty_like(kernel.data)
    in_memory.kernel_values(kernel.indptr, kernel.indices.astype(np.uint32), kernel.data, rows, columns, kind(3.0), out)
    i = np.repeat(np.arange(N), np.diff(kernel.indptr))
    wanted = np.exp(rows[i].astype(float) + columns[kernel.indices] - 3.0 * kernel.data.astype(float))
    np.testing.assert_allclose(out, wanted, rtol=20 * loosely(kernel.dtype))


def test_dense_and_sparse_passes_agree_with_numpy(kernel: sparse.csr_matrix) -> None:
    rng = np.random.default_rng(2)
    w, p = rng.random(M), rng.random(N)
    dense = kernel.toarray()
    s = dense.astype(float) @ w
    wanted = s, p / s, (p / s) @ dense.astype(float)
    for held in ((dense,), (kernel.indptr, kernel.indices.astype(np.uint32), kernel.data)):
        found = np.empty(N), np.empty(N), np.empty(M)
        in_memory.run_pass(held, w, p, -1.0, *found)
        for got, expected in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=10 * loosely(kernel.dtype))


def test_narrowing_keeps_what_matters_to_a_row_or_a_column(kernel: sparse.csr_matrix) -> None:
    rng = np.random.default_rng(3)
    kind = kernel.dtype.type
    rows, columns = rng.normal(size=N).astype(kind), rng.normal(size=M).astype(kind)
    row_floors, floors = rng.normal(size=N).astype(kind) - 5, rng.normal(size=M).astype(kind) - 5
    i = np.repeat(np.arange(N), np.diff(kernel.indptr))
    exponents = rows[i].astype(float) + columns[kernel.indices] - 3.0 * kernel.data
    above = exponents - np.minimum(row_floors[i], floors[kernel.indices])
    kernel.data[np.abs(above) < 1e-3] -= kind(0.1)  # no entry is so close to its floor that rounding decides
    kept = (above > 0) | (np.abs(above) < 1e-3)
    assert 0 < kept.sum() < kept.size
    support = kernel.indptr, kernel.indices.astype(np.uint32), kernel.data
    indptr = np.empty_like(kernel.indptr)
    indices, reduced = np.empty(kernel.nnz + 1, np.uint32), np.empty(kernel.nnz + 1, kind)
    in_memory.narrow_support(*support, rows, columns, kind(3.0), row_floors, floors, indptr, indices, reduced)
    np.testing.assert_array_equal(np.diff(indptr), np.bincount(i[kept], minlength=N))
    np.testing.assert_array_equal(indices[: indptr[-1]], kernel.indices[kept])
    np.testing.assert_array_equal(reduced[: indptr[-1]], kernel.data[kept])


def test_one_iteration_in_logarithms_puts_the_columns_right(kernel: sparse.csr_matrix) -> None:
    """From potentials so far off that no exponential of them could be formed."""
    a, b = np.full(N, 1 / N), np.full(M, 1 / M)
    rows, columns = np.full(N, 1e4), np.linspace(-2e3, 2e3, M)
    in_memory.sparse_log_sinkhorn(
        kernel.indptr, kernel.indices.astype(np.uint32), kernel.data, rows, columns, np.log(a), np.log(b),
        kernel.dtype.type(3.0),
    )  # fmt: skip
    i = np.repeat(np.arange(N), np.diff(kernel.indptr))
    mass = a[i] * b[kernel.indices] * np.exp(rows[i] + columns[kernel.indices] - 3.0 * kernel.data.astype(float))
    sums = np.bincount(kernel.indices, weights=mass, minlength=M)
    held = np.bincount(kernel.indices, minlength=M) > 0
    # float32 holds exponents of two thousand to a ten-thousandth
    np.testing.assert_allclose(sums[held], b[held], rtol=1e-3 if kernel.dtype == np.float32 else 1e-9)


def test_entries_above_a_level_are_counted_as_scaled(kernel: sparse.csr_matrix) -> None:
    rng = np.random.default_rng(4)
    u, v = rng.random(N), rng.random(M)
    dense = kernel.toarray()
    counted = in_memory.count_scaled_above(dense, u, v, 0.7)
    assert abs(counted - (u[:, None] * dense * v > 0.7).sum()) <= 1  # one may lie at the level to rounding


def test_a_dense_step_takes_over_the_memory_and_does_not_change_the_previous_result() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(300, 4)), rng.normal(size=(280, 4))
    first = resolve(solve(x, y, 2.0), 1.9)
    assert first.path == SolvePath.DENSE
    memory, top = first.plan.reusable.buffer.array, first.top(3)
    assert memory is not None
    second = resolve(first, 1.8)
    assert second.plan.reusable.buffer.array is memory
    assert first.plan.reusable.buffer.array is None
    for before, after in zip(top, first.top(3), strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-12)
    exact = solve(x, y, 1.8, options=SolveOptions(tolerance=1e-6))
    for found, known in ((second.f, exact.f), (second.g, exact.g)):  # a constant may go from one to the other
        np.testing.assert_allclose(found - found.mean(), known - known.mean(), atol=0.02)
    np.testing.assert_allclose(second.f.mean() + second.g.mean(), exact.f.mean() + exact.g.mean(), atol=0.02)
