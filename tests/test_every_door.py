"""Every door says the same of the same file: `inspect`, the Data page, `match`, Python and a recipe.

Over all files of the corpus (../shared/corpus) and of the cases (../shared/cases), with the settings that a user would
choose, the cells, labels, features and findings are the same.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import anndata
import pytest

from pages.shell.workspace import Side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import add_settings
from psmatch_core.cli.data_arguments import add_data, with_files
from psmatch_core.data.checks import Finding, Severity
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec, FileSummary, shown_name
from psmatch_core.data.readers.clean_copy import copy_here
from psmatch_core.data.readers.inspection import summarise
from psmatch_core.data.readers.summary import MENDABLE
from psmatch_core.pipeline import inputs
from psmatch_core.pipeline.recipe import Recipe

SHARED = Path(__file__).parents[1].parent / "shared"
LABELS = ("perturbation", "gene", "Metadata_gene", "hash.ID", "product_name", "label", "cell_type", "feature_call")
MEMORY_MB = 2048
# What only the bytes of a file show: anndata has decoded them when Python gives its object.
OF_THE_FILE = {"PM-F42", "PM-X04", "PM-F44"}
NO_LABELS = "PM-L01"
# A matrix that is not chosen; `inspect` tells of it while there is still a choice.
OF_ANOTHER_MATRIX = {"PM-M32"}

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the corpus and the cases are not beside the checkout (../shared)"),
]


def chosen_files() -> list[tuple[str, Path, str]]:
    """An id, the path and the label column of each file; an empty column where it is to be found."""
    found = {}
    if (SHARED / "corpus" / "manifest.json").is_file():
        for case in json.loads((SHARED / "corpus" / "manifest.json").read_text("utf-8")):
            for name in case["files"]:
                found[name] = (name, SHARED / "corpus" / name, case["label_col"] or "")
    for path in sorted((SHARED / "cases").glob("*/*")):
        if path.suffix not in (".md", ".py"):
            found[f"{path.parent.name}/{path.name}"] = (f"{path.parent.name}/{path.name}", path, "")
    return list(found.values())


FILES = chosen_files()


def looked(spec: DataSpec) -> FileSummary:
    """What ``inspect`` shows, without the child process."""
    found = summarise(spec, shown_name(spec.path), memory_mb=MEMORY_MB)
    return FileSummary.from_dict(json.loads(json.dumps(found.to_dict())))


def spec_of(path: Path, label_key: str) -> DataSpec | PsmatchError:
    """The settings that a user would choose on the Data page; the error if the file cannot be opened."""
    spec = DataSpec(path=str(path), name=shown_name(str(path)), missing_labels="drop")
    try:
        summary = looked(spec)
        if summary.parts:
            spec = replace(spec, part=summary.parts[0].name)
            summary = looked(spec)
    except PsmatchError as error:
        return error
    usable = [each for each in summary.matrices if each.is_usable]
    columns = [each.name for each in summary.columns]
    key = label_key or next((each for each in LABELS if each in columns), "")
    with_dose = ("dose",) if key == "product_name" else ()
    if usable:
        how = "fill" if any(each.code == MENDABLE for each in usable[0].findings) else "refuse"
        spec = replace(spec, matrix=usable[0].key, bad_values=how)
    return replace(spec, label_key=key, label_with=with_dose)


def copy(spec: DataSpec, path: Path) -> Path:
    request = {"spec": spec.to_dict(), "partial": f"{path}.partial", "destination": str(path)}
    copy_here({**request, "memory_mb": MEMORY_MB})
    return path


def texts(findings: list[Finding] | tuple[Finding, ...], *, without: set[str]) -> Counter[str]:
    """What is said, without the hints, which each door words for itself."""
    return Counter(f"{each.code} {each.problem}" for each in findings if each.code not in without)


def at_python(spec: DataSpec) -> Modality | None:
    """What Python makes of the same file; None if anndata itself cannot read it."""
    try:
        adata = anndata.read_h5ad(spec.path)
    except Exception:  # of whatever kind: the file is damaged
        return None
    settings = {name: getattr(spec, name) for name in DataSpec.options() if name not in ("path", "sha256", "roles")}
    return Modality.from_anndata(adata, roles=spec.role_of, **settings)


def assert_same_refusal(error: PsmatchError, said: FileSummary | PsmatchError) -> None:
    """What one door refuses, the other refuses too, in the same words."""
    if isinstance(said, PsmatchError):
        assert (error.code, error.problem) == (said.code, said.problem)
        return
    rejected = [each for each in said.findings if each.severity is Severity.REJECT]
    rejected += [each for matrix in said.matrices for each in matrix.findings if each.severity is Severity.REJECT]
    assert (error.code, error.problem) in [(each.code, each.problem) for each in rejected]


def assert_same(modality: Modality, summary: FileSummary, *, without: set[str]) -> None:
    column = summary.column(summary.label_key)
    assert column is not None
    counts = {label: cells for label, cells in column.counts.items() if label}
    assert modality.n_cells == sum(counts.values())
    assert modality.n_cells + column.n_missing == summary.n_cells
    assert modality.label_counts == counts
    assert modality.n_features == summary.n_features
    main = next(each for each in summary.matrices if each.n_features == modality.n_features)
    assert tuple(modality.var_names[: len(main.feature_names)]) == main.feature_names
    said = texts(summary.findings, without=without | OF_ANOTHER_MATRIX)
    assert texts(modality.findings, without=without | OF_ANOTHER_MATRIX) == said


@pytest.mark.parametrize(("path", "label_key"), [each[1:] for each in FILES], ids=[each[0] for each in FILES])
def test_every_door_says_the_same_of_a_file(path: Path, label_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(path, label_key)
    if isinstance(spec, PsmatchError):  # it cannot be opened: every door opens it with the same reader
        given = {"path": str(path), "label_key": label_key or "cell_type"}
        with pytest.raises(PsmatchError) as caught:
            copy_here({"spec": given, "partial": "", "destination": "", "memory_mb": MEMORY_MB})
        assert (caught.value.code, caught.value.problem) == (spec.code, spec.problem)
        return
    said: FileSummary | PsmatchError
    try:
        said = looked(spec)
    except PsmatchError as error:
        said = error
    monkeypatch.setattr(inputs, "copy_into", copy)
    for door in ("match", "python"):
        if door == "python" and (path.suffix != ".h5ad" or path.name.startswith("X") or "seuratdisk" in str(path)):
            continue  # anndata follows links out of a file, unpacks bombs, and drops the levels that SeuratDisk wrote
        try:
            modality = inputs.read_input(spec, side="source") if door == "match" else at_python(spec)
        except PsmatchError as error:
            if not spec.label_key and error.code == NO_LABELS:
                continue  # `inspect` and the page show a file before a column is chosen
            if not (door == "python" and isinstance(said, PsmatchError) and said.code in OF_THE_FILE):
                assert_same_refusal(error, said)
            continue
        if modality is None:
            continue
        without = OF_THE_FILE if door == "python" else set()
        if isinstance(said, PsmatchError):
            assert said.code in without
        else:
            assert_same(modality, said, without=without)


@pytest.mark.parametrize(("path", "label_key"), [each[1:] for each in FILES[::9]], ids=[each[0] for each in FILES[::9]])
def test_page_command_line_and_recipe_hold_the_same_settings(path: Path, label_key: str) -> None:
    spec = spec_of(path, label_key)
    if isinstance(spec, PsmatchError):
        spec = DataSpec(path=str(path), label_key="label", name="it")
    chosen = {name: getattr(spec, name) for name in DataSpec.options() if name != "sha256"}
    assert Side(shown="", summary=None, **chosen).spec == spec
    recipe = Recipe().with_data(spec, spec)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))).source == spec
    parser = argparse.ArgumentParser()
    add_data(parser, needs_label=False)
    add_settings(parser)
    values = {name: json.dumps(value) for name, value in spec.to_dict().items() if name != "path"}
    typed = with_files(Recipe(), [spec.path], parser.parse_args([f"--set=source.{n}={v}" for n, v in values.items()]))
    assert typed.source == spec


def test_python_knows_every_setting_of_a_file() -> None:
    known = set(inspect.signature(Modality.from_anndata).parameters) - {"adata"}
    assert known == set(DataSpec.options()) - {"path", "sha256"}


def test_a_hint_names_only_what_every_door_has() -> None:
    """A setting in brackets is one of a file; no button, flag or keyword of one door is named."""
    core = Path(inspect.getfile(Modality)).parent
    hints = [
        text for path in core.rglob("*.py") for text in re.findall(r"hint=f?\"([^\"]*)\"", path.read_text("utf-8"))
    ]
    assert len(hints) > 50
    for text in hints:
        for name in re.findall(r"\((\w+_\w+|part|roles|cells)\)", text):
            assert name in {**DataSpec.options(), **Preprocessing.options()}, text
        assert not re.search(r"(?i)(^|\s)--\w|\bbutton\b|\bclick\b|\w='", text), text
