"""Warm-up: compiled once on a machine, seen on disk, quick afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import time
from psmatch_core.transport import is_compiled, warm
before, started = is_compiled(), time.perf_counter()
warm()
print(before, is_compiled(), time.perf_counter() - started)
"""


@pytest.mark.slow
def test_a_fresh_install_compiles_once(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(done.stdout.split())
    assert answers[0][:2] == ["False", "True"]
    assert answers[1][:2] == ["True", "True"]
    assert float(answers[1][2]) < float(answers[0][2]) / 2
