"""`psmatch run`: run a recipe, or the run that waits in a folder."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import (
    Command,
    add_cache_and_queue,
    add_executor,
    add_json,
    add_out,
    add_quiet,
    add_settings,
    add_umap,
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, help="a recipe (json or toml), or the folder of a run")
    parser.add_argument("--source", default="", help="source file to use instead of the recipe's")
    parser.add_argument("--target", default="", help="target file to use instead of the recipe's")
    add_settings(parser)
    add_out(parser)
    add_cache_and_queue(parser)
    add_umap(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import run_recipe, with_settings
    from psmatch_core.pipeline.recipe import Recipe

    if options.recipe.is_dir():
        return _run_folder(options)
    recipe = Recipe.read(options.recipe)
    for side in ("source", "target"):
        path, spec = getattr(options, side), getattr(recipe, side)
        if path and spec is None:
            raise PsmatchError(
                f"The recipe names no label column for the {side} file.",
                hint=f'Add "{side}": {{"path": "{path}", "label_key": "…"}} to the recipe, or use the match command.',
            )
        if path:
            recipe = replace(recipe, **{side: replace(spec, path=path, sha256="")})
    return run_recipe(with_settings(recipe, options.settings), options)


def _run_folder(options: argparse.Namespace) -> int:
    """The job that a page has prepared in a folder: status and progress are written there, nothing is printed."""
    from psmatch_core.workspace.jobs import job_in
    from psmatch_core.workspace.run_folder import DONE, FAILED, RunFolder, RunStatus
    from psmatch_core.workspace.worker import execute

    if not any((options.recipe / name).exists() for name in ("recipe.json", "status.json")):
        raise PsmatchError(
            f"The folder {options.recipe.name} holds no recipe.json.", hint="Give a recipe.json or the folder of a run."
        )
    folder = RunFolder(options.recipe.resolve())
    if folder.status().state == DONE:
        raise PsmatchError(
            f"The run in {folder.id} is finished.",
            hint=f"To do it again elsewhere: psmatch run {options.recipe}/recipe.json --out NEW-FOLDER",
        )
    try:
        job = job_in(folder)
    except PsmatchError as error:
        folder.write_status(RunStatus(state=FAILED, problem=error.problem, hint=error.hint))
        raise
    status = execute(job, cache=options.cache, queue=options.queue)
    return 0 if status.state == DONE else 1


COMMAND = Command(
    "run",
    "run a recipe, or the run that waits in a folder",
    _add_arguments,
    _run,
    example="psmatch run recipe.toml --set matcher.epsilon=0.02 --out sharper",
)
