"""Compiled code gives the same bits in the process that compiles it and in every later one."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

import psmatch_core.transport
from psmatch_core.transport.kernels.compiled import compiled, power_of_two
from tests.waiting import HANG

ROOT = Path(__file__).parents[3]
PROGRAM = """
import hashlib
import numpy as np
from psmatch_core.transport import resolve, solve, solve_many, solve_unbalanced

rng = np.random.default_rng(0)
x, y = rng.normal(size=(200, 6)), rng.normal(size=(150, 6))
results = [solve(x, y, 0.2), solve(x, y, 2.0), *solve_many([(x[:30], y[:20])], 0.1)]
results += [resolve(results[0], 0.16), solve_unbalanced(x, y, 0.3, rho1=1.0, rho2=1.0)]
print([hashlib.sha256(each.f.tobytes() + each.g.tobytes()).hexdigest() for each in results])
"""


def modules() -> list[ModuleType]:
    package = psmatch_core.transport
    names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(name) for name in names]


def test_compiled_functions_call_only_what_becomes_part_of_them() -> None:
    """Of a function that is called, the linker keeps one of several copies, which round sums in several ways."""
    found = [value for module in modules() for value in vars(module).values() if isinstance(value, CPUDispatcher)]
    assert len({id(each) for each in found}) > 20
    for caller in found:
        called = {caller.py_func.__globals__.get(name) for name in caller.py_func.__code__.co_names}
        for callee in called:
            if isinstance(callee, CPUDispatcher):
                assert callee.targetoptions["forceinline"], f"{caller.__name__} calls {callee.__name__}"


@compiled
def powers(x: np.ndarray, out: np.ndarray) -> None:
    for k in range(x.size):
        out[k] = power_of_two(x[k])


def test_powers_of_two_have_the_digits_of_float32() -> None:
    x = np.concatenate([np.linspace(-124.9, 126.9, 100_001), np.arange(-125, 127), [-1e30, -500.0]]).astype(np.float32)
    out = np.empty_like(x)
    powers(x, out)
    exact = 2.0 ** np.maximum(x.astype(np.float64), -125)
    assert np.abs(out / exact - 1).max() < 3e-7


@pytest.mark.slow
def test_the_first_process_gives_the_bits_of_the_second(tmp_path: Path) -> None:
    """The first compiles, the second finds the compiled code on disk."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    printed = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG, check=True,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert printed[0].startswith("['")
    assert printed[0] == printed[1]
