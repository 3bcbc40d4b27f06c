"""`psmatch match-many`: match the cells of three files or more, each with a name."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import (
    Command,
    add_executor,
    add_json,
    add_preset,
    add_quiet,
    add_settings,
    with_executor,
)

if TYPE_CHECKING:
    from psmatch_core.data.preprocessing import Preprocessing
    from psmatch_core.data.readers import DataSpec
    from psmatch_core.pipeline.recipe import Recipe

MANY_FOLDER = "psmatch-many"
# Written out, because `psmatch --help` must load neither; a test compares them with those of the core.
PLAN_CHOICES = ("pairs", "reference", "barycenter")
TUPLE_CHOICES = ("best", "sampled", "barycentric")
PREPROCESSING, OF_FILE = "preprocessing.", "data."  # how settings of one modality and of one file begin
EACH = "; NAME=… for one file, may be repeated"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="NAME=FILE", help="a modality and its file of any format in docs/formats.md; the "
        "first is the reference, to whose cells the others are matched"
    )  # fmt: skip
    parser.add_argument("--demo", action="store_true", help="match the three views of a synthetic screen instead")
    group = parser.add_argument_group("what is read of the files")
    for name, what in (
        ("--label", "label column"),
        ("--matrix", "X, raw, layers/NAME or obsm/NAME"),
        ("--part", "modality of a file with several, such as rna"),
        ("--labels", "table with the labels of one file: NAME=FILE"),
    ):
        group.add_argument(name, action="append", default=[], help=f"{what}{EACH}")
    group.add_argument(
        "--label-with", action="append", default=[], metavar="COLUMN",
        help="column that makes the label together with the label column, in all files, such as the dose of a drug",
    )  # fmt: skip
    group.add_argument(
        "--cells", action="append", default=[], metavar="RULE",
        help="use only cells that meet this, in all files, for example 'grna_frac > 0.8'; may be repeated",
    )  # fmt: skip
    group.add_argument("--drop-missing-labels", action="store_true", help="leave out cells without a label")
    group.add_argument(
        "--pair", default="", metavar="COLUMN", help="column that identifies the physical cell; only for evaluation"
    )
    add_preset(parser)
    add_settings(parser, "matcher.epsilon=0.02, preprocessing.NAME.normalize=clr or data.NAME.bad_values=fill")
    parser.add_argument(
        "--plans", choices=PLAN_CHOICES, default="pairs",
        help="match every pair of modalities, each with the first, or each with a barycentre of the label; the rest is "
        "composed (default: pairs)",
    )  # fmt: skip
    parser.add_argument(
        "--values", choices=TUPLE_CHOICES, default="best",
        help="which partners of each cell matched.h5mu holds: the heaviest, one drawn by weight, or the weighted mean "
        "(default: best)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path(MANY_FOLDER), help=f"folder for the files (default: ./{MANY_FOLDER})"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="if the folder already holds such a result, move that aside once the new one is complete; it is kept",
    )
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _match_many(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.cli.many_summary import many_record, many_summary
    from psmatch_core.data.modality_names import SEVERAL_FILE
    from psmatch_core.data.readers.sandbox import shared_sandbox
    from psmatch_core.exports.several_files import export_several
    from psmatch_core.pipeline.match_modalities import match_modalities
    from psmatch_core.pipeline.several_inputs import read_files
    from psmatch_core.workspace.partial_folder import partial_folder

    started = time.perf_counter()
    specs = _specs(options)
    names = tuple(specs) or ("RNA", "Protein", "Image")
    recipe, preprocessing = _settings(options, names)
    progress = progress_of(options)
    with shared_sandbox():  # all files are opened by children of one process
        _check_free(options, specs)
        modalities = read_files(specs, progress=progress, reading=_settings_of) if specs else _demo()
    made_by = {
        "command": shlex.join(["psmatch", *sys.argv[1:]]),
        "files": {
            name: {**spec.to_dict(), "path": Path(spec.path).name}
            for name, spec in (specs or _demo_specs(names)).items()
        },
    }
    with partial_folder(options.out.resolve()) as partial:
        matched = match_modalities(
            modalities, recipe, plans=options.plans, preprocessing=preprocessing, progress=progress
        )
        export_several(matched, partial.path, values=options.values, made_by=made_by, progress=progress)
        folder, said = partial.put_in_place(last=SEVERAL_FILE, may_replace=options.force)
    if said:
        print(said, file=sys.stderr)
    seconds = time.perf_counter() - started
    if options.json:
        print(as_json(many_record(matched, folder, seconds)))
    else:
        print(many_summary(matched, folder, seconds))
    return 0


def _specs(options: argparse.Namespace) -> dict[str, DataSpec]:
    """The files by name, each with what is read of it; none for the demo."""
    from psmatch_core.data.modality_names import check_modality_names
    from psmatch_core.data.readers import DataSpec

    if options.demo:
        if options.files:
            raise PsmatchError("Files and --demo were given.", hint="Give either.")
        return _with_own_settings({}, options.settings)
    files: dict[str, str] = {}
    for each in options.files:
        name, equals, path = each.partition("=")
        if not (name and equals and path):
            raise PsmatchError(f"{each!r} is not NAME=FILE.", hint="Write it as rna=rna.h5ad.")
        if name in files:
            raise PsmatchError(f"Two files are called {name!r}.", hint="Give each modality a name of its own.")
        files[name] = path
    check_modality_names(files)
    if len(files) < 2:
        raise PsmatchError(
            f"{len(files)} files were given, and match-many takes two or more.",
            hint="psmatch match-many rna=rna.h5ad adt=adt.h5ad atac=atac.h5ad --label ko, or --demo.",
        )
    label, matrix, part, tables = (
        _by_name(getattr(options, name), files, name) for name in ("label", "matrix", "part", "labels")
    )
    if not any(label.values()):
        raise PsmatchError("No label column was named.", hint="Add --label COLUMN; `psmatch inspect FILE` lists them.")
    specs = {
        name: DataSpec(
            path=str(Path(path).resolve()),
            label_key=label[name],
            label_with=tuple(options.label_with),
            part=part[name],
            matrix=matrix[name] or "X",
            name=name,
            labels_path=str(Path(tables[name]).resolve()) if tables[name] else "",
            pair_key=options.pair,
            missing_labels="drop" if options.drop_missing_labels else "refuse",
            cells=tuple(options.cells),
        )
        for name, path in files.items()
    }
    return _with_own_settings(specs, options.settings)


def _with_own_settings(specs: dict[str, DataSpec], settings: Sequence[str]) -> dict[str, DataSpec]:
    """The files with each ``data.NAME.SETTING=VALUE`` applied."""
    from psmatch_core.cli.common import parse_setting

    specs = dict(specs)
    for each in settings:
        if each.startswith(OF_FILE):
            path, value = parse_setting(each)
            name, setting = _named(path.removeprefix(OF_FILE), specs)
            spec = specs[name]
            if setting not in spec.options() or setting in ("path", "name", "sha256"):
                raise PsmatchError(
                    f"There is no setting {path!r}.", hint="`psmatch options` lists the settings of a file: source.…"
                )
            specs[name] = type(spec).from_dict({**spec.to_dict(), setting: value})
    return specs


def _named(path: str, names: Iterable[str]) -> tuple[str, str]:
    """The modality and the setting in NAME.SETTING; a name may hold dots."""
    name = max((each for each in names if path.startswith(f"{each}.")), key=len, default="")
    if not name:
        raise PsmatchError(
            f"There is no modality {path.partition('.')[0]!r}.",
            hint=f"The modalities are {', '.join(names) or 'those of the demo, which has no files'}.",
        )
    return name, path.removeprefix(f"{name}.")


def _by_name(values: Sequence[str], files: dict[str, str], option: str) -> dict[str, str]:
    """The value of each file: its own, given as NAME=VALUE, or the one for all."""
    found = dict.fromkeys(files, "")
    own = [each.partition("=") for each in values]
    for name, equals, _ in own:
        if not equals:
            found = dict.fromkeys(files, name)
    for name, equals, value in own:
        if equals and name not in files:
            raise PsmatchError(
                f"--{option} names {name!r}, which is no file.", hint=f"The files are {', '.join(files)}."
            )
        if equals:
            found[name] = value
    return found


def _settings(options: argparse.Namespace, names: tuple[str, ...]) -> tuple[Recipe, dict[str, Preprocessing]]:
    """The recipe, and the preprocessing of each modality with the settings that name it."""
    from dataclasses import replace

    from psmatch_core.cli.common import parse_setting, with_settings
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.pipeline.score_modalities import preprocessing_of

    own = [each for each in options.settings if each.startswith(PREPROCESSING)]
    others = [each for each in options.settings if not each.startswith((PREPROCESSING, OF_FILE))]
    recipe = with_settings(Recipe.preset(options.preset), others)
    found = preprocessing_of(recipe, names)
    for each in own:
        path, value = parse_setting(each)
        name, setting = _named(path.removeprefix(PREPROCESSING), names)
        bare = replace(recipe, source_preprocessing=found[name])
        with _typed_as(f"{PREPROCESSING}{name}.", "source_preprocessing."):
            found[name] = bare.with_setting(f"source_preprocessing.{setting}", value).source_preprocessing
    return recipe, found


@contextmanager
def _typed_as(typed: str, inner: str) -> Iterator[None]:
    """Let a refusal name a setting as it was typed."""
    try:
        yield
    except PsmatchError as error:
        problem, hint = (text.replace(inner, typed) for text in (error.problem, error.hint))
        raise PsmatchError(problem, hint=hint, code=error.code) from None


@contextmanager
def _settings_of(name: str) -> Iterator[None]:
    """Let a refusal that names a setting of a file in brackets, such as (bad_values), show how it is typed here."""
    from psmatch_core.data.readers import DataSpec

    def typed(found: re.Match[str]) -> str:
        setting = DataSpec.options().get(found[1])
        if setting is None:
            return found[0]
        choices = [str(each) for each in setting.choices if each != getattr(DataSpec(path=""), found[1])]
        return f"(--set data.{name}.{found[1]}=…{': ' if choices else ''}{', '.join(choices)})"

    try:
        yield
    except PsmatchError as error:
        hint = error.hint.replace("(missing_labels)", "(--drop-missing-labels)")
        raise PsmatchError(error.problem, hint=re.sub(r"\((\w+)\)", typed, hint), code=error.code) from None


def _check_free(options: argparse.Namespace, specs: dict[str, DataSpec]) -> None:
    """Refuse a folder that is taken, and files that cannot be used; nothing changes on disk."""
    from psmatch_core.data.modality_names import SEVERAL_FILE
    from psmatch_core.data.readers import inspect_file
    from psmatch_core.workspace.new_folder import check_free

    folder: Path = options.out.resolve()
    is_earlier = (folder / SEVERAL_FILE).exists()
    if is_earlier and not options.force:
        raise PsmatchError(
            f"The folder {folder.name} already holds matched modalities.",
            hint="Choose a new folder with --out, or add --force: the earlier result is kept under another name.",
        )
    if not is_earlier:
        check_free(folder)
    for name, spec in specs.items():
        with _settings_of(name):
            inspect_file(spec, is_final=True)


def _demo_specs(names: Sequence[str]) -> dict[str, DataSpec]:
    """The views of the demo as the app names them."""
    from psmatch_core.data.readers import DataSpec
    from psmatch_core.pipeline.demo_data import VIEWS
    from psmatch_core.pipeline.recipe import DEMO_PREFIX

    path = f"{DEMO_PREFIX}{VIEWS}"
    return {name: DataSpec(path=path, label_key="label", name=name, pair_key="cell") for name in names}


def _demo() -> dict[str, Any]:
    from psmatch_core.data.modality import Modality
    from psmatch_core.pipeline.demo_views import demo_views

    return {
        name: Modality.from_anndata(cells, label_key="label", name=name, pair_key="cell")
        for name, cells in demo_views().items()
    }


COMMAND = Command(
    "match-many",
    "match the cells of three data files or more",
    _add_arguments,
    with_executor(_match_many),
    example="psmatch match-many rna=rna.h5ad adt=adt.h5ad atac=atac.h5ad --label ko --out my-views",
)
