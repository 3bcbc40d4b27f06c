"""`psmatch inspect`: what a data file contains, and whether it can be used."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_json, add_settings
from psmatch_core.cli.data_arguments import accepted_kinds, add_data, specs_of, with_files
from psmatch_core.cli.exit_codes import ExitCode


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", help="one data file, or two to compare their labels")
    add_data(parser, needs_label=False)
    add_settings(parser, "labels.leave_out=Doublet,Negative")
    add_json(parser)


def _inspect(options: argparse.Namespace) -> int:
    from psmatch_core.data.readers.sandbox import shared_sandbox

    with shared_sandbox():  # it loads libraries of its own while this process does
        # Settings may change what is read of the files, and need the whole recipe to be understood.
        first = None
        if not options.settings:
            from psmatch_core.cli.first_look import FirstLook

            first = FirstLook.at(specs_of(options.files, options)[0], meanwhile=_load)
        from psmatch_core.cli.inspected_files import inspect_files
        from psmatch_core.cli.json_output import as_json
        from psmatch_core.pipeline.recipe import Recipe

        recipe = with_files(Recipe(), options.files, options)
        found = inspect_files(
            [each for each in (recipe.source, recipe.target) if each],
            rules=recipe.labels,
            accepted=accepted_kinds(options),
            preprocessing=(recipe.source_preprocessing, recipe.target_preprocessing),
            first=first,
        )
    print(as_json(found.record) if options.json else found.text)
    return int(ExitCode.DONE if found.can_be_used else ExitCode.REFUSED)


def _load() -> None:
    """Load what is needed next; who needs it before this ends waits for it."""
    from psmatch_core.cli import inspected_files  # noqa: F401
    from psmatch_core.pipeline import recipe  # noqa: F401


COMMAND = Command(
    "inspect",
    "show what a data file contains, and check it for problems",
    _add_arguments,
    _inspect,
    example="psmatch inspect rna.h5ad adt.h5ad --label ko",
)
