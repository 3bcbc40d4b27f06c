"""Cores: work side by side on all of them, never on more, and with the same answer for any number.

What computes takes a core (:func:`a_core`), and inside it every library has one thread, so that workers × threads =
cores. What only waits for parts of itself takes none (:func:`side_by_side`), so that folds within networks within
modalities may nest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.threads import one_thread

CORES_VARIABLE = "PSMATCH_CORES"
Item = TypeVar("Item")
Result = TypeVar("Result")


class _Cores:
    """The cores of this process, handed out one at a time."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.n_taken = 0
        self.mine = threading.local()


_CORES = _Cores()


def core_count(environment: Mapping[str, str] = os.environ) -> int:
    """How many cores the work may use: ``PSMATCH_CORES``, or all that this process may run on.

    Raises
    ------
    PsmatchError
        If the variable is no whole number above 0.
    """
    asked = environment.get(CORES_VARIABLE, "").strip()
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise PsmatchError(f"{CORES_VARIABLE} is {asked!r}, which is no number of cores.", hint="Write it like 4.")
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def background_cores(environment: Mapping[str, str] = os.environ) -> int:
    """How many cores work in the background may use: as asked for, else all but one where there are more than two."""
    n_cores = core_count(environment)
    return n_cores if environment.get(CORES_VARIABLE, "").strip() or n_cores < 3 else n_cores - 1


@contextmanager
def a_core() -> Iterator[None]:
    """Wait for a free core and compute on it, with one thread in every library; inside itself it waits for nothing."""
    if getattr(_CORES.mine, "has_one", False):
        yield
        return
    with _CORES.changed:
        _CORES.changed.wait_for(lambda: _CORES.n_taken < core_count())
        _CORES.n_taken += 1
    _CORES.mine.has_one = True
    try:
        with one_thread():
            yield
    finally:
        _CORES.mine.has_one = False
        with _CORES.changed:
            _CORES.n_taken -= 1
            _CORES.changed.notify()


def side_by_side(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """``function`` of each item in the order of the items, computed side by side where there are cores.

    ``function`` takes a core (:func:`a_core`) for what it computes. Where this thread has one already, or there is only
    one, the items follow one another. The first error of an item is raised when those that run have ended; items that
    have not started then are left out.
    """
    if len(items) < 2 or getattr(_CORES.mine, "has_one", False):
        return [function(each) for each in items]
    if core_count() == 1:
        with one_thread():  # entered once: it takes milliseconds
            return [function(each) for each in items]
    with one_thread(), ThreadPoolExecutor(min(len(items), core_count())) as pool:
        futures = [pool.submit(function, each) for each in items]
        try:
            return [each.result() for each in futures]
        finally:
            for each in futures:
                each.cancel()
