"""What a command loads: most of a small run's time is the loading of libraries, so none is loaded for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.end_to_end import write_screen
from tests.waiting import HANG

ROOT = Path(__file__).parents[2]
NEVER = ("scanpy", "sklearn", "matplotlib", "plotly", "streamlit", "umap", "pynndescent", "ot", "mudata", "networkx")
OF_ANNDATA = ("anndata", "zarr", "dask")
OF_A_COMPILER = ("torch._dynamo", "torch._inductor", "sympy")
OF_A_RUN = ("torch", "numba", "h5py")
ALL = (*NEVER, *OF_ANNDATA, "scipy.stats", *OF_A_COMPILER, *OF_A_RUN)
PROGRAM = """
import json, sys
from psmatch_core.cli.main import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def loaded_by(*arguments: str, cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=HANG, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stdout + done.stderr
    return set(modules)


def test_the_help_loads_no_library(tmp_path):
    assert not loaded_by("--help", cwd=tmp_path) & {*ALL, "numpy", "pandas", "scipy", "cattrs", "filelock"}


def test_inspecting_a_table_loads_nothing_that_a_run_needs(tmp_path):
    lines = [f"c{at},{'AB'[at % 2]},{at % 5},{at % 3}" for at in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["cell,label,x,y", *lines]))
    assert not loaded_by("inspect", "a.csv", "--label", "label", cwd=tmp_path) & set(ALL)


@pytest.mark.slow
def test_a_tiny_match_loads_only_what_it_computes_with(tmp_path):
    write_screen(tmp_path, 60, 3, 20, 20)  # the one that `python -m benchmarks.end_to_end --tiny` measures
    found = loaded_by("match", "source.h5ad", "target.h5ad", "--label", "label", "--quiet", cwd=tmp_path)
    assert not found & {*NEVER, *OF_ANNDATA, "scipy.stats", *OF_A_COMPILER}
    assert found >= set(OF_A_RUN)  # else the names above say nothing
