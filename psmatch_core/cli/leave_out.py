"""`psmatch leave-out`: exclude a label from every step, predict it, and compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import Command, add_executor, add_force, add_json, add_quiet, add_settings, with_executor

LEFT_OUT_FOLDER = "psmatch-left-out"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, help="a recipe.json, or the folder of a run")
    parser.add_argument("--label", required=True, help="label to leave out")
    parser.add_argument(
        "--control", default="", help="label from which shifts are measured (default: the one with a control's name)"
    )
    parser.add_argument(
        "--direction", default="target_to_source", help="target_to_source (default) or source_to_target"
    )
    add_settings(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help=f"folder for the result (default: the folder of the run, or ./{LEFT_OUT_FOLDER})",
    )
    add_force(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _leave_out(options: argparse.Namespace) -> int:
    """Do it in this process; print progress, the results and where the files are."""
    from psmatch_core.cli.common import check_done, free_folder, progress_of, with_absolute_paths, with_settings
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.pipeline.leave_out import LeaveOut
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
    from psmatch_core.workspace.run_folder import RunFolder
    from psmatch_core.workspace.worker import execute

    how = LeaveOut(direction=options.direction, control=options.control)
    given = options.recipe.resolve()
    if given.is_dir() and not options.out and not options.settings:
        job = LeaveOutJob.create(RunFolder(given), options.label, how)
    else:
        recipe = with_settings(Recipe.read(given / "recipe.json" if given.is_dir() else given), options.settings)
        recipe = with_absolute_paths(recipe)
        folder = free_folder(options, options.out or Path(LEFT_OUT_FOLDER), recipe)
        job = LeaveOutJob.create_at(folder, recipe, options.label, how)
    check_done(execute(job, also=progress_of(options)))
    found = job.result()
    if options.json:
        result = {**found.to_dict(), "finding": found.finding()} if found is not None else {}
        print(as_json({"folder": job.folder.path, **result}))
        return 0
    if found is not None:
        print(found.report())
    print(f"\nFiles: {job.folder.path}")
    return 0


COMMAND = Command(
    "leave-out",
    "exclude a label from every step, predict it, and compare",
    _add_arguments,
    with_executor(_leave_out),
    example="psmatch leave-out my-run --label STAT1",
)
