"""`psmatch match`: match two data files without writing a recipe first."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_out, add_preset, add_quiet, add_settings


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source_file", help="cells of modality 1: a file or folder of any format in docs/formats.md")
    parser.add_argument("target_file", help="cells of modality 2, likewise")
    parser.add_argument("--label", required=True, help="label column of both files")
    parser.add_argument("--target-label", default="", help="label column of the target file, if its name differs")
    parser.add_argument(
        "--pair", default="", help="column that identifies the physical cell; used only to evaluate the matches"
    )
    add_preset(parser)
    add_settings(parser)
    add_out(parser)
    add_quiet(parser)


def _match(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import run_recipe, with_settings
    from psmatch_core.data.readers import DataSpec
    from psmatch_core.pipeline.recipe import Recipe

    recipe = with_settings(Recipe.preset(options.preset), options.settings)
    names = [Path(path).name.split(".")[0] for path in (options.source_file, options.target_file)]
    if names[0] == names[1]:
        names = [f"{names[0]} (source)", f"{names[1]} (target)"]
    source = DataSpec(path=options.source_file, label_key=options.label, name=names[0], pair_key=options.pair)
    target = DataSpec(
        path=options.target_file, label_key=options.target_label or options.label, name=names[1], pair_key=options.pair
    )
    return run_recipe(recipe.with_data(source, target), options)


COMMAND = Command("match", "match the cells of two data files", _add_arguments, _match)
