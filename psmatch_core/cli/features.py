"""`psmatch features`: which feature of one modality corresponds to which of the other, in a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import SHORT, Command, add_file_out, add_json, add_quiet, add_settings

FEATURES_FILE = "feature_matches.csv"
MOST_PRINTED = 20  # first partners on the terminal; the file has all


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--of", choices=("target", "source"), default="target", help="modality whose features are listed"
    )
    parser.add_argument("--top", type=int, default=5, help="number of partners for each feature (default: 5)")
    add_file_out(parser, f"csv file to write (default: {FEATURES_FILE} among the exports)")
    add_settings(parser, "epsilon=0.2")
    add_quiet(parser)
    add_json(parser)


def _match_features(options: argparse.Namespace) -> int:
    """Match the features, print the strongest pairs and write all of them."""
    from psmatch_core.cli.common import free_file, open_run, parse_setting, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.exports.tables import write_csv
    from psmatch_core.matching.match_features import FeatureRules
    from psmatch_core.workspace.results import features_of

    folder = open_run(options.run)
    if options.top < 1:
        raise PsmatchError(f"--top must be at least 1, got {options.top}.", hint="Give a number of partners.")
    path = free_file(options, folder.exports / FEATURES_FILE)
    rules = FeatureRules.from_dict(dict(parse_setting(each) for each in options.settings))
    found = features_of(folder, rules, progress=progress_of(options))
    table = found.table(of=options.of, top=options.top)
    write_csv(table, path)
    if options.json:
        print(as_json({"file": path, "of": options.of, "features": table.to_dict("records"), "notes": found.notes}))
        return 0
    first = table[table["rank"] == 1].head(MOST_PRINTED).drop(columns="rank")
    print(f"\n{found}; best partner of each feature, strongest evidence first:")
    print(first.to_string(index=False, float_format=SHORT))
    print("\n".join(["", *found.notes, f"The whole table: {path}"]))
    return 0


COMMAND = Command(
    "features",
    "match the features of the two modalities of a run",
    _add_arguments,
    _match_features,
    example="psmatch features my-run --top 5",
)
