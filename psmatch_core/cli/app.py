"""`psmatch app`: the app in the browser, with files or a result opened if they are named."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import Command
from psmatch_core.data.sides import SIDES

OPENED_VARIABLES = dict(zip(SIDES, ("PSMATCH_OPEN_SOURCE", "PSMATCH_OPEN_TARGET"), strict=True))
OPENED_RESULT = "PSMATCH_OPEN_RESULT"  # kind and id of a result that was named, in the workspace
DEFAULT_PORT = 8501


def app_script() -> Path:
    """The script of the server: inside the installed package, or at the top of a checkout.

    Raises
    ------
    PsmatchError
        If the app was not installed with the package.
    """
    spec = importlib.util.find_spec("psmatch")
    installed = [Path(folder) / "app" for folder in (spec.submodule_search_locations or ())] if spec else []
    for folder in (*installed, Path(__file__).parents[2]):
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder / "app.py"
    raise PsmatchError(
        "The app is not part of this installation: its folder psmatch/app is missing.",
        hint="Install the wheel again: python -m pip install --force-reinstall --no-deps psmatch.",
    )


def app_command(options: argparse.Namespace) -> list[str]:
    """The command that starts the server; what is not chosen stays with ``.streamlit/config.toml``."""
    command = [sys.executable, "-m", "streamlit", "run", str(app_script()), "--server.port", str(options.port)]
    return command if options.open is None else [*command, "--server.headless", str(not options.open).lower()]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="source and target, opened on the Data page, or one result: the folder of match or match-many, or a zip "
        "of it (default: none)",
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"port of this machine (default: {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--open",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="open the browser, or do not (default: if there is a display)",
    )


def _app(options: argparse.Namespace) -> int:
    if len(options.files) > len(SIDES):
        raise PsmatchError(
            f"The app opens at most two files, source and target; {len(options.files)} were given.",
            hint="psmatch app rna.h5ad adt.h5ad",
        )
    environment = dict(os.environ)
    results = [given for given in options.files if _is_result(Path(given))]
    if results and len(options.files) > 1:
        raise PsmatchError(
            f"{results[0]} is a result, and a result is opened alone.",
            hint=f"psmatch app {results[0]}; add more with psmatch runs --add.",
        )
    if results:
        environment[OPENED_RESULT] = _opened(Path(results[0]))
        return _serve(app_command(options), environment)
    for which, given in zip(SIDES, options.files, strict=False):
        if not Path(given).exists():
            raise PsmatchError(f"There is no file {given}.", hint="Check the path; it starts from the current folder.")
        environment[OPENED_VARIABLES[which]] = str(Path(given).absolute())
    return _serve(app_command(options), environment)


def _is_result(given: Path) -> bool:
    from psmatch_core.workspace.opening.found_result import holds_result

    return given.exists() and holds_result(given)


def _opened(result: Path) -> str:
    """Open a result in the workspace before the server starts, so that what is wrong with it is said here."""
    from psmatch_core.cli.common import open_in_workspace

    opened = open_in_workspace(result)
    print(opened.in_words(), flush=True)
    return f"{opened.kind} {opened.folder.id}"


def _serve(command: list[str], environment: dict[str, str]) -> int:
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    os.execve(command[0], command, environment)  # the server takes this process's place, so that a signal reaches it


COMMAND = Command(
    "app",
    "open the app in the browser, with two files or a result if they are named",
    _add_arguments,
    _app,
    example="psmatch app rna.h5ad adt.h5ad",
)
