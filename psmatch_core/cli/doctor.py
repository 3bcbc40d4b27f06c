"""`psmatch doctor`: whether this machine can run psmatch, and what to do where it cannot."""

from __future__ import annotations

import argparse

from psmatch_core.cli.command import Command, add_json

MARKS = {"good": "✓", "warning": "!", "bad": "✗"}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def _doctor(options: argparse.Namespace) -> int:
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.cli.machine_checks import Health, check_machine

    checks = check_machine()
    is_ready = all(each.health is not Health.BAD for each in checks)
    if options.json:
        print(as_json({"is_ready": is_ready, "checks": [vars(each) for each in checks]}))
        return 0 if is_ready else 1
    width = max(len(each.name) for each in checks)
    for each in checks:
        print(f"{MARKS[each.health]} {each.name:<{width}}  {each.found}")
        if each.advice:
            print(f"  {'':<{width}}  → {each.advice}")
    print("\npsmatch can run here." if is_ready else "\nSomething that psmatch needs is missing: see the lines with ✗.")
    return 0 if is_ready else 1


COMMAND = Command(
    "doctor",
    "check that this machine can run psmatch, and say what to do if not",
    _add_arguments,
    _doctor,
    example="psmatch doctor",
)
