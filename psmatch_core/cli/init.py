"""`psmatch init`: a recipe for two data files, with a comment on each setting, to be changed in an editor and run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psmatch_core.cli.command import Command, add_file_out, add_preset, add_settings
from psmatch_core.cli.data_arguments import accepted_kinds, add_data, with_files

if TYPE_CHECKING:
    from psmatch_core.pipeline.recipe import Recipe

RECIPE_FILE = "recipe.toml"
MOST_CANDIDATES = 10


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source_file", help="cells of modality 1: a file or folder of any format in docs/formats.md")
    parser.add_argument("target_file", help="cells of modality 2, likewise")
    add_data(parser, needs_label=False)
    add_preset(parser)
    add_settings(parser)
    add_file_out(parser, f"recipe to write (default: {RECIPE_FILE})", Path(RECIPE_FILE))


def _init(options: argparse.Namespace) -> int:
    from psmatch_core.base.disk import write_text
    from psmatch_core.cli.common import free_file, with_absolute_paths, with_accepted
    from psmatch_core.pipeline.commented_recipe import as_toml
    from psmatch_core.pipeline.recipe import Recipe

    path = free_file(options, Path(RECIPE_FILE)).absolute()
    recipe = with_files(Recipe.preset(options.preset), (options.source_file, options.target_file), options)
    notes, missing = {}, []
    for side in ("source", "target"):
        recipe, notes[side] = _with_label(recipe, side)
        if not getattr(recipe, side).label_key:
            missing.append(side)
    recipe = with_absolute_paths(with_accepted(recipe, accepted_kinds(options)))
    write_text(path, as_toml(_beside(recipe, path.parent), name=path.name, notes=notes))
    print(f"Recipe: {path}")
    if missing:
        print(f"Choose the label column: label_key in [{'] and ['.join(missing)}]; the recipe lists the candidates.")
    print(f"Then: psmatch run {options.out} --out my-run")
    return 0


def _with_label(recipe: Recipe, side: str) -> tuple[Recipe, list[str]]:
    """The recipe with the only possible label column of a file, unless one is named; and what to know of the file."""
    from psmatch_core.cli.file_summary import proposal_lines
    from psmatch_core.data.readers import inspect_file

    spec = getattr(recipe, side)
    summary = inspect_file(spec, is_final=bool(spec.label_key))
    candidates = [each.name for each in summary.label_candidates]
    notes = [f"{summary.n_cells:,} cells × {summary.n_features:,} features"]
    if not spec.label_key:
        listed = ", ".join(candidates[:MOST_CANDIDATES]) or "none was found"
        more = f" and {len(candidates) - MOST_CANDIDATES} more" if len(candidates) > MOST_CANDIDATES else ""
        notes.append(f"columns that can be the label: {listed}{more}")
        spec = replace(spec, label_key=candidates[0] if len(candidates) == 1 else "")
        recipe = replace(recipe, **{side: spec})
    preprocessing = getattr(recipe, f"{side}_preprocessing")
    return recipe, [*notes, *proposal_lines(summary, spec, preprocessing, side=side, rules=recipe.labels)]


def _beside(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the files below its folder named from there, so that the folder can be moved."""
    for side in ("source", "target"):
        spec = getattr(recipe, side)
        paths = {}
        for name in ("path", "labels_path"):
            file = Path(getattr(spec, name))
            if getattr(spec, name) and file.is_relative_to(folder.resolve()):
                paths[name] = file.relative_to(folder.resolve()).as_posix()
        recipe = replace(recipe, **{side: replace(spec, **paths)})
    return recipe


COMMAND = Command(
    "init",
    "write a recipe for two data files, with a comment on each setting",
    _add_arguments,
    _init,
    example="psmatch init rna.h5ad adt.h5ad --label ko",
)
