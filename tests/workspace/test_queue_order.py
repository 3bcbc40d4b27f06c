"""The order of the queue: short work first, and nobody waits for ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.workspace.queue_order import PATIENCE, SHORT_SECONDS, Ticket, in_order, n_ahead_of


def names(tickets: list[Ticket]) -> str:
    return " ".join(each.name for each in tickets)


def test_equal_work_is_served_as_it_comes() -> None:
    assert names(in_order([Ticket("c", 3), Ticket("a", 1), Ticket("b", 2)])) == "a b c"


def test_short_work_passes_long_work_that_has_not_begun() -> None:
    waiting = [Ticket("training", 0, 600), Ticket("match", 60, 20)]
    assert names(in_order(waiting)) == "match training"
    assert names(in_order([replace(waiting[0], works=True), waiting[1]])) == "training match"


def test_long_work_is_passed_by_nobody_once_it_has_waited_three_times_its_own_seconds() -> None:
    long = Ticket("long", 0, 600)
    assert names(in_order([long, Ticket("short", PATIENCE * 600 - 1, 0)])) == "short long"
    assert names(in_order([long, Ticket("short", PATIENCE * 600 + 1, 0)])) == "long short"


def test_who_comes_first_goes_first_where_both_are_due_at_once() -> None:
    assert names(in_order([Ticket("b", 30, 0), Ticket("a", 0, 10)])) == "a b"


def test_one_place_beside_the_others_is_for_short_work() -> None:
    """A match of known scores need not wait for the training of somebody else that has begun."""
    training, other = Ticket("training", 0, 600, works=True), Ticket("other", 10, 500)
    match, second = Ticket("match", 20, 10), Ticket("second", 21, 10)
    queue = [training, other, match, second]
    assert [n_ahead_of(each, queue, at_once=1) for each in queue] == [0, 3, 0, 1]
    begun, overdue = replace(match, works=True), replace(other, arrived=-9999)
    queue = [training, begun, overdue, second]
    assert n_ahead_of(second, queue, at_once=1) == 1
    assert n_ahead_of(overdue, queue, at_once=1) == 1  # the place beside is not for long work


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 900)), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_laws_of_a_whole_day(jobs: list[tuple[float, float]], at_once: int) -> None:
    """A simulated queue: all are served, no more work at once than may, and nobody is passed for too long."""
    waiting = [Ticket(f"{number}", arrived, seconds) for number, (arrived, seconds) in enumerate(jobs)]
    working: dict[Ticket, float] = {}  # when each ends
    begun: dict[str, float] = {}
    now = 0.0
    while waiting or working:
        here = [each for each in waiting if each.arrived <= now]
        started = next((each for each in here if n_ahead_of(each, [*working, *here], at_once) == 0), None)
        if started is not None:
            waiting.remove(started)
            working[replace(started, works=True)] = now + started.seconds
            begun[started.name] = now
            assert len(working) <= at_once + 1
            assert sum(not each.is_short for each in working) <= at_once
            continue
        times = [*working.values(), *(each.arrived for each in waiting if each.arrived > now)]
        assert times, "nobody works, and somebody waits"
        now = min(times)
        working = {each: end for each, end in working.items() if end > now}
    tickets = [Ticket(f"{number}", *job) for number, job in enumerate(jobs)]
    for one in tickets:
        for other in tickets:
            passed = one.arrived <= begun[other.name] < begun[one.name]
            if passed and not other.is_short:
                assert other.due <= one.due


def test_a_stream_of_short_work_does_not_keep_long_work_out() -> None:
    rng = np.random.default_rng(0)
    long = Ticket("long", 0, 100)
    shorts = [Ticket(f"{k}", float(5 * k), SHORT_SECONDS) for k in range(400)]  # more than one place can serve
    working: dict[Ticket, float] = {}
    waiting = [long, *shorts]
    for now in range(2000):
        working = {each: end for each, end in working.items() if end > now}
        here = [each for each in waiting if each.arrived <= now]
        rng.shuffle(here)  # workers look in any order
        for each in here:
            if n_ahead_of(each, [*working, *(one for one in waiting if one.arrived <= now)], at_once=1) == 0:
                waiting.remove(each)
                working[replace(each, works=True)] = now + each.seconds
        if long not in waiting:
            break
    assert now <= PATIENCE * long.seconds + 2 * SHORT_SECONDS


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_as_many_work_as_there_are_places(at_once: int) -> None:
    queue = [Ticket(f"{k}", k, 100, works=k < at_once) for k in range(at_once + 3)]
    assert [n_ahead_of(each, queue, at_once) for each in queue] == [*[0] * at_once, 1, 2, 3]
