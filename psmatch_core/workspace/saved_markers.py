"""Markers that a user has saved with a run, by name: the report shows them."""

from __future__ import annotations

import pandas as pd

from psmatch_core.exploration.markers import MARKER_COLUMNS, Markers
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.selections import checked_selection_name

COMPARISON = "comparison"


def save_markers(folder: RunFolder, markers: Markers, name: str) -> str:
    """Keep markers with their run; those with the same name are replaced. Returns the name without spaces around it.

    Raises
    ------
    PsmatchError
        If the name is not one that a selection can have.
    """
    name = checked_selection_name(name)
    about = {
        COMPARISON: name,
        "side": markers.side,
        "group": markers.group,
        "against": markers.against,
        "n_group": markers.n_cells[0],
        "n_against": markers.n_cells[1],
        "units": markers.units,
        "n_labels": markers.n_labels,
        "notes": "\n".join(markers.notes),
    }
    kept = _without(files.MARKERS.read(folder), name)
    files.MARKERS.write(folder, pd.concat([*kept, markers.table.assign(**about)], ignore_index=True))
    return name


def load_markers(folder: RunFolder) -> dict[str, Markers]:
    """The saved markers of a run by name, oldest first."""
    table = files.MARKERS.read(folder)
    if table is None:
        return {}
    found = {}
    for name, part in table.groupby(COMPARISON, sort=False):
        first = part.iloc[0]
        found[str(name)] = Markers(
            side=str(first["side"]),
            group=str(first["group"]),
            against=str(first["against"]),
            n_cells=(int(first["n_group"]), int(first["n_against"])),
            units=str(first["units"]),
            n_labels=int(first["n_labels"]),
            table=part[list(MARKER_COLUMNS)].reset_index(drop=True),
            notes=tuple(each for each in str(first["notes"]).split("\n") if each),
        )
    return found


def delete_markers(folder: RunFolder, name: str) -> None:
    """Delete saved markers; nothing happens if there are none of this name."""
    table = files.MARKERS.read(folder)
    if table is not None:
        files.MARKERS.write(folder, table[table[COMPARISON] != name].reset_index(drop=True))


def _without(table: pd.DataFrame | None, name: str) -> list[pd.DataFrame]:
    kept = None if table is None else table[table[COMPARISON] != name]
    return [kept] if kept is not None and len(kept) else []
