"""Rules that a machine can hold: who imports whom, what the core never touches, how long a file is."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from functools import cache
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
MOST_POSITIONAL = 4
# Words of ours that name no thing of the field: a file called so is found by nobody.
PRIVATE_WORDS = {
    "believing", "certain", "certainty", "climbing", "common_things", "helpers", "keeping", "knobs", "mending", "misc",
    "moments", "pace", "rungs", "settling", "sliding", "telling", "utils", "warming",
}  # fmt: skip
MORE_POSITIONAL = {"one_pass"}  # a stub that numba replaces in compiled code, which knows no keyword-only arguments


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in [*FILES, *PAGES]}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(inner & MODULES.keys())
            if inner - MODULES.keys():
                found.add(node.module)
    return frozenset(found)


def circles(graph: Mapping[str, Set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or around a corner."""
    reached = {name: {*others} for name, others in graph.items()}
    for middle in graph:
        for name in graph:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in graph}
    return sorted(list(group) for group in groups if group)


def test_the_core_is_fifteen_rooms_and_nothing_loose():
    assert {path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS)
    assert {path.name for path in CORE.iterdir() if path.is_file()} == {"__init__.py", "__main__.py", "py.typed"}


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


def test_the_shell_knows_none_of_the_views_and_a_view_no_other():
    for name, path in MODULES.items():
        if name.startswith(("pages.shell", "pages.views.")):
            own = f"{'.'.join(name.split('.')[:3])}."
            others = [other for other in imports(path) if other.startswith("pages.views.")]
            assert [other for other in others if not f"{other}.".startswith(own)] == [], name


def test_no_file_is_called_by_a_private_word():
    assert [name for name, path in MODULES.items() if path.stem in PRIVATE_WORDS] == []


def defined(path: Path) -> Iterator[tuple[str, bool]]:
    """The public classes and functions of a file, and its constants (True)."""
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, False
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, True) for target in targets if isinstance(target, ast.Name))


