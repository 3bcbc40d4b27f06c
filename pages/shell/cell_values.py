"""Values of a run's cells by name: the columns that came with them, and their measured features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell.cache import KEPT
from psmatch_core.base.arrays import to_dense
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.selection import Selection

COLUMN, FEATURE = "column", "feature"


@dataclass(frozen=True)
class CellValue:
    """A column or a feature of the cells of one modality.

    Parameters
    ----------
    kind
        ``column`` or ``feature``.
    side
        ``source`` or ``target``: where it was measured.
    name
        Its name there.
    is_on_both
        Whether the other modality has one of this name too.
    """

    kind: str
    side: str
    name: str
    is_on_both: bool = False


def values_offered(folder: RunFolder, kind: str, selection: Selection | None = None) -> dict[str, CellValue]:
    """All columns or features of both modalities by the text under which they are offered.

    Features that mark the selected cells among those of their labels come first, then those that mark the labels. A
    name that both modalities have is offered once for each of them.
    """
    names = {side: _names(folder, kind, side) for side in SIDES}
    shared = {*names["source"]} & {*names["target"]}
    found = [CellValue(kind, side, name, name in shared) for side in SIDES for name in names[side]]
    if kind == FEATURE:
        rank = {side: _marking(folder, side, selection) for side in SIDES}
        place = {side: dict(zip(names[side], rank[side].tolist(), strict=True)) for side in SIDES}
        found.sort(key=lambda each: -place[each.side][each.name])
    modality = {side: measured_name(folder, side) for side in SIDES}
    return {f"{each.name} ({modality[each.side]})" if each.is_on_both else each.name: each for each in found}


def values_of(folder: RunFolder, chosen: CellValue, side: str = "") -> np.ndarray:
    """A column or feature of the cells of its modality, or of the other one that has it too, ``(n_cells,)``."""
    side = side or chosen.side
    if chosen.kind == COLUMN:
        table = _column_table(folder, side)
        assert table is not None  # its name came from there
        return np.asarray(table[chosen.name].to_numpy())
    modality = measured(folder, side)
    place = int((modality.var_names == chosen.name).nonzero()[0][0])
    return np.asarray(to_dense(modality.X[:, [place]], dtype=None)).ravel()


def _marking(folder: RunFolder, side: str, selection: Selection | None) -> np.ndarray:
    """How much a feature marks the selected cells, plus 1, or the labels; the largest is offered first."""
    by_label = _marking_labels(str(folder.path), side, _times(folder))
    if selection is None or selection.side != side:
        return by_label
    from psmatch_core.exploration.marking_features import shares_between

    modality = measured(folder, side)
    is_selected = np.zeros(modality.n_cells, dtype=bool)
    is_selected[selection.cells] = True
    alike = np.flatnonzero(np.isin(modality.labels, np.unique(modality.labels[is_selected])))
    if is_selected[alike].all():  # whole labels: compared with all others
        alike = np.arange(modality.n_cells)
    return 1 + shares_between(modality.X[alike], is_selected[alike])


def measured(folder: RunFolder, side: str) -> Modality:
    """A modality with its features in readable units, before z-scoring and PCA."""
    return _measured(str(folder.path), side, _times(folder))


def measured_name(folder: RunFolder, side: str) -> str:
    """The name of a modality of a run."""
    inputs = files.INPUTS.read(folder)
    return inputs[side].name if inputs is not None else side


def _names(folder: RunFolder, kind: str, side: str) -> list[str]:
    if kind == FEATURE:
        return [str(each) for each in measured(folder, side).var_names.tolist()]
    table = _column_table(folder, side)
    return [] if table is None else [str(each) for each in table.columns]


def _times(folder: RunFolder) -> tuple[int, ...]:
    return (*files.DATA.times(folder), *files.PREPROCESSING.times(folder))


def _column_table(folder: RunFolder, side: str) -> pd.DataFrame | None:
    return _columns(str(folder.path), side, files.COLUMNS.times(folder))


@st.cache_resource(max_entries=2 * KEPT, show_spinner=False)
def _columns(path: str, side: str, times: tuple[int, ...]) -> pd.DataFrame | None:
    return files.COLUMNS.read(RunFolder(Path(path)), which=side)


@st.cache_resource(max_entries=2 * KEPT, show_spinner="Loading the features…")
def _measured(path: str, side: str, times: tuple[int, ...]) -> Modality:
    from psmatch_core.workspace.results import in_readable_units

    return in_readable_units(RunFolder(Path(path)), side)


@st.cache_resource(max_entries=2 * KEPT, show_spinner="Looking for features that mark the labels…")
def _marking_labels(path: str, side: str, times: tuple[int, ...]) -> np.ndarray:
    from psmatch_core.exploration.marking_features import shares_between

    modality = _measured(path, side, times)
    return shares_between(modality.X, modality.labels)
