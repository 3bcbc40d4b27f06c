"""The command line: run, match, translate, curve, monitor, sweep, …: the app's power without a browser."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli import curve, features, leave_out, monitor

if TYPE_CHECKING:
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.workspace.run_folder import RunFolder

DEMO_FOLDER = "psmatch-demo"
RUN_FOLDER = "psmatch-run"
# Written out, since a command line that only prints its help must not load the recipe; a test holds it to PRESETS.
PRESET_HELP = "recommended, sharp, smooth, paper, paper-snn or paper-vae"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and do; 0 where it went well, 1 where something is to be changed, 2 for a wrong command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.do(options))
    except PsmatchError as error:
        print(f"✗ {error.problem}\n  → {error.hint}" + (f"  [{error.code}]" if error.code else ""), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("✗ stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="psmatch", description="Match cells of two unpaired modalities by propensity score."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="do what a recipe.json says (or the run in a folder)")
    run.add_argument("recipe", type=Path, help="recipe.json, or the folder of a run")
    _add_data(run)
    _add_settings(run)
    run.add_argument(
        "--out", type=Path, default=Path(RUN_FOLDER), help=f"folder for the run and its exports (./{RUN_FOLDER})"
    )
    run.add_argument("--cache", type=Path, default=None, help="folder in which runs share finished stages")
    run.add_argument("--queue", type=Path, default=None, help="folder in which runs wait for each other")
    run.set_defaults(do=_run)

    match = commands.add_parser("match", help="match two files without writing a recipe first")
    match.add_argument("source_file", help="h5ad, csv or tsv: cells of modality 1")
    match.add_argument("target_file", help="h5ad, csv or tsv: cells of modality 2")
    match.add_argument("--label", required=True, help="label column (of both, unless --target-label is given)")
    match.add_argument("--target-label", default="", help="label column of the target file")
    match.add_argument("--pair", default="", help="column that names the physical cell, for judging")
    match.add_argument("--preset", default="recommended", help=PRESET_HELP)
    _add_settings(match)
    match.add_argument(
        "--out", type=Path, default=Path(RUN_FOLDER), help=f"folder for the run and its exports (./{RUN_FOLDER})"
    )
    match.set_defaults(do=_match)

    demo = commands.add_parser("demo", help="the whole way on data that come with the program")
    demo.add_argument("--data", choices=("screen", "pbmc", "images"), default="screen", help="which demo data")
    demo.add_argument("--preset", default="recommended", help=PRESET_HELP)
    demo.add_argument(
        "--out", type=Path, default=Path(DEMO_FOLDER), help=f"folder for the run and its exports (./{DEMO_FOLDER})"
    )
    _add_settings(demo)
    demo.set_defaults(do=_demo)

    features.add(commands, _add_settings)
    leave_out.add(commands, _add_settings)

    curve.add(commands, _add_settings)
    monitor.add(commands)

    inspect = commands.add_parser("inspect", help="what is in a file, and what is wrong with it")
    inspect.add_argument("files", nargs="+", help="one file, or two to compare their labels")
    inspect.add_argument("--label", default="", help="label column to judge")
    inspect.add_argument("--labels", nargs="+", default=[], help="second table with the labels, one a file")
    inspect.set_defaults(do=_inspect)

    report = commands.add_parser("report", help="one HTML file of a run, with its figures; opens without the internet")
    report.add_argument("folder", type=Path, help="folder of a run")
    report.add_argument("--out", type=Path, default=None, help="the HTML file (report.html among the run's exports)")
    report.set_defaults(do=_report)

    translate = commands.add_parser("translate", help="predict the other modality of new cells, by a run's translator")
    translate.add_argument("translator", type=Path, help="folder of a run, or a file translator_….npz of its exports")
    translate.add_argument("cells", help="h5ad, csv or tsv: new cells of one modality; they need no labels")
    translate.add_argument(
        "--direction", default="", help="target_to_source (from source cells) or source_to_target (from target cells)"
    )
    translate.add_argument(
        "--matrix", default="", help="matrix of the file: X, layers/NAME, raw; the run's unless given"
    )
    translate.add_argument(
        "--out", type=Path, default=Path("translation.h5ad"), help="h5ad or csv; its name is given the direction"
    )
    translate.set_defaults(do=_translate)

    warm = commands.add_parser("warm", help="compile the transport engine now, before the first match waits for it")
    warm.set_defaults(do=_warm)

    options = commands.add_parser("options", help="every setting and method, with range, default and meaning")
    options.add_argument("--preset", default="recommended", help="whose values to show")
    options.add_argument("--markdown", action="store_true", help="as the table of docs/options.md")
    _add_settings(options)
    options.set_defaults(do=_options)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", default="", help="source file, instead of the recipe's")
    parser.add_argument("--target", default="", help="target file, instead of the recipe's")


def _add_settings(parser: argparse.ArgumentParser, example: str = "matcher.epsilon=0.02") -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help=f"a setting, such as {example}",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _run(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from psmatch_core.cli.common import with_settings
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.workspace.run_folder import DONE, RunFolder
    from psmatch_core.workspace.worker import execute

    if options.recipe.is_dir():
        if not (options.recipe / "recipe.json").exists():
            raise PsmatchError(
                f"The folder {options.recipe.name} holds no recipe.json.", hint="Give a recipe.json or a run's folder."
            )
        status = execute(RunFolder(options.recipe.resolve()), cache=options.cache, queue=options.queue)
        return 0 if status.state == DONE else 1
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
    return _do(with_settings(recipe, options.settings), options)


def _match(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import with_settings
    from psmatch_core.data.readers import DataSpec
    from psmatch_core.pipeline.recipe import Recipe

    recipe = with_settings(Recipe.preset(options.preset), options.settings)
    names = [Path(path).name.split(".")[0] for path in (options.source_file, options.target_file)]
    if names[0] == names[1]:
        names = [f"{names[0]} (source)", f"{names[1]} (target)"]
    source = DataSpec(path=options.source_file, label_key=options.label, name=names[0], pair_key=options.pair)
    target = DataSpec(
        path=options.target_file, label_key=options.target_label or options.label, name=names[1], pair_key=options.pair
    )
    return _do(recipe.with_data(source, target), options)


def _demo(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import with_settings
    from psmatch_core.pipeline.recipe import Recipe

    recipe = demo_recipe(Recipe.preset(options.preset), options.data)
    return _do(with_settings(recipe, options.settings), options)


def demo_recipe(recipe: Recipe, data: str) -> Recipe:
    """A recipe for one of the demo data sets."""
    from psmatch_core.data.readers import DataSpec

    names = {"screen": ("RNA", "Image"), "pbmc": ("Panel A", "Panel B"), "images": ("Circles", "Squares")}[data]
    specs = [DataSpec(path=f"demo:{data}", label_key="label", name=name, pair_key="cell") for name in names]
    return recipe.with_data(specs[0], specs[1])


def _inspect(options: argparse.Namespace) -> int:
    from psmatch_core.cli.inspect import inspect_command

    text, code = inspect_command(options.files, options.label, options.labels)
    print(text)
    return code


def _report(options: argparse.Namespace) -> int:
    from psmatch_core.report import write_report
    from psmatch_core.workspace.run_folder import RunFolder

    print(f"Report: {write_report(RunFolder(options.folder.resolve()), options.out)}")
    return 0


def _translate(options: argparse.Namespace) -> int:
    from psmatch_core.workspace.new_cells import translate_file

    print(
        translate_file(
            options.translator, options.cells, direction=options.direction, matrix=options.matrix, out=options.out
        )
    )
    return 0


def _warm(options: argparse.Namespace) -> int:
    from psmatch_core.transport import is_compiled, warm

    was, started = is_compiled(), time.perf_counter()
    warm()
    print(f"{'It was compiled already' if was else 'Compiled'} ({time.perf_counter() - started:.0f} s).")
    return 0


def _options(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import with_settings
    from psmatch_core.cli.settings import as_markdown, as_text
    from psmatch_core.pipeline.recipe import Recipe

    recipe = with_settings(Recipe.preset(options.preset), options.settings)
    print(as_markdown(recipe) if options.markdown else as_text(recipe))
    return 0


def _do(recipe: Recipe, options: argparse.Namespace) -> int:
    """Do a recipe in this process, in a new folder; print progress, the figures and where the files are."""
    from psmatch_core.cli.common import absolute, watcher
    from psmatch_core.workspace.run_folder import DONE, RunFolder
    from psmatch_core.workspace.worker import execute

    started = time.perf_counter()
    folder = RunFolder.create_at(options.out.resolve(), absolute(recipe))
    status = execute(folder, also=watcher(quiet=options.quiet))
    if status.state != DONE:
        raise PsmatchError(status.problem, hint=status.hint)
    print(_summary(folder, time.perf_counter() - started))
    return 0


def _summary(folder: RunFolder, seconds: float) -> str:
    import pandas as pd

    labels = pd.read_parquet(folder.path / "labels.parquet")
    lines = [
        labels[
            ["label", "n_source", "n_target", "status", "marginal_error", "iterations", "n_effective", "note"]
        ].to_string(index=False, float_format=lambda value: f"{value:.3g}")
    ]
    if (folder.path / "evaluation.json").exists():
        figures = json.loads((folder.path / "evaluation.json").read_text(encoding="utf-8"))
        mine, uniform = figures["micro"], figures["uniform_micro"]
        lines.append(f"\nAgainst {figures['n_pairs']:,} known pairs, within labels (uniform baseline beside it):")
        lines += [
            f"  {name:<11} {mine[name]:.3f}   uniform {uniform[name]:.3f}" for name in ("trace_fold", "foscttm", "rank")
        ]
    if (folder.path / "distributions.json").exists():
        from psmatch_core.evaluation.distributions import Distributions

        compared = json.loads((folder.path / "distributions.json").read_text(encoding="utf-8"))
        lines += [f"\n{Distributions.from_dict(each).report()}" for each in compared.values()]
    notes = json.loads((folder.path / "notes.json").read_text(encoding="utf-8"))
    lines += ["\nNoticed on the way:", *(f"  {note}" for note in notes)] if notes else []
    lines.append(f"\nDone in {seconds:.0f} s. Exports: {folder.exports}")
    return "\n".join(lines)
