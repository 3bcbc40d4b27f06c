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
# The rooms of docs/architecture.md, in the order of the flow: a room imports only from itself and from those before it.
ROOMS = (
    "base", "data", "transport", "classification", "matching", "translation", "evaluation", "monitor", "exploration",
    "plotting", "pipeline", "exports", "workspace", "report", "cli",
)  # fmt: skip
LONGEST = 350


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in [*FILES, *PAGES]}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(inner & MODULES.keys())
            if inner - MODULES.keys():
                found.add(node.module)
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or around a corner."""
    reached = {name: set(others) for name, others in graph.items()}
    for middle in graph:
        for name in graph:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in graph}
    return sorted(list(group) for group in groups if group)


def test_the_core_is_fifteen_rooms_and_nothing_loose():
    assert {path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS)
    assert {path.name for path in CORE.iterdir() if path.is_file()} == {"__init__.py", "__main__.py"}


def test_every_room_says_what_lives_in_it():
    for folder in {path.parent for path in [*FILES, *PAGES]}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder


def test_rooms_import_only_from_those_before_them():
    wrong = []
    for name, path in MODULES.items():
        here = name.split(".")[1] if name.startswith("psmatch_core.") else ""
        if here not in ROOMS:
            continue
        for other in imports(path):
            parts = other.split(".")
            if parts[0] == "psmatch_core" and (len(parts) == 1 or ROOMS.index(parts[1]) > ROOMS.index(here)):
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_module_imports_itself_around_a_corner():
    assert circles({name: imports(path) & MODULES.keys() - {name} for name, path in MODULES.items()}) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


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
        "import sys, psmatch_core.data.readers, psmatch_core.pipeline.recipe, psmatch_core.workspace.store;"
        "import psmatch_core.workspace.results;"
        "print([m for m in ('torch','scanpy','umap','sklearn','anndata','ot','plotly','numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_global_seed_is_ever_set():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"np\.random\.seed|torch\.manual_seed|random\.seed\(", text), path.name
