"""`psmatch curve`: transport cost against the spread of the plan over a grid of epsilons; needs no true pairs."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import SHORT, Command, add_file_out, add_json, add_quiet, add_settings

CURVE_FILE = "curve.csv"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run whose propensity models are trained")
    parser.add_argument(
        "--epsilons", nargs="+", type=float, default=None, help="the grid (default: ten values around the recipe's)"
    )
    parser.add_argument("--labels", nargs="+", default=None, help="labels to include (default: all)")
    add_file_out(parser, f"csv file to write (default: {CURVE_FILE} in the folder of the run)")
    add_settings(parser)
    add_quiet(parser)
    add_json(parser)


def _trace(options: argparse.Namespace) -> int:
    """Solve the grid, print the means over labels, and write every label's curve."""
    from psmatch_core.cli.common import free_file, open_run, progress_of, with_settings
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.exploration.l_curve import l_curve
    from psmatch_core.exports.tables import write_csv
    from psmatch_core.workspace.results import load_models

    folder = open_run(options.run)
    path = free_file(options, folder.path / CURVE_FILE)
    recipe = with_settings(folder.recipe, options.settings)
    curve = l_curve(
        *load_models(folder),
        recipe.matcher,
        options.epsilons,
        labels=options.labels,
        seed=recipe.seed,
        progress=progress_of(options),
    )
    write_csv(curve.table(), path)
    if options.json:
        table = curve.table()
        labels = table[table["label"] != ""]  # those without a label are the means
        tables = {"pooled": curve.pooled.to_dict("records"), "labels": labels.to_dict("records")}
        print(as_json({"file": path, **tables, "suggestion": curve.suggestion, "notes": curve.notes}))
        return 0
    print(curve.pooled.to_string(index=False, float_format=SHORT))
    print("\n".join(("", *curve.notes, curve.suggestion, f"The curves of all labels: {path}")))
    return 0


COMMAND = Command(
    "curve",
    "trace cost against the spread of the matches over a grid of epsilons",
    _add_arguments,
    _trace,
    example="psmatch curve my-run --labels STAT1 JAK2",
)