def test_no_name_means_two_things():
    """Classes and functions, and constants that other files import; a constant for one file is that file's own."""
    shared = {
        alias.name
        for path in MODULES.values()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes: dict[str, list[str]] = defaultdict(list)
    for module, path in MODULES.items():
        if path.parent.name != "pages":  # a thin page is a script: what it assigns is for itself
            for name, is_constant in defined(path):
                is_new = module not in homes[name]  # overloads of one function are one name
                if is_new and not name.startswith("_") and (name in shared or not is_constant):
                    homes[name].append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_public_functions_take_at_most_four_positional_arguments():
    """Compiled loops are left out: numba knows no keyword-only arguments."""
    many = []
    for module, path in MODULES.items():
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if any(
                ast.unparse(each).split("(")[0] in ("compiled", "inlined", "intrinsic") for each in node.decorator_list
            ):
                continue
            by_position = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
            if len([name for name in by_position if name not in ("self", "cls")]) > MOST_POSITIONAL:
                many.append((module, node.name))
    assert {name for _, name in many} == MORE_POSITIONAL, many


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_knows_no_streamlit_and_no_pickle(path):
    for name in imports(path):
        assert name.split(".")[0] not in {"streamlit", "pickle", "joblib", "dill"}


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_say_what_lives_in_them(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert (path.name == "__init__.py" and not text.strip()) or ast.get_docstring(ast.parse(text))


def test_public_names_are_there():
    assert len(psmatch_core.__all__) > 60
    for name in psmatch_core.__all__:
        assert getattr(psmatch_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        psmatch_core.nothing


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


# Calls that write to a place. They may write to a ``stream`` or a ``partial`` that base/disk gave.
WRITING = {
    "copy", "copy2", "copyfile", "copytree", "dump", "hardlink_to", "link", "save", "savez", "savez_compressed",
    "symlink_to", "to_csv", "to_feather", "to_json", "to_parquet", "tofile", "touch", "write_bytes", "write_h5ad",
    "write_html", "write_image", "write_text", "ZipFile",
}  # fmt: skip
WRITES_ON_ITS_OWN = {
    "pages.shell.shipped_demos": ("copytree",),  # a shipped run gets its name when whole
    "psmatch_core.exports.h5mu": ("open",),  # the format names itself before the HDF5 file, in the partial file of disk
    "psmatch_core.workspace.progress_log": ("open",),  # events.jsonl grows by a line at a time
    "psmatch_core.workspace.store": ("open", "copytree"),  # log.txt of a worker; a copied run gets its name when whole
    "psmatch_core.data.readers.sandbox": ("open",),  # what a child says on its way down, in a temporary folder
}


def written(tree: ast.AST) -> list[tuple[str, int]]:
    """Calls of a file that write to disk past base/disk: name and line."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        places = [ast.unparse(each) for each in node.args]
        if owner == "disk" or places[:1] in (["stream"], ["partial"]):
            continue
        if name == "open":
            modes = [*node.args, *(each.value for each in node.keywords if each.arg == "mode")]
            modes = [each.value for each in modes if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            is_writing = any(set(mode) & set("wax+") for mode in modes if set(mode) <= set("rwaxbt+"))
        elif name in ("replace", "rename"):
            is_writing = owner == "os" or (name == "replace" and owner and len(node.args) == 1 and not node.keywords)
        elif name in ("write_text", "write_h5ad") and not owner:
            is_writing = False  # our own, imported by name
        elif name in ("to_csv", "to_json"):
            is_writing = bool(places)  # without a place they return the text
        elif name == "ZipFile":
            is_writing = len(node.args) > 1
        elif name in ("copy", "save", "dump", "link"):
            is_writing = owner in ("shutil", "np", "numpy", "torch", "json", "os")
        else:
            is_writing = name in WRITING
        if is_writing:
            found.append((name, node.lineno))
    return found


def test_nothing_on_disk_but_through_base():
    wrong = {}
    for module, path in MODULES.items():
        if module.startswith("psmatch_core.base."):
            continue
        allowed = WRITES_ON_ITS_OWN.get(module, ())
        found = [each for each in written(ast.parse(path.read_text(encoding="utf-8"))) if each[0] not in allowed]
        if found:
            wrong[module] = found
    assert wrong == {}


@pytest.mark.parametrize(
    "code",
    [
        "path.write_text('a')", "open(path, 'w')", "open(path, mode='ab')", "path.open('r+b')", "os.replace(a, b)",
        "partial.replace(path)", "np.savez(path, a=a)", "table.to_csv(path)", "adata.write_h5ad(path)",
        "json.dump(data, file)", "zipfile.ZipFile(path, 'w')", "shutil.copyfile(a, b)",
    ],
)  # fmt: skip
def test_a_write_past_base_is_found(code):
    assert written(ast.parse(code))


def test_strategies_are_listed_once():
    """A tuple, list or dict with three or more strategies of a family is a second list of what kinds() finds."""
    from psmatch_core.classification.classifiers import Classifier
    from psmatch_core.matching.matchers import Matcher
    from psmatch_core.translation.translators import Translator

    families = [set(family.kinds()) for family in (Matcher, Classifier, Translator)]
    wrong = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            entries = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
            named = {each.id for each in entries if isinstance(each, ast.Name)}
            if any(len(named & family) > 2 for family in families):
                wrong.append(f"{module}, line {node.lineno}")
    assert wrong == []


def test_no_global_seed_is_ever_set():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"np\.random\.seed|torch\.manual_seed|random\.seed\(", text), path.name


TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_no_test_rests_on_a_clock():
    """Another machine is faster or slower, and busy: only tests/waiting.py looks at a clock, to end what hangs."""
    clocks = {"time.perf_counter", "time.process_time", "time.monotonic", "time.sleep"}
    for path in TESTS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and path.name != "waiting.py":
                assert ast.unparse(node) not in clocks, f"{path.name}, line {node.lineno}"
            if isinstance(node, ast.FunctionDef):
                decorators = [ast.unparse(each) for each in node.decorator_list]
                is_drawn = any(each.startswith("given(") for each in decorators)  # hypothesis would time each example
                assert not is_drawn or any("deadline=None" in each for each in decorators), f"{path.name}: {node.name}"


# The demo's files are ours; a run's own table is read again by the program and exported through exports/.
WRITE_CSV = {"exports/tables.py", "exports/files.py", "pipeline/demo_data.py", "workspace/files.py"}


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_csv_that_a_user_takes_away_goes_past_the_escaping_of_formulas(path):
    here = str(path.relative_to(CORE)) if path.is_relative_to(CORE) else str(path.relative_to(ROOT))
    assert here in WRITE_CSV or ".to_csv(" not in path.read_text(encoding="utf-8")
