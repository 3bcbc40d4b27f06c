"""Every benchmark can at least be imported: a renamed function of the core must not break it unseen."""

import importlib
from pathlib import Path

import pytest

import benchmarks

ROOT = Path(benchmarks.__file__).parent
SCRIPTS = ("peer_program",)  # runs in an environment of the peers
MODULES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in sorted(ROOT.rglob("*.py"))
    if path.stem not in SCRIPTS
]


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_can_be_imported(name):
    pytest.importorskip("playwright")
    assert importlib.import_module(name.removesuffix(".__init__"))
