"""Memory: what was freed in small pieces is no longer held by the process."""

import gc
import subprocess
import sys
import weakref

import pytest

from psmatch_core.base.memory import CELLS_WORTH_A_LOOK, free_after_stage

CODE = """
from psmatch_core.base.memory import give_back_memory
from pathlib import Path
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
pieces = [bytes(50_000) for _ in range(2_000)]  # 100 MB, each too small to be mapped for itself
last = bytes(50_000)  # lies above them, so that the heap cannot shrink
held = pages()
del pieces
give_back_memory()
print((held - pages()) * 4096 // 10**6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux keeps what was freed")
def test_freed_memory_goes_back():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 80


HEAPS = """
import sys
import numpy as np
from psmatch_core.base.memory import free_arrays_at_once
from pathlib import Path
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
if sys.argv[1] == "at once":
    free_arrays_at_once(int(sys.argv[2]) // 4)
for size in (8_000_000, 20_000_000):
    np.ones(size, dtype=np.uint8)  # freed: from it the C library learns to keep arrays of that size
kept, arrays = [], []
for _ in range(20):
    arrays += [np.ones(int(sys.argv[2]), dtype=np.uint8) for _ in range(10_000_000 // int(sys.argv[2]))]
    kept.append(bytes(50_000))  # lies between two arrays, so that the heap cannot shrink
held = pages()
del arrays
print((held - pages()) * 4096 // 10**6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux keeps what was freed")
@pytest.mark.parametrize("size", ["10000000", "500000"])
def test_arrays_go_back_when_they_are_freed(size):
    freed = [
        int(subprocess.run([sys.executable, "-c", HEAPS, how, size], capture_output=True, text=True, check=True).stdout)
        for how in ("at once", "as ever")
    ]
    assert freed[0] >= 199  # all of 200 MB
    assert freed[1] < 50


CIRCLES = """
import gc, sys
from psmatch_core.base.memory import look_for_circles_rarely
if sys.argv[1] == "rarely":
    look_for_circles_rarely()
began = gc.get_stats()[0]["collections"]
kept = [[] for _ in range(100_000)]
print(gc.get_stats()[0]["collections"] - began)
class Circle:
    def __init__(self):
        self.me = self
    def __del__(self):
        print("looked for circles at the end", flush=True)
Circle()
"""


def test_objects_that_stay_are_looked_through_rarely_and_not_at_the_end():
    rarely, often = (
        subprocess.run([sys.executable, "-c", CIRCLES, how], capture_output=True, text=True, check=True).stdout
        for how in ("rarely", "as ever")
    )
    assert int(rarely) <= 100_000 // 10_000
    assert int(often.splitlines()[0]) > 10 * int(rarely)
    assert "at the end" in often  # else the words above say nothing


class Circle:
    """An object that refers to itself, as trained networks do."""

    def __init__(self):
        self.itself = self


@pytest.mark.parametrize(("n_cells", "is_gone"), [(CELLS_WORTH_A_LOOK, True), (CELLS_WORTH_A_LOOK - 1, False)])
def test_circles_of_objects_are_freed_after_a_stage_of_many_cells(n_cells, is_gone):
    gc.disable()
    try:
        seen = weakref.ref(Circle())
        free_after_stage(n_cells)
        assert (seen() is None) == is_gone
    finally:
        gc.enable()
