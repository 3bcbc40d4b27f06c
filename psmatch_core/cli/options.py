"""`psmatch options`: every setting and method, with default, range and meaning."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_json, add_preset, add_quiet, add_settings


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_preset(parser)
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/options.md")
    add_settings(parser)
    add_quiet(parser)
    add_json(parser)


def _options(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import with_settings
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.cli.settings import as_markdown, as_text, settings_record
    from psmatch_core.pipeline.recipe import Recipe

    recipe = with_settings(Recipe.preset(options.preset), options.settings)
    if options.json:
        print(as_json({"settings": settings_record(recipe)}))
    else:
        print(as_markdown(recipe) if options.markdown else as_text(recipe))
    return 0


COMMAND = Command(
    "options",
    "list all settings and methods with default, range and meaning",
    _add_arguments,
    _options,
    example="psmatch options --set matcher=GromovMatcher",
)
