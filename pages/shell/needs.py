"""What the next run needs of the machine, shown beside the button that starts it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shell.errors import show_error
from pages.shell.places import in_own_place
from pages.shell.several import sides_of
from pages.shell.workspace import Side, Workspace
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.mapped_rows import is_worth_mapping
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.needs import TYPICAL_LABELS, SideSize, check_needs, gigabytes, memory_budget, minutes

TYPICAL_DENSITY = 0.1  # of a sparse matrix of counts; how many zeros it has is known only when all of it is read


def fits_this_machine(workspace: Workspace) -> bool:
    """Show the memory, disk and time that a run needs, or why it is too large; returns whether it can be started."""
    return _fit(workspace, (workspace.source, workspace.target))


def all_fit_this_machine(workspace: Workspace) -> bool:
    """The same of matching all three modalities."""
    return _fit(workspace, sides_of(workspace))


@in_own_place
def _fit(workspace: Workspace, sides: Sequence[Side | None]) -> bool:
    sizes = [size for side in sides if (size := _size(side)) is not None]
    if len(sizes) < len(sides):
        return True
    try:
        needs = check_needs(workspace.recipe, *sizes, n_labels=_n_labels(workspace))
        budget = memory_budget()
    except PsmatchError as error:
        show_error(error)
        return False
    of = f" of {gigabytes(budget)}" if budget is not None else ""
    takes = f" Takes about {minutes(needs.seconds)} on two cores." if needs.seconds is not None else ""
    room = f"{gigabytes(needs.memory)}{of} of memory, and {gigabytes(needs.disk)} of disk for its results"
    st.caption(f"{'All three need' if len(sides) > len(SIDES) else 'Needs'} about {room}.{takes}")
    return True


def _n_labels(workspace: Workspace) -> int:
    return len(workspace.report.shared) if workspace.report is not None else TYPICAL_LABELS


def _size(side: Side | None) -> SideSize | None:
    """The size of a side whose file was inspected; None for a demo, or before that."""
    if side is None or side.summary is None:
        return None
    matrix = side.summary.matrix(side.matrix)
    if matrix is None:
        return None
    n_cells = side.summary.n_cells
    n_values = n_cells * matrix.n_features
    if not matrix.is_sparse:
        return SideSize(n_cells, matrix.n_features, n_values)
    n_stored = round(n_values * TYPICAL_DENSITY)
    return SideSize(n_cells, matrix.n_features, n_stored, n_stored if is_worth_mapping(n_stored) else 0)
