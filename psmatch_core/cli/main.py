"""The command line: everything that the app computes, without a browser. One file of this folder for each command."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.memory import free_arrays_at_once, look_for_circles_rarely
from psmatch_core.base.version import VERSION
from psmatch_core.cli import (
    app,
    compare,
    curve,
    demo,
    doctor,
    evaluate,
    features,
    init,
    inspect,
    leave_out,
    markers,
    match,
    match_many,
    matched,
    monitor,
    options,
    presets,
    report,
    resume,
    run,
    runs,
    sweep,
    translate,
    warm,
    witness,
)
from psmatch_core.cli.exit_codes import ExitCode, UnfinishedJobError
from psmatch_core.cli.json_output import as_json
from psmatch_core.workspace.run_status import UNEXPECTED

# In the order of the work.
GROUPS = {
    "start": (doctor, demo, app),
    "look at the data": (inspect, init),
    "match": (match, match_many, run, resume, runs),
    "judge the matches": (evaluate, monitor, compare, curve, sweep, witness, leave_out),
    "use the matches": (markers, features, translate, matched, report),
    "settings and the program": (options, presets, warm),
}
COMMANDS = tuple(module.COMMAND for modules in GROUPS.values() for module in modules)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse a command line and do it.

    Returns
    -------
    One of :class:`~psmatch_core.cli.exit_codes.ExitCode`; a wrong command line exits with 2.
    """
    free_arrays_at_once()
    look_for_circles_rarely()
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.do(chosen))
    except PsmatchError as error:
        code = f"  [{error.code}]" if error.code else ""
        print(f"✗ {error.problem}\n  → {error.hint}{code}", file=sys.stderr)
        if getattr(chosen, "json", False):
            print(as_json({"problem": error.problem, "hint": error.hint, "code": error.code}))
        return int(error.exit_code if isinstance(error, UnfinishedJobError) else ExitCode.REFUSED)
    except (KeyboardInterrupt, Cancelled):
        print("✗ stopped", file=sys.stderr)
        if getattr(chosen, "json", False):
            print(as_json({"problem": "Stopped.", "hint": "Start the command again.", "code": ""}))
        return int(ExitCode.STOPPED)
    except BrokenPipeError:  # whoever read the output has enough of it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except Exception as error:
        traceback.print_exc()
        hint = "Please report it with the lines above."
        print(f"✗ {UNEXPECTED} ({type(error).__name__}).\n  → {hint}", file=sys.stderr)
        return int(ExitCode.UNEXPECTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="psmatch",
        usage="psmatch [-h] [--version] COMMAND ...",
        description="Match cells of two unpaired modalities by propensity score.",
        epilog=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"psmatch {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog="psmatch", help="one of those below")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=f"example: {command.example}",
        )
        command.add_arguments(added)
        added.set_defaults(do=command.do)
    return parser


def _overview() -> str:
    """The commands in the order of the work with an example each, and the exit codes."""
    width = max(len(command.name) for command in COMMANDS)
    lines = []
    for title, modules in GROUPS.items():
        lines.append(f"{title}:")
        for module in modules:
            lines.append(f"  {module.COMMAND.name:<{width}}  {module.COMMAND.help}")
            lines.append(f"  {'':<{width}}  $ {module.COMMAND.example}")
        lines.append("")
    lines += ["`psmatch COMMAND --help` explains a command.", "", "exit codes:"]
    return "\n".join([*lines, *(f"  {code.value:<5}{code.meaning}" for code in ExitCode)])
