"""What `match` and `inspect` take of each file: label, matrix, part, table of labels, rules on cells."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from psmatch_core.base.errors import PsmatchError, plural

if TYPE_CHECKING:
    from psmatch_core.data.readers import DataSpec
    from psmatch_core.pipeline.recipe import Recipe

TWICE = "; give it twice if the files differ, first for modality 1"


def add_data(parser: argparse.ArgumentParser, *, needs_label: bool) -> None:
    """Add the arguments that choose what is read of one file or two."""
    group = parser.add_argument_group("what is read of the files")
    group.add_argument(
        "--label", action="append", default=[], metavar="COLUMN", required=needs_label, help=f"label column{TWICE}"
    )
    group.add_argument("--target-label", default="", metavar="COLUMN", help="label column of the second file")
    group.add_argument(
        "--label-with",
        action="append",
        default=[],
        metavar="COLUMN",
        help="column that makes the label together with the label column, in both files, such as the dose of a drug",
    )
    group.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="FILE",
        help="separate tables with the labels, one for each file; - for a file that needs none",
    )
    group.add_argument(
        "--accept",
        default="",
        metavar="NAMES",
        help="apply suggestions on the labels that `inspect` shows, for example guides,controls; or all",
    )
    group.add_argument("--matrix", action="append", default=[], help=f"X, raw, layers/NAME or obsm/NAME{TWICE}")
    group.add_argument(
        "--part", action="append", default=[], help=f"modality of a file with several, such as rna{TWICE}"
    )
    group.add_argument(
        "--cells",
        action="append",
        default=[],
        metavar="RULE",
        help="use only cells that meet this, in both files, for example 'grna_frac > 0.8'; may be repeated",
    )
    for side, which in (("source", "first"), ("target", "second")):
        group.add_argument(
            f"--{side}-cells", action="append", default=[], metavar="RULE", help=f"the same in the {which} file only"
        )
    group.add_argument(
        "--drop-missing-labels", action="store_true", help="leave out cells without a label; they are listed"
    )
    group.add_argument(
        "--pair", default="", metavar="COLUMN", help="column that identifies the physical cell; only for evaluation"
    )


def with_files(recipe: Recipe, files: Sequence[str], options: argparse.Namespace) -> Recipe:
    """The recipe with one data file or two, read as the arguments say; ``--set source.…`` has the last word.

    Raises
    ------
    PsmatchError
        If there are more values than files, or a setting is wrong.
    """
    from psmatch_core.cli.common import with_settings

    specs = specs_of(files, options)
    return with_settings(recipe.with_data(specs[0], specs[1] if len(specs) > 1 else None), options.settings)


def specs_of(files: Sequence[str], options: argparse.Namespace) -> list[DataSpec]:
    """What is read of one data file or two as the arguments say, without ``--set``.

    Raises
    ------
    PsmatchError
        If there are more values than files.
    """
    from psmatch_core.data.readers import DataSpec

    labels = [*options.label, options.target_label] if options.target_label else options.label
    each = {"label": labels, "matrix": options.matrix, "part": options.part}
    n_files = plural(len(files), "file")
    for name, values in each.items():
        if len(values) > max(len(files), 1):
            raise PsmatchError(
                f"--{name} is given {len(values)} times for {n_files}.",
                hint="Give it once for both files, or once for each.",
            )
    if len(options.labels) > len(files):
        raise PsmatchError(
            f"--labels names {len(options.labels)} tables for {n_files}.",
            hint="Give one table for each file.",
        )
    names = _names(files[:2], options)
    tables = ["" if each == "-" else each for each in options.labels]
    specs = []
    for at, path in enumerate(files[:2]):
        own = options.source_cells if at == 0 else options.target_cells
        specs.append(
            DataSpec(
                path=path,
                label_key=_value(labels, at),
                label_with=tuple(options.label_with),
                part=_value(options.part, at),
                matrix=_value(options.matrix, at) or "X",
                name=names[at],
                labels_path=tables[at] if at < len(tables) else "",
                pair_key=options.pair,
                missing_labels="drop" if options.drop_missing_labels else "refuse",
                cells=(*options.cells, *own),
            )
        )
    return specs


def _names(files: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Names of the modalities in figures: of one file on both sides, those of its parts or matrices."""
    names = [Path(path).name.split(".")[0] for path in files]
    parts = [_value(options.part, at) for at in range(len(files))]
    matrices = [_value(options.matrix, at).partition("/")[2] for at in range(len(files))]
    sided = [f"{name} ({side})" for name, side in zip(names, ("source", "target"), strict=False)]
    for others in (parts, matrices, sided):
        if len(set(names)) < len(names):
            names = [other or name for other, name in zip(others, names, strict=False)]
    return names


def accepted_kinds(options: argparse.Namespace) -> list[str]:
    """The suggestions on labels that are to be applied."""
    return [each.strip() for each in options.accept.split(",") if each.strip()]


def _value(values: Sequence[str], at: int) -> str:
    """The value of a file: its own, or the one for both."""
    return values[min(at, len(values) - 1)] if values else ""
