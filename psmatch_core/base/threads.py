"""Threads: one per worker, since the matrices of a classifier are too small to be shared among cores."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

_LOCK = threading.Lock()
_INSIDE: list[object] = []  # the workers that are inside now
_BLAS = ExitStack()  # gives the threads of BLAS back, which are those of the process, when the last worker leaves


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and torch (if it is loaded) to one thread: BLAS until the last worker that is inside leaves.

    Measured on two cores: the ridge path of 600 × 600 features takes 80 s on two threads, which wait for each other,
    and 3 s on one.
    """
    me = object()
    with _LOCK:
        if not _INSIDE:
            _BLAS.enter_context(_controller(len(sys.modules)).limit(limits=1, user_api="blas"))
        _INSIDE.append(me)
    try:
        with ExitStack() as mine:
            _limit_this_thread(mine)
            yield
    finally:
        with _LOCK:
            _INSIDE.remove(me)
            if not _INSIDE:
                _BLAS.close()


def _limit_this_thread(until: ExitStack) -> None:
    """Limit OpenMP and torch, whose limits hold for the thread that sets them."""
    until.enter_context(_controller(len(sys.modules)).limit(limits=1, user_api="openmp"))
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "set_num_threads"):  # else it is not loaded, or not yet to the end
        until.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)


@lru_cache(maxsize=1)
def _controller(n_modules: int) -> Any:
    """What knows the libraries of this process; looked for again once more modules are loaded, as it takes a while."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
