"""Command: what one file of this folder adds to the command line, and the arguments that several commands share.

No heavy import belongs at the top of a command's file: ``psmatch --help`` reads all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RUN_FOLDER = "psmatch-run"
SHORT = "{:.3g}".format  # how numbers stand in tables on a terminal
# Written out, because `psmatch --help` must not load the recipe; a test compares it with PRESETS.
PRESETS_TEXT = "recommended, recommended-1, recommended-2, fast, sharp, smooth, paper, paper-snn or paper-vae"


@dataclass(frozen=True)
class Command:
    """One command of the command line.

    Parameters
    ----------
    name
        What the user types after ``psmatch``.
    help
        What it does, in one line that starts with a verb.
    add_arguments
        Adds its arguments to its parser.
    do
        Does it; returns the exit code.
    example
        A command line that uses it.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    do: Callable[[argparse.Namespace], int]
    example: str = ""


def add_settings(parser: argparse.ArgumentParser, example: str = "matcher.epsilon=0.02") -> None:
    """Add ``--set NAME=VALUE``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help=f"change a setting, for example {example}; may be repeated",
    )


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add ``--preset``."""
    parser.add_argument("--preset", default="recommended", help=f"{PRESETS_TEXT} (default: recommended)")


def add_out(parser: argparse.ArgumentParser, folder: str = RUN_FOLDER) -> None:
    """Add ``--out``, the folder of a new run, and ``--force``."""
    parser.add_argument(
        "--out", type=Path, default=Path(folder), help=f"folder for the run and its exports (default: ./{folder})"
    )
    add_force(parser)


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add ``--force``, without which a folder that holds a run is refused."""
    parser.add_argument(
        "--force", action="store_true", help="if the folder already holds a run, move that run aside; it is kept"
    )


def add_file_out(parser: argparse.ArgumentParser, what: str, default: Path | None = None) -> None:
    """Add ``--out``, the file that a command writes, and ``--force``, without which a file that exists is refused.

    Parameters
    ----------
    what
        What the file is and where it is written by default.
    default
        None if that depends on the run.
    """
    parser.add_argument("--out", type=Path, default=default, help=what)
    parser.add_argument(
        "--force", action="store_true", help="if the file already exists, replace it once the new one is complete"
    )


def add_cache_and_queue(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache`` and ``--queue``, with which runs share their stages and wait for each other."""
    parser.add_argument("--cache", type=Path, default=None, help="folder in which runs share finished stages")
    parser.add_argument("--queue", type=Path, default=None, help="folder in which runs wait for each other to finish")


def add_executor(parser: argparse.ArgumentParser) -> None:
    """Add ``--executor``, the cluster that trains and matches."""
    parser.add_argument(
        "--executor",
        default="",
        metavar="dask://HOST:PORT",
        help="train and match on the workers of a running dask cluster (default: on the cores of this machine)",
    )


def with_executor(do: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command on the cluster of ``--executor``, which is asked before anything starts; here if there is none."""

    def do_there(options: argparse.Namespace) -> int:
        from psmatch_core.base.cores import computing_on
        from psmatch_core.base.executors import open_executor

        with open_executor(options.executor) as executor, computing_on(executor):
            return do(options)

    return do_there


def add_umap(parser: argparse.ArgumentParser) -> None:
    """Add ``--umap``, without which the map of scores is that of their principal components."""
    parser.add_argument(
        "--umap", action="store_true", help="also draw a UMAP of the scores for the report and the app (15 s or more)"
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for a program to read")
