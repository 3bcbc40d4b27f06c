"""Threads: workers × threads = cores. The matrices of a classifier are too small to share among cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS, OpenMP and torch to one thread: 600 × 600 problems take 15 times longer on two that wait for each other."""
    import torch  # heavy: only where something is trained
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
