"""`psmatch curve`: transport cost against the spread of the plan over a grid of epsilons, no true pairs needed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError

OUT = "curve.csv"


def add(commands: Any, add_settings: Callable[..., None]) -> None:
    """Add the command to a command line."""
    curve = commands.add_parser(
        "curve", help="cost against entropy over a grid of epsilons, of a run whose propensity models are trained"
    )
    curve.add_argument("run", type=Path, help="folder of a run")
    curve.add_argument("--epsilons", nargs="+", type=float, default=None, help="the grid (ten around the recipe's)")
    curve.add_argument("--labels", nargs="+", default=None, help="labels to trace (all)")
    curve.add_argument("--out", type=Path, default=None, help=f"csv file ({OUT} in the folder of the run)")
    add_settings(curve)
    curve.set_defaults(do=trace)


def trace(options: argparse.Namespace) -> int:
    """Trace the curve, print the means over labels, and write every label's."""
    from psmatch_core.cli.common import watcher, with_settings
    from psmatch_core.exploration.l_curve import l_curve
    from psmatch_core.workspace.results import load_models
    from psmatch_core.workspace.run_folder import RunFolder

    if not (options.run / "recipe.json").exists():
        raise PsmatchError(
            f"The folder {options.run.name} holds no run.", hint="Give the folder that `psmatch match` or `run` wrote."
        )
    folder = RunFolder(options.run.resolve())
    recipe = with_settings(folder.recipe, options.settings)
    told = watcher(quiet=options.quiet)
    curve = l_curve(
        *load_models(folder), recipe.matcher, options.epsilons, labels=options.labels, seed=recipe.seed, progress=told
    )
    path = options.out or folder.path / OUT
    disk.write_text(path, curve.table().to_csv(index=False))
    print(curve.pooled.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print("\n".join(("", *curve.notes, curve.suggestion, f"Every label: {path}")))
    return 0
