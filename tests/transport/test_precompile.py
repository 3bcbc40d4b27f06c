"""Compilation ahead of time: done once on a machine, recognised on disk, and not repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILE = """
from psmatch_core.transport import compile_engine, is_compiled
before = is_compiled()
compile_engine()
print(before, is_compiled())
"""
# Labels of all sizes by the default method, one by one and many in one call; plans of many and of few entries.
MATCH = """
import numpy as np
from psmatch_core.matching.matchers import LabelProblem, SinkhornMatcher
rng = np.random.default_rng(0)
for d in (2, 12):
    for block, status in SinkhornMatcher().couple_all([
        LabelProblem(str(n), rng.normal(size=(n, d)), rng.normal(size=(m, d)), source_ids=None, target_ids=None, seed=0)
        for n, m in ((1500, 1400), (300, 320), (150, 20), (20, 150), (3, 2))
    ]):
        block.top(3), block.n_effective, block.marginals
"""


@pytest.mark.slow
def test_a_fresh_install_compiles_once(tmp_path):
    def run(code: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    def cached() -> dict[str, int]:
        return {str(file.relative_to(tmp_path)): file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")}

    assert run(COMPILE) == ["False", "True"]
    written = cached()
    assert run(COMPILE) == ["True", "True"]
    assert cached() == written  # the second process loads what the first one compiled
    run(MATCH)
    assert cached() == written  # and so does a match
