"""Cores: work side by side on all of them, never on more, and with the same answer for any number.

What computes takes a core (:func:`a_core`), and inside it every library has one thread, so that workers × threads =
cores. What only waits for parts of itself takes none (:func:`side_by_side`), so that folds within networks within
modalities may nest. Work that depends on its arguments alone (:func:`compute`) may take a core of another machine:
inside :func:`computing_on` an executor has them.
"""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import numpy as np

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.base.threads import one_thread

CORES_VARIABLE = "PSMATCH_CORES"
MOST_WAITING = 64  # threads of one call that wait for an executor; they compute nothing
WANTED_SECONDS = 0.2  # between two looks at whether work that somebody else does is still wanted
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


def side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], *, while_waiting: Callable[[], None] | None = None
) -> list[Result]:
    """``function`` of each item in the order of the items, computed side by side where there are cores.

    ``function`` takes a core (:func:`a_core`, :func:`compute`) for what it computes. Where this thread has one already,
    or there is only one, the items follow one another. The first error of an item is raised when those that run have
    ended; items that have not started then are left out, and so is what waits for a core within one.

    Parameters
    ----------
    while_waiting
        Called in this thread several times a second while others compute; may raise, to stop.
    """
    if len(items) < 2 or getattr(_CORES.mine, "has_one", False):
        return [function(each) for each in items]
    n_at_once = core_count() if _EXECUTOR.get() is None else MOST_WAITING
    if n_at_once == 1:
        with one_thread():  # entered once: it takes milliseconds
            return [function(each) for each in items]
    stop = threading.Event()
    with one_thread(), ThreadPoolExecutor(min(len(items), n_at_once)) as pool:
        outer = _STOPS.set((*_STOPS.get(), stop))
        futures = [pool.submit(copy_context().run, function, each) for each in items]
        _STOPS.reset(outer)
        try:
            if while_waiting is not None:
                while wait(futures, timeout=WANTED_SECONDS, return_when=FIRST_EXCEPTION).not_done:
                    if any(each.done() and each.exception() for each in futures):
                        break
                    while_waiting()
            return [each.result() for each in futures]
        except BaseException:
            stop.set()
            raise
        finally:
            for each in futures:
                each.cancel()


def with_idle_cores(
    function: Callable[[Item], Result], items: Sequence[Item], *, before_each: Callable[[], None] | None = None
) -> list[Result]:
    """``function`` of each item in the order of the items, by this thread and by one more for each core that is idle.

    For a computation on a core (:func:`a_core`) that consists of short parts, such as one step of a descent. Idle cores
    are taken for this call alone, and none are waited for. Who computes a part changes nothing. After an error no
    other part starts.

    Parameters
    ----------
    before_each
        Called in this thread before each part that it computes itself; may raise, to stop.
    """
    n_more = _take_idle(len(items) - 1) if getattr(_CORES.mine, "has_one", False) else 0
    results: list[Any] = [None] * len(items)
    left = iter(range(len(items)))
    lock = threading.Lock()

    def work(before: Callable[[], None] | None = None) -> None:
        nonlocal left
        try:
            while True:
                with lock:
                    at = next(left, None)
                if at is None:
                    return
                if before is not None:
                    before()
                results[at] = function(items[at])
        except BaseException:
            with lock:
                left = iter(range(0))
            raise

    def help_out() -> None:
        _CORES.mine.has_one = True  # a part that asks for a core has this one; the threads of BLAS are limited already
        work()

    if not n_more:
        work(before_each)
        return results
    try:
        with ThreadPoolExecutor(n_more) as pool:
            helpers = [pool.submit(help_out) for _ in range(n_more)]
            work(before_each)
        for each in helpers:
            each.result()
    finally:
        with _CORES.changed:
            _CORES.n_taken -= n_more
            _CORES.changed.notify_all()
    return results


def _take_idle(n_wanted: int) -> int:
    """How many idle cores were taken, at most ``n_wanted``."""
    with _CORES.changed:
        n_idle = max(0, min(core_count() - _CORES.n_taken, n_wanted))
        _CORES.n_taken += n_idle
    return n_idle


