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
    from psmatch_core.workspace.run_folder import RunFolder

    print(f"Report: {write_report(RunFolder(options.run.resolve()), options.out)}")
    return 0


COMMAND = Command(
    "report", "write one HTML file with all figures of a run; it opens without the internet", _add_arguments, _report
)
