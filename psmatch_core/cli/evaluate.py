"""`psmatch evaluate`: how good the matches of a finished run are, where true pairs are known."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import SHORT, Command, add_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a finished run")
    add_json(parser)


def _evaluate(options: argparse.Namespace) -> int:
    """Print what the run has measured; nothing is computed again."""
    from psmatch_core.cli.common import check_matched, open_run
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.cli.run_summary import NO_PAIRS, evaluation_lines, run_record
    from psmatch_core.workspace.ending import describe_ending
    from psmatch_core.workspace.evaluations import load_evaluation

    folder = open_run(options.run)
    check_matched(folder)
    if options.json:
        print(as_json(run_record(folder)))
        return 0
    shown = load_evaluation(folder)
    if shown is not None and shown.labels is not None:
        print(shown.labels.to_string(index=False, float_format=SHORT))
    lines = [*([] if shown is not None else [NO_PAIRS]), *evaluation_lines(folder), describe_ending(folder)]
    print("\n".join(each for each in lines if each))
    return 0


COMMAND = Command(
    "evaluate",
    "show how good the matches of a run are where true pairs are known",
    _add_arguments,
    _evaluate,
    example="psmatch evaluate my-run",
)
