"""Named selections of cells: kept with a run, written into its exports, and given as a table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.h5ad_elements import write_h5ad
from psmatch_core.exploration.selection import Selection
from psmatch_core.exports.files import EXPORT_ARCHIVE, rebuild_archive
from psmatch_core.exports.tables import write_csv
from psmatch_core.matching.coupling import Coupling
from psmatch_core.workspace import files
from psmatch_core.workspace.files import NamedSelection
from psmatch_core.workspace.manifest import checked_file, listed_anew
from psmatch_core.workspace.run_folder import RunFolder

SELECTION_TABLE = "selections.csv"
LONGEST = 60
PREFIX = "selection_"  # of the columns in obs and var of coupling.h5ad


def save_selection(folder: RunFolder, coupling: Coupling, selection: Selection) -> None:
    """Keep a named selection with its run; one with the same name is replaced.

    Raises
    ------
    PsmatchError
        If it has no cells, or its name cannot name a column.
    """
    name = checked_selection_name(selection.name)
    if not len(selection):
        raise PsmatchError("No cells are selected.", hint="Draw around some cells, or choose rows of a table.")
    cells = tuple(str(each) for each in selection.names(coupling))
    kept = files.SELECTIONS.read(folder) or {}
    files.SELECTIONS.write(folder, {**kept, name: NamedSelection(selection.side, selection.origin, cells)})


def load_selections(folder: RunFolder, coupling: Coupling) -> tuple[Selection, ...]:
    """The named selections of a run, oldest first."""
    found = []
    for name, kept in (files.SELECTIONS.read(folder) or {}).items():
        model = coupling.source if kept.side == "source" else coupling.target
        cells = np.flatnonzero(np.isin(model.modality.obs_names, np.array(kept.cells, dtype=str)))
        found.append(Selection(kept.side, cells, kept.origin, name))
    return tuple(found)


def delete_selection(folder: RunFolder, name: str) -> None:
    """Delete a named selection; nothing happens if there is none."""
    kept = files.SELECTIONS.read(folder) or {}
    if kept.pop(name, None) is not None:
        files.SELECTIONS.write(folder, kept)


def checked_selection_name(name: str) -> str:
    """The name without spaces around it.

    Raises
    ------
    PsmatchError
        If it is empty, too long, or has a character that the name of an h5ad column cannot have.
    """
    name = name.strip()
    if not name or len(name) > LONGEST or not re.fullmatch(r"[\w .+-]+", name):
        raise PsmatchError(
            f"A selection's name has 1 to {LONGEST} letters, digits, spaces, points, plus or minus signs: {name!r}.",
            hint="Give it a short name, such as: responders.",
        )
    return name


def selection_table(coupling: Coupling, selections: tuple[Selection, ...]) -> pd.DataFrame:
    """One row per selection and cell: ``selection``, ``modality``, ``cell``, ``label``."""
    parts = []
    for each in selections:
        modality = (coupling.source if each.side == "source" else coupling.target).modality
        parts.append(
            pd.DataFrame(
                {
                    "selection": each.name,
                    "modality": modality.name,
                    "cell": modality.obs_names[each.cells],
                    "label": modality.labels[each.cells],
                }
            )
        )
    columns = ["selection", "modality", "cell", "label"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def export_selections(folder: RunFolder, coupling: Coupling) -> Path:
    """Write the named selections of a run into its exports: a table, columns of ``coupling.h5ad``, and the archive.

    Source cells are marked in ``obs`` and target cells in ``var``, as true or false in ``selection_NAME``.

    Raises
    ------
    PsmatchError
        If the run has no exports yet, or may only be read.
    """
    folder.check_writable()
    exported = folder.exports / "coupling.h5ad"
    if not exported.exists() or not (folder.exports / EXPORT_ARCHIVE).exists():
        raise PsmatchError("This run has no exported files yet.", hint="Wait until the run is done, then try again.")
    import anndata

    selections = load_selections(folder, coupling)
    adata = anndata.read_h5ad(checked_file(folder.path, exported))
    for table in (adata.obs, adata.var):
        for column in [each for each in table.columns if each.startswith(PREFIX)]:
            del table[column]
    for each in selections:
        chosen = set(each.names(coupling).tolist())
        table = adata.obs if each.side == "source" else adata.var
        table[PREFIX + each.name] = [name in chosen for name in table.index]
    table = folder.exports / SELECTION_TABLE
    with listed_anew(folder.path, exported):
        write_h5ad(adata, exported)
    with listed_anew(folder.path, table):
        write_csv(selection_table(coupling, selections), table)
    with listed_anew(folder.path, folder.exports / EXPORT_ARCHIVE):
        rebuild_archive(folder.exports)
    return table