def has_cores_for_more_than(n_parts: int) -> bool:
    """Whether so many parts, computed side by side, would leave a core idle, here or on an executor."""
    return _EXECUTOR.get() is not None or core_count() > n_parts


class Workers(Executor):
    """An executor whose workers share no memory with this process: what many parts read travels to them once."""

    @abstractmethod
    def compute(
        self, function: Callable[..., Any], data: Sequence[Any], arguments: Sequence[Any], progress: Progress | None
    ) -> Any:
        """As :func:`compute`."""

    @abstractmethod
    def remember_part(self, part: Any, whole: Any, choices: Sequence[tuple[int, np.ndarray]]) -> None:
        """Know that ``part`` follows from ``whole`` by these choices: pairs of an axis and positions along it."""

    @abstractmethod
    def forget(self, values: Sequence[Any]) -> None:
        """Let go of what has travelled and is not needed there again."""


_EXECUTOR: ContextVar[Executor | None] = ContextVar("executor", default=None)
_STOPS: ContextVar[tuple[threading.Event, ...]] = ContextVar("stops", default=())


@contextmanager
def computing_on(executor: Executor | None) -> Iterator[None]:
    """Inside, :func:`compute` gives its work to this executor; None changes nothing."""
    if executor is None:
        yield
        return
    outer = _EXECUTOR.set(executor)
    try:
        yield
    finally:
        _EXECUTOR.reset(outer)


def current_executor() -> Executor | None:
    """The executor of :func:`computing_on`; None on the cores here."""
    return _EXECUTOR.get()


def workers() -> Workers | None:
    """The workers that would do what this thread computes; None if it computes here."""
    executor = _EXECUTOR.get()
    return executor if isinstance(executor, Workers) and not getattr(_CORES.mine, "has_one", False) else None


def compute(
    function: Callable[..., Result], data: Sequence[Any], *arguments: Any, progress: Progress | None = None
) -> Result:
    """``function(*data, *arguments)`` on one core with one thread, of this machine or of an executor's.

    Parameters
    ----------
    function
        Depends on its arguments alone and changes none of them, so that the answer is the same wherever it is computed.
        It can be imported by its name there.
    data
        What other parts read too, such as the features ``(n_cells, n_features)``: it travels to a cluster once.
    progress
        If given, the function gets one as ``progress``. An executor that is no cluster reports nothing on the way.

    Raises
    ------
    Cancelled
        If a part of the same work has failed or was cancelled, so that this one is not needed.
    """
    if is_unwanted():
        raise Cancelled
    executor = _EXECUTOR.get()
    if executor is None or getattr(_CORES.mine, "has_one", False):
        return on_a_core(function, (*data, *arguments), progress)
    if (others := workers()) is not None:
        found: Result = others.compute(function, data, arguments, progress)
        return found
    future = executor.submit(on_a_core, function, (*data, *arguments), None if progress is None else silent)
    try:
        while not wait([future], timeout=WANTED_SECONDS).done:
            if is_unwanted():
                raise Cancelled
        return future.result()
    finally:
        future.cancel()


def on_a_core(function: Callable[..., Result], arguments: Sequence[Any], progress: Progress | None = None) -> Result:
    """``function(*arguments)`` on a core of this process, with ``progress`` if there is one."""
    with a_core():
        return function(*arguments) if progress is None else function(*arguments, progress=progress)


def is_unwanted() -> bool:
    """Whether the work that this thread is a part of has failed elsewhere, or was cancelled."""
    return any(each.is_set() for each in _STOPS.get())


def part_of(X: Any, *, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> Any:
    """Some rows and columns of a matrix, by positions or masks; a cluster that has the matrix gets only the choice."""
    choices = [(axis, chosen) for axis, chosen in enumerate((rows, columns)) if chosen is not None]
    part = choose(X, choices)
    executor = _EXECUTOR.get()
    if isinstance(executor, Workers):
        executor.remember_part(part, X, choices)
    return part


def choose(X: Any, choices: Sequence[tuple[int, np.ndarray]]) -> Any:
    """The rows (axis 0) and columns (axis 1) of a matrix, chosen one after the other."""
    for axis, chosen in choices:
        X = X[chosen] if axis == 0 else X[:, chosen]
    return X
