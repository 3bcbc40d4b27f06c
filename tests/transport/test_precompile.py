"""Compilation ahead of time: done once on a machine, recognised on disk, and not repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from psmatch_core.transport import compile_engine, is_compiled
before = is_compiled()
compile_engine()
print(before, is_compiled())
"""


@pytest.mark.slow
def test_a_fresh_install_compiles_once(tmp_path):
    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    def cached() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")}

    assert run() == ["False", "True"]
    written = cached()
    assert run() == ["True", "True"]
    assert cached() == written  # the second process loads what the first one compiled
