"""`psmatch compare`: the matchings of two runs on the same cells, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import SHORT, Command, add_json, add_quiet

COLUMNS = {
    "label": "label",
    "n_cells": "cells",
    "shared_mass": "shared mass",
    "by_label": "by label alone",
    "same_best": "same best",
    "n_effective": "effective",
    "other_n_effective": "effective (2)",
    "verdict": "verdict",
    "other_verdict": "verdict (2)",
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run that is matched")
    parser.add_argument("other", type=Path, help="folder of another run on the same cells")
    add_quiet(parser)
    add_json(parser)


def _compare(options: argparse.Namespace) -> int:
    """Print where two matchings agree, and how their figures differ."""
    from psmatch_core.cli.common import check_matched, open_run, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.exploration.two_matchings import SHARED_MASS
    from psmatch_core.workspace.compare_matchings import compare_run_matchings

    folders = [open_run(each) for each in (options.run, options.other)]
    for each in folders:
        check_matched(each)
    names = (str(options.run), str(options.other))
    found = compare_run_matchings(folders[0], folders[1], names=names, progress=progress_of(options))
    if options.json:
        print(as_json(found.to_dict()))
        return 0
    table = found.labels[[name for name in COLUMNS if name in found.labels]].rename(columns=COLUMNS)
    print(table.to_string(index=False, float_format=SHORT))
    print(f"\n{SHARED_MASS}\n")
    if len(found.settings):
        print(f"Settings that differ:\n{found.settings.to_string()}\n")
    print(found.pairs_sentence)
    if found.differences is not None:
        print(found.differences.drop(columns="n_pairs").to_string(index=False, float_format=SHORT))
    print(f"\n{found.matchings.sentence()}")
    return 0


COMMAND = Command(
    "compare",
    "compare the matchings of two runs on the same cells",
    _add_arguments,
    _compare,
    example="psmatch compare my-run my-run-sharp",
)
