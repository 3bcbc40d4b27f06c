"""`psmatch resume`: go on with a run that was stopped, from the stages that it had finished."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import Command, add_cache_and_queue, add_json, add_quiet


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run that was stopped, failed or lost its process")
    add_cache_and_queue(parser)
    add_quiet(parser)
    add_json(parser)


def _resume(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import do_run, open_run
    from psmatch_core.workspace.jobs import job_in
    from psmatch_core.workspace.run_folder import DONE

    folder = open_run(options.run)
    if folder.status().state == DONE:
        raise PsmatchError(
            f"The run in {folder.id} is finished.",
            hint=f"Its results: psmatch evaluate {options.run}. To do it again elsewhere: psmatch run "
            f"{options.run}/recipe.json --out NEW-FOLDER",
        )
    return do_run(job_in(folder), options, started=time.perf_counter())


COMMAND = Command(
    "resume",
    "go on with a run that was stopped, from the stages it had finished",
    _add_arguments,
    _resume,
    example="psmatch resume my-run",
)
