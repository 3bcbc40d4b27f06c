"""Threads: one per worker, since the matrices of a classifier are too small to be shared among cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and torch to one thread.

    Measured on two cores: the ridge path of 600 × 600 features takes 80 s on two threads, which wait for each other,
    and 3 s on one.
    """
    import torch  # heavy: only when something is trained
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
