"""`psmatch report`: a run as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_file_out, add_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run")
    add_file_out(parser, "HTML file to write (default: report.html among the exports of the run)")
    add_json(parser)


def _report(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import free_file, open_run
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.report import REPORT_FILE, write_report
    from psmatch_core.workspace.ending import describe_ending
    from psmatch_core.workspace.run_facts import read_note

    folder = open_run(options.run)
    written = write_report(folder, free_file(options, folder.exports / REPORT_FILE))
    ending, note = describe_ending(folder), read_note(folder.path)
    if options.json:
        print(as_json({"file": written, "state": folder.status().state, "ending": ending, "note": note}))
        return 0
    if ending:
        print(ending)
    if note:
        print(f"Note: {note}")
    print(f"Report: {written}")
    return 0


COMMAND = Command(
    "report",
    "write one HTML file with all figures of a run; it opens without the internet",
    _add_arguments,
    _report,
    example="psmatch report my-run --out report.html",
)
