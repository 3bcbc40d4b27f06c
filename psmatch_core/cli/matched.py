"""`psmatch matched`: the matched cells of a finished run as one MuData file."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_file_out, add_json

MATCHED_VALUES = ("best", "sampled", "barycentric", "pairs")  # a test compares it with those of the export


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--values",
        choices=MATCHED_VALUES,
        default="best",
        help="target features of each source cell: of its heaviest match, of a match drawn by weight, the weighted "
        "mean of its matches, or those of every pair of pairs.csv (default: best)",
    )
    add_file_out(parser, "h5mu file to write (default: matched_VALUES.h5mu among the exports)")
    add_json(parser)


def _matched(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import free_file, open_run
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.exports.matched_h5mu import MATCHED_OF_RUN, VALUES
    from psmatch_core.workspace.matched_file import write_matched_of

    folder = open_run(options.run)
    path = write_matched_of(
        folder, free_file(options, folder.exports / MATCHED_OF_RUN.format(options.values)), values=options.values
    )
    meaning = VALUES[options.values]
    if options.json:
        print(as_json({"file": path, "values": options.values, "meaning": meaning}))
    else:
        print(f"{path}: {meaning}.")
    return 0


COMMAND = Command(
    "matched",
    "write the matched cells of a run as MuData (h5mu)",
    _add_arguments,
    _matched,
    example="psmatch matched my-run --values barycentric",
)
