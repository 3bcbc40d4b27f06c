"""`psmatch leave-out`: a label left out of everything, from a recipe or the folder of a run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psmatch_core.base.errors import PsmatchError

OUT = "psmatch-left-out"


def add(commands: Any, add_settings: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the command to a command line."""
    leave = commands.add_parser("leave-out", help="keep a label from everything, predict it, and compare")
    leave.add_argument("recipe", type=Path, help="recipe.json, or the folder of a run")
    leave.add_argument("--label", required=True, help="the label to leave out")
    leave.add_argument("--control", default="", help="label that shifts are measured against (told by its name)")
    leave.add_argument("--direction", default="target_to_source", help="or source_to_target")
    add_settings(leave)
    leave.add_argument("--out", type=Path, default=None, help=f"folder for the result (a run's own, or ./{OUT})")
    leave.set_defaults(do=leave_out)


def leave_out(options: argparse.Namespace) -> int:
    """Do it in this process, print progress, the figures and where the files are."""
    from psmatch_core.cli.common import absolute, watcher, with_settings
    from psmatch_core.pipeline.leave_out import LeaveOut
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.workspace.jobs import leave_out as leave_out_job
    from psmatch_core.workspace.run_folder import DONE, RunFolder
    from psmatch_core.workspace.worker import execute

    how = LeaveOut(direction=options.direction, control=options.control)
    given = options.recipe.resolve()
    if given.is_dir() and not options.out and not options.settings:
        folder = leave_out_job.create(RunFolder(given), options.label, how)
    else:
        recipe = with_settings(Recipe.read(given / "recipe.json" if given.is_dir() else given), options.settings)
        out = options.out or Path(OUT)
        folder = leave_out_job.create_at(out.resolve(), absolute(recipe), options.label, how)
    status = execute(folder, also=watcher(quiet=options.quiet))
    found = leave_out_job.result(folder)
    if status.state != DONE or found is None:
        raise PsmatchError(status.problem, hint=status.hint)
    print(found.report() + f"\n\nFiles: {folder.path}")
    return 0
