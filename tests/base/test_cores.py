"""Cores: never more at work than there are, the same answer for any number, and no thread left limited."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from psmatch_core.base import cores as cores_module
from psmatch_core.base.cores import (
    CORES_VARIABLE,
    a_core,
    background_cores,
    compute,
    computing_on,
    core_count,
    side_by_side,
    with_idle_cores,
)
from psmatch_core.base.errors import PsmatchError


@pytest.fixture(params=[1, 2, 3])
def cores(request, monkeypatch):
    monkeypatch.setenv(CORES_VARIABLE, str(request.param))
    return request.param


class Busy:
    """How many are at work now, and the most that were."""

    def __init__(self):
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __enter__(self):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_):
        with self.lock:
            self.now -= 1


def test_results_come_in_the_order_of_the_items(cores):
    assert side_by_side(lambda each: each**2, range(20)) == [each**2 for each in range(20)]


def test_parts_of_a_computation_take_the_cores_that_are_idle_and_give_them_back(cores):
    busy, both = Busy(), threading.Barrier(cores)

    def part(each):
        with busy:
            if each < cores:
                both.wait(timeout=60)  # only a core of its own lets each of these go on
            return each**2

    with a_core():
        assert with_idle_cores(part, range(9)) == [each**2 for each in range(9)]
    assert busy.most == cores
    assert cores_module._CORES.n_taken == 0


def test_parts_wait_for_no_core_and_take_none_without_one(cores):
    busy = Busy()

    def part(each):
        with busy:
            return each + 1

    def whole(_):
        with a_core():
            return with_idle_cores(part, range(5))

    assert side_by_side(whole, range(cores)) == [[1, 2, 3, 4, 5]] * cores
    assert busy.most <= cores
    assert with_idle_cores(part, range(3)) == [1, 2, 3]  # a thread without a core computes alone


def test_a_part_that_fails_is_raised_once_the_others_have_ended(cores):
    def part(each):
        if each == 3:
            raise PsmatchError("The third part failed.", hint="Try another.")
        return each

    with a_core(), pytest.raises(PsmatchError, match="third part"):
        with_idle_cores(part, range(6))
    assert cores_module._CORES.n_taken == 0


def test_a_look_before_each_part_is_taken_by_the_thread_that_asks_and_may_end_the_work(cores):
    own, asked, done = threading.get_ident(), threading.Event(), []

    def look():
        assert threading.get_ident() == own
        asked.set()
        raise InterruptedError

    def part(each):
        assert asked.wait(timeout=60)
        done.append(each)

    with a_core(), pytest.raises(InterruptedError):
        with_idle_cores(part, range(10_000), before_each=look)
    assert len(done) < cores  # each other thread ends after its part
    assert cores_module._CORES.n_taken == 0


def test_work_within_work_never_takes_more_cores_than_there_are(cores):
    busy = Busy()

    def leaf(_):
        with a_core(), busy:
            return float(np.linalg.svd(np.ones((60, 60)))[1][0])

    def fold(_):
        return sum(side_by_side(leaf, range(4)))

    found = side_by_side(lambda _: sum(side_by_side(fold, range(3))), range(3))
    assert np.allclose(found, 3 * 4 * 60)
    assert busy.now == 0
    assert 1 <= busy.most <= cores


def test_as_many_work_at_once_as_there_are_cores(cores):
    meeting = threading.Barrier(cores, timeout=60)  # breaks unless all of them are there together

    def leaf(_):
        with a_core():
            return meeting.wait()

    assert sorted(side_by_side(leaf, range(cores))) == list(range(cores))


def test_who_has_a_core_may_take_one_again(cores):
    def outer(_):
        with a_core():
            return side_by_side(inner, range(3))

    def inner(each):
        with a_core():
            return each

    assert side_by_side(outer, range(4)) == [[0, 1, 2]] * 4


def test_on_a_core_every_library_has_one_thread_and_afterwards_as_many_as_before(cores):
    def threads(_=None):
        pools = [each for each in threadpool_info() if each["user_api"] in ("blas", "openmp")]  # others read files
        return {torch.get_num_threads(), *(each["num_threads"] for each in pools)}

    def leaf(_):
        with a_core():
            return threads()

    before = threads()
    assert side_by_side(leaf, range(6)) == [{1}] * 6
    assert threads() == before


def test_an_error_is_raised_and_gives_its_core_back(cores):
    def fails(each):
        with a_core():
            return 1 / each

    with pytest.raises(ZeroDivisionError):
        side_by_side(fails, [1, 0, 1])
    assert side_by_side(fails, [1, 2]) == [1, 0.5]


def test_work_in_the_background_leaves_a_core_free_where_there_are_three(monkeypatch):
    for n_cores, expected in ((1, 1), (2, 2), (3, 2), (8, 7)):
        monkeypatch.setattr(cores_module, "core_count", lambda _, n_cores=n_cores: n_cores)
        assert background_cores({}) == expected
        assert background_cores({CORES_VARIABLE: str(n_cores)}) == n_cores  # as asked for


def test_the_variable_decides_and_must_be_a_number_of_cores():
    assert core_count({CORES_VARIABLE: " 3 "}) == 3
    assert core_count({}) >= 1
    for text in ("0", "-1", "many", "1.5"):
        with pytest.raises(PsmatchError, match="no number of cores") as caught:
            core_count({CORES_VARIABLE: text})
        assert caught.value.hint == "Write it like 4."


def square(each):
    return each**2


def test_an_executor_computes_what_the_cores_here_would(cores):
    with ThreadPoolExecutor(2) as pool, computing_on(pool):
        assert side_by_side(lambda each: compute(square, (each,)), range(20)) == [each**2 for each in range(20)]
        with pytest.raises(TypeError):
            compute(square, ("x",))


def test_work_that_waits_for_a_core_when_another_part_fails_is_left_out(monkeypatch):
    monkeypatch.setenv(CORES_VARIABLE, "2")
    is_failing, done = threading.Event(), []

    def part(each):
        if not each:
            is_failing.set()
            raise ZeroDivisionError
        is_failing.wait()
        while True:  # until it is told that nobody wants it
            done.append(compute(square, (each,)))

    with pytest.raises(ZeroDivisionError):
        side_by_side(part, [0, 1])
