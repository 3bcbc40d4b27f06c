"""`psmatch report`: a run as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument(
        "--out", type=Path, default=None, help="HTML file to write (default: report.html among the exports of the run)"
    )


def _report(options: argparse.Namespace) -> int:
    from psmatch_core.report import write_report
    from psmatch_core.workspace.ending import describe_ending
    from psmatch_core.workspace.run_folder import RunFolder

    folder = RunFolder(options.run.resolve())
    written = write_report(folder, options.out)
    if ending := describe_ending(folder):
        print(ending)
    print(f"Report: {written}")
    return 0


COMMAND = Command(
    "report", "write one HTML file with all figures of a run; it opens without the internet", _add_arguments, _report
)
