"""Memory: what was freed in small pieces is no longer held by the process."""

import subprocess
import sys

import pytest

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
