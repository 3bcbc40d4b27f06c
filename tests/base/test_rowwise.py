"""A plan that computes its rows and one that stores its entries answer the same, and what the written plan says."""

import threading

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import rowwise
from psmatch_core.base.cores import CORES_VARIABLE, a_core
from psmatch_core.base.progress import StagePart
from psmatch_core.base.rowwise import RowwisePlan, SparsePlan

N, M = 31, 19


class Written(RowwisePlan):
    def __init__(self, P):
        self.P = P

    @property
    def shape(self):
        return self.P.shape

    def rows(self, start, stop):
        return self.P[start:stop]


class Stored(SparsePlan):
    def __init__(self, P):
        self.P = sparse.csr_matrix(P)

    def to_csr(self):
        return self.P


def written(density=0.4):
    P = sparse.random(N, M, density=density, random_state=0).toarray()
    P[3] = 0  # a cell without a match
    return P / P.sum()


@pytest.fixture(params=[Written, Stored])
def plan(request, monkeypatch):
    monkeypatch.setattr(rowwise, "TILE_VALUES", 7 * M)  # several tiles, the last one not full
    return request.param(written())


def test_pull_push_and_sums_are_those_of_the_matrix(plan):
    P, rng = written(), np.random.default_rng(1)
    x, y = rng.normal(size=(N, 3)), rng.normal(size=(M, 2))
    np.testing.assert_allclose(plan.pull(y), P @ y, atol=1e-14)
    np.testing.assert_allclose(plan.push(x), P.T @ x, atol=1e-14)
    for found, expected in zip(plan.sums(), (P.sum(axis=1), P.sum(axis=0)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_allclose(plan.rows(5, 9), P[5:9])


@pytest.mark.parametrize("n_cores", ["1", "3"])
@pytest.mark.parametrize("width", [1, 5, 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_many_features_of_any_type_are_carried_as_by_the_matrix(plan, width, dtype, n_cores, monkeypatch):
    monkeypatch.setattr(rowwise, "CHUNK_VALUES", 60)  # single precision is converted in parts
    monkeypatch.setenv(CORES_VARIABLE, n_cores)
    P, rng = written(), np.random.default_rng(2)
    x, y = ((rng.normal(size=(n, width)) * 9).astype(dtype) for n in (N, M))
    with a_core():
        np.testing.assert_allclose(plan.pull(y), P @ y, rtol=1e-6 if dtype == np.float32 else 1e-12, atol=1e-13)
        np.testing.assert_allclose(plan.push(x), P.T @ x, rtol=1e-6 if dtype == np.float32 else 1e-12, atol=1e-13)


@pytest.mark.parametrize(("width", "most", "rows"), [(1, 10**9, 7), (9, 10**9, 9), (400, 10**9, 12), (400, 10 * M, 10)])
def test_as_many_rows_as_features_are_carried_at_a_time_within_limits(width, most, rows, monkeypatch):
    for name, value in (("TILE_VALUES", 7 * M), ("CARRYING_ROWS", 12), ("CARRYING_VALUES", most)):
        monkeypatch.setattr(rowwise, name, value)
    asked = []

    class Watched(Written):
        def rows(self, start, stop):
            asked.append(stop - start)
            return super().rows(start, stop)

    Watched(written()).pull(np.ones((M, width)))
    assert max(asked) == rows
    assert sum(asked) == N


def test_effective_matches_are_the_exponential_of_the_entropy(plan):
    P = written()
    for row, found in enumerate(plan.count_effective()):
        p = P[row][P[row] > 0] / max(P[row].sum(), 1e-300)
        assert found == pytest.approx(np.exp(-(p * np.log(p)).sum()) if p.size else 0)


def test_top_is_the_sorted_row_and_padded(plan):
    index, share = plan.top(M + 5)
    assert index.shape == share.shape == (N, M)
    P = written()
    for row in range(N):
        order = np.argsort(-P[row], kind="stable")
        real = P[row, order] > 0
        assert index[row].tolist() == np.where(real, order, -1).tolist()
        np.testing.assert_allclose(share[row], P[row, order] / (P[row].sum() or 1))


def test_both_draw_the_same_matches_from_the_same_numbers():
    P = written()
    P[3, 5] = 1e-3  # every row has mass, so that both read one stream of random numbers
    draws = [each(P).sample(np.random.default_rng(2), 50) for each in (Written, Stored)]
    assert (draws[0] == draws[1]).all()
    assert (P[np.arange(N)[:, None], draws[0]] > 0).all()


def test_a_row_without_mass_draws_nothing(plan):
    assert (plan.sample(np.random.default_rng(2), 4)[3] == -1).all()


@pytest.mark.parametrize("n_cores", ["1", "3"])
def test_a_large_plan_tells_how_much_is_carried_and_carries_the_same(plan, n_cores, monkeypatch):
    monkeypatch.setenv(CORES_VARIABLE, n_cores)
    rng, thread = np.random.default_rng(4), threading.get_ident()
    x, y = rng.normal(size=(N, 40)), rng.normal(size=(M, 40))
    whole = plan.pull(y), plan.push(x)
    monkeypatch.setattr(rowwise, "CARRYING_VALUES", 1)  # some rows at a time
    monkeypatch.setattr(rowwise, "PRODUCTS", 12 * plan.to_csr().nnz if isinstance(plan, SparsePlan) else 1)
    for carry, values, expected in ((plan.pull, y, whole[0]), (plan.push, x, whole[1])):
        heard, threads = [], set()

        def hear(event, heard=heard, threads=threads):
            heard.append(event)
            threads.add(threading.get_ident())

        with a_core():
            found = carry(values, part=StagePart(hear, "translate", ""))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
        assert threads <= {thread}  # a page may draw it
        shares = [each.fraction for each in heard]
        assert shares == sorted(shares)
        assert all(each.message.endswith((f" of {N} cells", " of 40 features")) for each in heard)
        if n_cores == "1":  # else others may have carried all of it before this thread looks
            assert 0 < shares[-1] < 1
        if isinstance(plan, SparsePlan):
            np.testing.assert_array_equal(found, expected)


def test_drawing_from_a_large_plan_tells_its_rows(monkeypatch):
    monkeypatch.setattr(rowwise, "TILE_VALUES", 7 * M)
    heard = []
    Written(written()).sample(np.random.default_rng(0), part=StagePart(heard.append, "translate", ""))
    assert [each.message for each in heard] == [f"{done} of {N} cells" for done in (7, 14, 21, 28)]
