"""`psmatch features`: which feature of one modality goes with which of the other, in a finished run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError

OUT = "feature_matches.csv"


def add(commands: Any, add_settings: Callable[..., None]) -> None:
    """Add the command to a command line."""
    features = commands.add_parser("features", help="which feature of one modality goes with which of the other")
    features.add_argument("run", type=Path, help="folder of a finished run")
    features.add_argument("--out", type=Path, default=None, help=f"csv to write (RUN/exports/{OUT})")
    features.add_argument("--of", choices=("target", "source"), default="target", help="whose features to list")
    features.add_argument("--top", type=int, default=5, help="partners of each feature (5)")
    add_settings(features, "epsilon=0.2")
    features.set_defaults(do=match)


def match(options: argparse.Namespace) -> int:
    """Match the features, print the strongest pairs and write all of them."""
    from psmatch_core.cli.common import setting, watcher
    from psmatch_core.matching.features import FeatureRules
    from psmatch_core.workspace.results import features_of
    from psmatch_core.workspace.run_folder import RunFolder

    if not (options.run / "recipe.json").exists():
        raise PsmatchError(
            f"{options.run} is not the folder of a run.", hint="Give the folder named by --out of a run."
        )
    if options.top < 1:
        raise PsmatchError(f"--top must be at least 1, got {options.top}.", hint="Give a number of partners.")
    rules = FeatureRules.from_dict(dict(setting(each) for each in options.settings))
    folder = RunFolder(options.run.resolve())
    found = features_of(folder, rules, progress=watcher(quiet=options.quiet))
    table = found.table(of=options.of, top=options.top)
    out = options.out or folder.exports / OUT
    disk.write_text(out, table.to_csv(index=False))
    first = table[table["rank"] == 1].head(20).drop(columns="rank")
    print(f"\n{found}, first partners, strongest evidence first:")
    print(first.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print("\n".join(["", *found.notes, f"All of it: {out}"]))
    return 0
