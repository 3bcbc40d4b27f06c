"""`psmatch witness`: solve labels of a run again by POT, an independent library, and compare the plans."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import SHORT, Command, add_json, add_quiet


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run that is matched")
    parser.add_argument("--labels", nargs="+", default=None, help="labels to compare (default: the smallest one)")
    add_quiet(parser)
    add_json(parser)


def _witness(options: argparse.Namespace) -> int:
    from psmatch_core.base.errors import PsmatchError
    from psmatch_core.base.records import to_plain
    from psmatch_core.cli.common import open_run, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.matching.witness import witness
    from psmatch_core.workspace.results import load_matching, load_models

    folder = open_run(options.run)
    coupling = load_matching(folder, load_models(folder))
    if not coupling.labels:
        raise PsmatchError("No label of this run has a plan.", hint="See the notes of its labels.csv.")
    smallest = min(coupling.labels, key=lambda label: coupling[label].shape[0] * coupling[label].shape[1])
    recipe = folder.recipe
    records = []
    for label in options.labels or [smallest]:
        found = witness(coupling, label, recipe.matcher, seed=recipe.seed, progress=progress_of(options))
        if options.json:
            records.append(to_plain(found) | {"sentence": found.sentence})
            continue
        print(f"{label}: {found.n_source:,} × {found.n_target:,} cells")
        print(found.table().to_string(index=False, float_format=SHORT))
        print(f"{found.sentence}\n")
    if options.json:
        print(as_json({"labels": records}))
    return 0


COMMAND = Command(
    "witness",
    "solve labels of a run again by POT and compare the plans",
    _add_arguments,
    _witness,
    example="psmatch witness my-run --labels STAT1",
)
