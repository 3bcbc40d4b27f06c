"""`psmatch runs`: the runs of a workspace or in a folder, newest first, with their notes; adds results of elsewhere."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import Command, add_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        help="workspace, or a folder with runs (default: the current one)",
    )
    parser.add_argument(
        "--note",
        nargs=2,
        metavar=("RUN", "TEXT"),
        help="write a note on a run, given by its folder or its id, instead of listing runs; an empty text removes it",
    )
    parser.add_argument(
        "--add",
        type=Path,
        metavar="RESULT",
        help="copy a result, the folder of match or match-many or a zip of it, into the workspace of the app, instead "
        "of listing runs; it is checked and never changed",
    )
    add_json(parser)


def _runs(options: argparse.Namespace) -> int:
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.workspace.new_folder import workspace_folder
    from psmatch_core.workspace.run_index import read_entry

    if options.note:
        return _annotate(options)
    if options.add is not None:
        return _add(options)
    if not options.folder.is_dir():
        raise PsmatchError(f"There is no folder {options.folder}.", hint="Give a workspace, or a folder with runs.")
    places = [options.folder.resolve(), *([workspace_folder()] if options.folder == Path() else [])]
    found = dict.fromkeys(path for place in places for path in _runs_in(place))
    entries = [(path, read_entry(path)) for path in found]
    entries.sort(key=lambda each: -each[1].created)
    if options.json:
        print(as_json({"runs": [{"path": str(path), **entry.to_dict()} for path, entry in entries]}))
        return 0
    for path, entry in entries:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
        print(f"{made}  {entry.state:<9}  {entry.name or entry.id}  {path}")
        if entry.problem:
            print(f"  ✗ {entry.problem}\n  → {entry.hint}")
        if about := [each for each in (entry.facts.data_name, entry.facts.verdict) if each]:
            print(f"  {' · '.join(about)}")
        if entry.facts.note:
            print(f"  Note: {' '.join(entry.facts.note.split())}")
    if not entries:
        print("No runs here. To make one: psmatch match RNA ADT --label COLUMN")
    return 0


def _annotate(options: argparse.Namespace) -> int:
    """Write a note on a run, and say what it is now."""
    from psmatch_core.cli.common import open_run
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.workspace.new_folder import workspace_folder
    from psmatch_core.workspace.run_facts import read_note, write_note

    place, text = options.note
    path = Path(place)
    folder = open_run(path if path.is_dir() else workspace_folder() / "runs" / path.name)
    write_note(folder, text)
    note = read_note(folder.path)
    if options.json:
        print(as_json({"run": folder.path, "note": note}))
    else:
        print(f"Note on {folder.id}: {note}" if note else f"{folder.id} has no note any more.")
    return 0


def _add(options: argparse.Namespace) -> int:
    """Open a result in the workspace of the app, and say under which id."""
    from psmatch_core.cli.common import open_in_workspace
    from psmatch_core.cli.json_output import as_json

    opened = open_in_workspace(options.add)
    if options.json:
        left_out = list(opened.left_out)
        print(as_json({"id": opened.folder.id, "kind": opened.kind, "path": opened.folder.path,
                       "is_new": opened.is_new, "left_out": left_out}))  # fmt: skip
        return 0
    print(opened.in_words())
    return 0


def _runs_in(place: Path) -> list[Path]:
    """The folders of runs: a run itself, those in a folder, and those of a workspace."""
    folders = [place, *_folders_in(place), *_folders_in(place / "runs")]
    return [each for each in folders if (each / "recipe.json").exists() and (each / "status.json").exists()]


def _folders_in(place: Path) -> list[Path]:
    return [each for each in place.iterdir() if each.is_dir() and each.name[0] != "."] if place.is_dir() else []


COMMAND = Command(
    "runs",
    "list the runs in a folder and in the workspace of the app, add results to it, and write notes",
    _add_arguments,
    _runs,
    example="psmatch runs --json",
)
