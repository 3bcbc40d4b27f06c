"""`psmatch markers`: what distinguishes a group of cells, in both modalities, and what the matching adds to it."""

from __future__ import annotations

import argparse
from pathlib import Path

from psmatch_core.cli.command import SHORT, Command, add_file_out, add_json

MARKERS_FILE = "markers.csv"
PRINTED = (
    "feature",
    "effect",
    "effect_low",
    "effect_high",
    "auroc",
    "label_part",
    "within_part",
    "q_within",
    "p_labels",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a matched run")
    parser.add_argument(
        "--group",
        required=True,
        metavar="RULE",
        help='the cells: "label = STAT1", "verdict = use", "selection = NAME" (saved with the run), or a column of the '
        'cells, such as "donor in D1, D2"',
    )
    parser.add_argument("--against", default="", metavar="RULE", help="cells to compare with (default: all others)")
    parser.add_argument(
        "--side", choices=("source", "target"), default="source", help="modality of the cells (default: source)"
    )
    parser.add_argument("--top", type=int, default=10, help="number of features to print per modality (default: 10)")
    parser.add_argument("--save", default="", metavar="NAME", help="keep the markers with the run, for its report")
    parser.add_argument("--figure", type=Path, default=None, help="html file of both figures to write as well")
    add_file_out(parser, f"csv file to write (default: {MARKERS_FILE} among the exports)")
    add_json(parser)


def _markers(options: argparse.Namespace) -> int:
    """Compare the groups, print the first markers, and write all of them."""
    from psmatch_core.cli.common import check_matched, free_file, open_run
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.exploration.markers import MEASURED, PROJECTED, find_markers
    from psmatch_core.exports.tables import write_csv
    from psmatch_core.workspace.groups import group_of
    from psmatch_core.workspace.new_folder import check_free_file
    from psmatch_core.workspace.results import load_matching, load_models, load_readable
    from psmatch_core.workspace.saved_markers import save_markers

    folder = open_run(options.run)
    check_matched(folder)
    path = free_file(options, folder.exports / MARKERS_FILE)
    if options.figure is not None:
        check_free_file(options.figure, may_replace=options.force)
    coupling = load_matching(folder, load_models(folder))
    group = group_of(folder, coupling, options.group, options.side)
    against = group_of(folder, coupling, options.against, options.side) if options.against else None
    found = find_markers(coupling, load_readable(folder), group, against, seed=folder.recipe.seed)
    write_csv(found.table, path)
    if options.save:
        save_markers(folder, found, options.save)
    if options.figure is not None:
        from psmatch_core.base import disk
        from psmatch_core.plotting import marker_bars

        figures = [marker_bars(found, values) for values in (MEASURED, PROJECTED)]
        texts = [each.to_html(full_html=not at, include_plotlyjs=not at) for at, each in enumerate(figures)]
        disk.write_text(options.figure, "\n".join(texts))
    if options.json:
        rows = {values: found.of(values).head(options.top).to_dict("records") for values in (MEASURED, PROJECTED)}
        about = {"group": found.group, "against": found.against, "n_cells": found.n_cells, "finding": found.finding()}
        print(as_json({**about, **rows, "notes": found.notes, "file": path}))
        return 0
    for values in (MEASURED, PROJECTED):
        table = found.of(values)
        print(f"\n{table['modality'].iloc[0]}, {values}:")
        print(table[list(PRINTED)].head(options.top).to_string(index=False, float_format=SHORT))
    print("\n".join(["", f"{found.finding()}.", *found.notes, f"All features: {path}"]))
    return 0


COMMAND = Command(
    "markers",
    "rank the features that distinguish a group of cells, in both modalities",
    _add_arguments,
    _markers,
    example='psmatch markers my-run --group "label = STAT1" --against "label = control"',
)
