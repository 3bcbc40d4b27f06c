"""`psmatch match`: match two data files without writing a recipe first."""

from __future__ import annotations

import argparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import (
    Command,
    add_executor,
    add_json,
    add_out,
    add_preset,
    add_quiet,
    add_settings,
    add_umap,
)
from psmatch_core.cli.data_arguments import accepted_kinds, add_data, with_files


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source_file", help="cells of modality 1: a file or folder of any format in docs/formats.md")
    parser.add_argument("target_file", help="cells of modality 2, likewise")
    parser.add_argument("more_files", nargs="*", help=argparse.SUPPRESS)
    add_data(parser, needs_label=True)
    add_preset(parser)
    add_settings(parser)
    add_out(parser)
    add_umap(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _match(options: argparse.Namespace) -> int:
    from psmatch_core.data.readers.sandbox import shared_sandbox

    if options.more_files:
        raise PsmatchError(
            f"match takes two files; {2 + len(options.more_files)} were given.",
            hint="Three or more have names: psmatch match-many rna=rna.h5ad adt=adt.h5ad atac=atac.h5ad --label ko",
        )
    with shared_sandbox():  # it loads libraries of its own while this process does
        from psmatch_core.cli.common import run_recipe, with_accepted
        from psmatch_core.pipeline.recipe import Recipe

        recipe = with_files(Recipe.preset(options.preset), (options.source_file, options.target_file), options)
        return run_recipe(with_accepted(recipe, accepted_kinds(options)), options)


COMMAND = Command(
    "match",
    "match the cells of two data files",
    _add_arguments,
    _match,
    example="psmatch match rna.h5ad adt.h5ad --label ko --out my-run",
)
