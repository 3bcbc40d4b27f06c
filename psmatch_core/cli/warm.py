"""`psmatch warm`: compile the transport engine now, so that the first match need not wait for it."""

from __future__ import annotations

import argparse
import time

from psmatch_core.cli.command import Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: there is one engine."""


def _warm(options: argparse.Namespace) -> int:
    from psmatch_core.transport import compile_engine, is_compiled

    was_compiled, started = is_compiled(), time.perf_counter()
    compile_engine()
    print(f"{'Already compiled' if was_compiled else 'Compiled'} ({time.perf_counter() - started:.0f} s).")
    return 0


COMMAND = Command(
    "warm",
    "compile the transport engine now, before the first match",
    _add_arguments,
    _warm,
    example="psmatch warm",
)
