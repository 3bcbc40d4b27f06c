"""`psmatch demo`: the whole analysis on data that come with the program."""

from __future__ import annotations

import argparse

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


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        choices=("screen", "pbmc", "images"),
        default="screen",
        help="a synthetic screen, real blood cells, or synthetic images (default: screen)",
    )
    add_preset(parser)
    add_settings(parser)
    add_out(parser, "psmatch-demo")
    add_umap(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _demo(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import run_recipe, with_settings
    from psmatch_core.pipeline.demo_data import demo_recipe
    from psmatch_core.pipeline.recipe import Recipe

    recipe = demo_recipe(Recipe.preset(options.preset), options.data)
    return run_recipe(with_settings(recipe, options.settings), options)


COMMAND = Command(
    "demo",
    "run the whole analysis on demo data",
    _add_arguments,
    _demo,
    example="psmatch demo --data pbmc --out my-demo",
)
