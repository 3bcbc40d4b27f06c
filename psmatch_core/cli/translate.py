"""`psmatch translate`: predict the other modality of new cells with a translator that a run has trained."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_file_out, add_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("translator", type=Path, help="folder of a run, or a file translator_….npz of its exports")
    parser.add_argument("cells", help="new cells of one modality (formats: docs/formats.md); labels are not needed")
    parser.add_argument(
        "--direction",
        default="",
        help="target_to_source (predicts target features of source cells) or source_to_target (the reverse)",
    )
    parser.add_argument(
        "--matrix", default="", help="matrix of the file: X, layers/NAME or raw (default: the one that the run used)"
    )
    add_file_out(
        parser,
        "h5ad or csv file to write; the direction is added to its name (default: translation.h5ad)",
        Path("translation.h5ad"),
    )
    add_json(parser)


def _translate(options: argparse.Namespace) -> int:
    from psmatch_core.base.records import to_plain
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.workspace.new_cells import translate_file

    found = translate_file(
        options.translator,
        options.cells,
        direction=options.direction,
        matrix=options.matrix,
        out=options.out,
        may_replace=options.force,
    )
    print(as_json(to_plain(found)) if options.json else found)
    return 0


COMMAND = Command(
    "translate",
    "predict the other modality of new cells with the translator of a run",
    _add_arguments,
    _translate,
    example="psmatch translate my-run new-rna.h5ad --direction target_to_source",
)
