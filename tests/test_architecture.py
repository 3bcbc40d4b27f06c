"""Rules that a machine can hold: who imports whom, what the core never touches, how long a file is."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import psmatch_core

ROOT = Path(__file__).parents[1]
CORE = ROOT / "psmatch_core"
FILES = sorted(CORE.rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))
# The order of docs/architecture.md: a module imports only from those before it.
ORDER = (
    "errors", "disk", "progress", "config", "randomness", "threads", "checks", "labels", "images", "modality",
    "readers", "inspection", "preprocessing", "classifiers", "scores", "telling", "scored", "propensity",
    "baselines", "transport", "blocks", "coupling", "matchers", "matching", "feature_matching", "lcurve",
    "translators", "translation", "metrics", "prediction", "evaluation", "certainty", "monitor", "distances",
    "space", "distribution", "maps", "controls", "shifts", "io", "held_out", "selection", "plotting", "recipe",
    "knobs", "ladder", "climbing", "rendering", "datasets", "inputs", "keeping", "scoring", "runs", "leaving_out",
    "pairs", "exports", "pace", "folder", "results", "queueing", "predictions", "comparing_runs", "new_cells",
    "leave_out_jobs", "ladder_jobs", "selections", "worker", "run_store", "monitoring", "report", "sweeps", "listing",
    "terminal", "commands", "cli",
)  # fmt: skip
LONGEST = 350


def part_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "psmatch_core":
                yield from (f"psmatch_core.{alias.name}" for alias in node.names)


def test_every_module_has_its_place_in_the_order():
    assert {part_of(path) for path in FILES} - {"__init__", "__main__"} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_imports_go_one_way(path):
    mine = part_of(path)
    if mine in ("__init__", "__main__"):
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "psmatch_core" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= ORDER.index(mine), f"{mine} imports {parts[1]}, which stands after it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_knows_no_streamlit_and_no_pickle(path):
    for name in imports(path):
        assert name.split(".")[0] not in {"streamlit", "pickle", "joblib", "dill"}


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_say_what_lives_in_them(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert (path.name == "__init__.py" and not text.strip()) or ast.get_docstring(ast.parse(text))


def test_public_names_are_written_out_and_there():
    for name in psmatch_core.__all__:
        assert getattr(psmatch_core, name) is not None
    homes = {name for names in psmatch_core._HOMES.values() for name in names}
    assert homes | {"__version__"} == set(psmatch_core.__all__)


def test_public_verbs_and_strategies_have_docstrings():
    for name in psmatch_core.__all__:
        if name != "__version__":
            assert getattr(psmatch_core, name).__doc__, name


def test_heavy_libraries_wait_until_they_are_needed():
    """What the app's first page imports loads neither torch nor scanpy, umap, scikit-learn or anndata."""
    code = (
        "import sys, psmatch_core.data.readers, psmatch_core.pipeline.recipe, psmatch_core.workspace.store, psmatch_core.workspace.results;"
        "print([m for m in ('torch','scanpy','umap','sklearn','anndata','ot','plotly','numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_global_seed_is_ever_set():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"np\.random\.seed|torch\.manual_seed|random\.seed\(", text), path.name
