"""`psmatch matched`: the matched cells of a finished run as one MuData file."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_file_out

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


def _matched(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import free_file, open_run
    from psmatch_core.exports.matched_h5mu import MATCHED_OF_RUN, VALUES
    from psmatch_core.workspace.matched_file import write_matched_of

    folder = open_run(options.run)
    path = write_matched_of(
        folder, free_file(options, folder.exports / MATCHED_OF_RUN.format(options.values)), values=options.values
    )
    print(f"{path}: {VALUES[options.values]}.")
    return 0


COMMAND = Command(
    "matched",
    "write the matched cells of a run as MuData (h5mu)",
    _add_arguments,
    _matched,
    example="psmatch matched my-run --values barycentric",
)
