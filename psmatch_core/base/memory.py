"""Memory: what a stage has freed goes back to the system before the next one takes its own."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back_memory() -> None:
    """Give freed memory back to the system; the C library of Linux would keep it. Nothing happens elsewhere.

    Source: ``malloc_trim(3)``.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL("libc.so.6").malloc_trim(0)
