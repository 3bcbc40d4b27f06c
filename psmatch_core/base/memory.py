"""Memory: what was freed goes back to the system, so that the next stage does not take its own beside it."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # of mallopt(3), malloc.h
LARGE = 2**22  # bytes; with 2**20 no less memory was taken, and 5 % more processor time
ARENAS = 2
# New objects between two looks for circles of them. Python's 700 are reached hundreds of times while libraries load,
# whose objects all stay: a tenth of the processor time of loading. With 100,000 it was no less.
OBJECTS_BETWEEN_LOOKS = 10_000
# From so many cells on, circles of objects may hold gigabytes until Python looks for them; a look takes 0.2 s.
CELLS_WORTH_A_LOOK = 20_000


def free_arrays_at_once(at_least: int = LARGE) -> None:
    """From now on give arrays of this size or more [bytes] back to the system when they are freed.

    The C library of Linux learns from the first large array that is freed to keep all of up to 32 MB, in as many heaps
    as there were threads, between small pieces that stay. For the process of a command or of the app, at its start.
    Nothing happens elsewhere.

    Source: ``mallopt(3)``.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
            change = ctypes.CDLL("libc.so.6").mallopt
            for what, value in ((_MMAP_THRESHOLD, at_least), (_TRIM_THRESHOLD, at_least), (_ARENA_MAX, ARENAS)):
                change(what, value)


def look_for_circles_rarely() -> None:
    """From now on let Python look less often for objects that only refer to each other, and not at all at the end.

    All other objects are freed at once as ever. For the process of a command: when it ends, Python would go through
    all that was loaded several times (half a second of processor time), though the system takes the memory back.
    """
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def give_back_memory() -> None:
    """Give freed memory back to the system; the C library of Linux would keep it. Nothing happens elsewhere.

    Source: ``malloc_trim(3)``.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def free_after_stage(n_cells: int) -> None:
    """Give back what a stage of a run has left behind, so that the next one does not take its own beside it.

    Parameters
    ----------
    n_cells
        Of both modalities; of many, objects that only refer to each other, such as trained networks, are looked for.
    """
    if n_cells >= CELLS_WORTH_A_LOOK:
        gc.collect()
    give_back_memory()
