"""`psmatch presets`: the named settings, and how they differ."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", help="a preset: list what differs from recommended")
    parser.add_argument("other", nargs="?", default="recommended", help="another preset to compare it with")
    add_json(parser)


def _presets(options: argparse.Namespace) -> int:
    """List all presets, or the settings in which two of them differ."""
    from psmatch_core.base.setting_words import differences
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.pipeline.presets import read_presets
    from psmatch_core.pipeline.recipe import Recipe

    if not options.name:
        found = read_presets()
        if options.json:
            print(as_json({"presets": [vars(preset) for preset in found.values()]}))
            return 0
        for preset in found.values():
            print(f"{preset.name:<14} {preset.version}  {preset.about}")
        print("\nWhat differs from recommended: psmatch presets NAME. As a recipe: psmatch init A B --preset NAME")
        return 0
    changed = differences(Recipe.preset(options.other), Recipe.preset(options.name))
    if options.json:
        print(as_json({"name": options.name, "other": options.other, "differences": [vars(each) for each in changed]}))
        return 0
    for each in changed:
        print(f"{each.title}: {each.before} → {each.now}")
    if not changed:
        print(f"{options.other} and {options.name} have the same settings.")
    return 0


COMMAND = Command(
    "presets",
    "list the named settings, and how they differ",
    _add_arguments,
    _presets,
    example="psmatch presets recommended-2",
)
