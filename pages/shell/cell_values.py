"""Values of a run's cells by name: the columns that came with them, and their measured features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell.cache import KEPT
from psmatch_core.base.arrays import to_dense
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.data.modality import Modality
    from psmatch_core.plotting import CellColumn


def column_names(folder: RunFolder) -> list[str]:
    """Names of the columns that come with the cells of either side; none in runs of earlier versions."""
    tables = [_column_table(folder, side) for side in SIDES]
    return list(dict.fromkeys(str(name) for table in tables if table is not None for name in table.columns))


def feature_names(folder: RunFolder) -> list[str]:
    """Names of the measured features of both sides, those of the source first."""
    return list(dict.fromkeys(name for side in SIDES for name in measured(folder, side).var_names.tolist()))


def column(folder: RunFolder, name: str) -> CellColumn:
    """A column of the cells, from each side that has it."""
    from psmatch_core.plotting import CellColumn

    tables = {side: _column_table(folder, side) for side in SIDES}
    found = {side: table[name].to_numpy() for side, table in tables.items() if table is not None and name in table}
    return CellColumn(name, found.get("source"), found.get("target"))


def feature(folder: RunFolder, name: str) -> CellColumn:
    """A feature of the cells, from each side that has it."""
    from psmatch_core.plotting import CellColumn

    found: dict[str, Any] = {}
    for side in SIDES:
        modality = measured(folder, side)
        places = (modality.var_names == name).nonzero()[0]
        if places.size:
            found[side] = to_dense(modality.X[:, places[:1]], dtype=None).ravel()
    return CellColumn(name, found.get("source"), found.get("target"))


def measured(folder: RunFolder, side: str) -> Modality:
    """A modality with its features in readable units, before z-scoring and PCA."""
    return _measured(str(folder.path), side, (*files.DATA.times(folder), *files.PREPROCESSING.times(folder)))


def _column_table(folder: RunFolder, side: str) -> pd.DataFrame | None:
    return _columns(str(folder.path), side, files.COLUMNS.times(folder))


@st.cache_resource(max_entries=2 * KEPT, show_spinner=False)
def _columns(path: str, side: str, times: tuple[int, ...]) -> pd.DataFrame | None:
    return files.COLUMNS.read(RunFolder(Path(path)), which=side)


@st.cache_resource(max_entries=2 * KEPT, show_spinner="Loading the features…")
def _measured(path: str, side: str, times: tuple[int, ...]) -> Modality:
    from psmatch_core.workspace.results import in_readable_units

    return in_readable_units(RunFolder(Path(path)), side)
