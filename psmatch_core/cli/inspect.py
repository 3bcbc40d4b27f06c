"""`psmatch inspect`: what a data file contains, and whether it can be used."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_settings
from psmatch_core.cli.data_arguments import accepted_kinds, add_data, with_files


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", help="one data file, or two to compare their labels")
    add_data(parser, needs_label=False)
    add_settings(parser, "labels.leave_out=Doublet,Negative")


def _inspect(options: argparse.Namespace) -> int:
    from psmatch_core.cli.file_summary import describe_files
    from psmatch_core.pipeline.recipe import Recipe

    recipe = with_files(Recipe(), options.files, options)
    specs = [each for each in (recipe.source, recipe.target) if each]
    text, code = describe_files(
        specs,
        rules=recipe.labels,
        accepted=accepted_kinds(options),
        preprocessing=(recipe.source_preprocessing, recipe.target_preprocessing),
    )
    print(text)
    return code


COMMAND = Command(
    "inspect",
    "show what a data file contains, and check it for problems",
    _add_arguments,
    _inspect,
    example="psmatch inspect rna.h5ad adt.h5ad --label ko",
)
