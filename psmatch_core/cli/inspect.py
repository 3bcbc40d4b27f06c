"""`psmatch inspect`: what a data file contains, and whether it can be used."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_settings


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", help="one data file, or two to compare their labels")
    parser.add_argument("--label", default="", help="label column to check (default: list the candidates)")
    parser.add_argument("--labels", nargs="+", default=[], help="separate tables with the labels, one for each file")
    add_settings(parser, "labels.leave_out=Doublet,Negative")


def _inspect(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import with_settings
    from psmatch_core.cli.file_summary import describe_files
    from psmatch_core.pipeline.recipe import Recipe

    rules = with_settings(Recipe(), options.settings).labels
    text, code = describe_files(options.files, options.label, options.labels, rules=rules)
    print(text)
    return code


COMMAND = Command("inspect", "show what a data file contains, and check it for problems", _add_arguments, _inspect)
