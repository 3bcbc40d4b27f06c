"""The command line: everything that the app computes, without a browser. One file of this folder for each command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION
from psmatch_core.cli import (
    app,
    curve,
    demo,
    doctor,
    evaluate,
    features,
    init,
    inspect,
    leave_out,
    match,
    matched,
    monitor,
    options,
    report,
    run,
    sweep,
    translate,
    warm,
    witness,
)

COMMANDS = tuple(
    module.COMMAND
    for module in (
        app, demo, inspect, init, match, run, evaluate, monitor, sweep, curve, witness, translate, features, matched,
        leave_out, report, options, doctor, warm,
    )
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse a command line and do it.

    Returns
    -------
    0 on success, 1 for a problem that the user can solve; a wrong command line exits with 2.
    """
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.do(chosen))
    except PsmatchError as error:
        code = f"  [{error.code}]" if error.code else ""
        print(f"✗ {error.problem}\n  → {error.hint}{code}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("✗ stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has enough of it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="psmatch",
        description="Match cells of two unpaired modalities by propensity score.",
        epilog="`psmatch COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"psmatch {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        sentence = command.help[0].upper() + command.help[1:] + "."
        added = commands.add_parser(command.name, help=command.help, description=sentence)
        command.add_arguments(added)
        added.set_defaults(do=command.do)
    return parser
