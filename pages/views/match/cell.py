"""The matches of one source cell, by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts
from pages.shell.text import count, plain
from pages.views.match import slider_state
from pages.views.match.images import show_images
from pages.views.match.label_box import label_box
from psmatch_core.data.checks import display
from psmatch_core.matching.matchers.problem import HARDLY_MATCHED
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling

LISTED = 1000  # cells in the list of one label; any other can be typed
TOP = 20  # matches of one cell that are drawn


def cell_tab(folder: RunFolder, run: Coupling) -> None:
    """Choose a cell and see its matches."""
    from psmatch_core.plotting import cell_matches

    at_sliders = slider_state.coupling_at_sliders(folder, run)
    coupling = at_sliders.coupling
    left, right = st.columns(2)
    with left:
        label = label_box(folder, coupling, "cell")
    if label is None:
        return
    modality = coupling.source.modality
    names = [str(each) for each in modality.obs_names[coupling.source_cells[label]]]
    is_long = len(names) > LISTED
    with right:
        name = st.selectbox(
            "Source cell",
            names[:LISTED],
            key=f"cell.{folder.id}.{label}",
            accept_new_options=is_long,
            help=f"This label has {count(len(names), 'cell')}; you can type a name that is not listed."
            if is_long
            else None,
        )
    if name not in names:
        st.info(
            f"Label {plain(label)} has no source cell {plain(name or '')}. Choose one from the list.",
            icon=":material/arrow_forward:",
        )
        return
    row = names.index(name)
    matches, weights, uniform, partner = matches_of(coupling, label, row, TOP)
    show_images(folder, coupling, label, row=row, partner=partner)
    figure = cell_matches(matches, weights, uniform, cell=name, measured_true=partner)
    charts.show(figure, key=f"matches.{folder.id}.{label}.{name}", alt=f"Weights of the matches of {display(name)}")
    st.caption(f"Weights {plain(at_sliders.describe([label], slider_state.run_value(folder)))}.")
    share = mass_share(coupling, label, row)
    if share < HARDLY_MATCHED:
        st.warning(
            f"**This cell is mostly unmatched**: it has {share:.1%} of the mass of an average cell of its label. → The "
            "weights above are shares of that small mass.",
            icon=":material/warning:",
        )
    if partner is None:
        st.caption("The true partner of this cell is not known.")


def mass_share(coupling: Coupling, label: str, row: int) -> float:
    """Mass of one source cell, relative to its mass in a plan that matches all cells of the label equally."""
    masses = coupling[label].marginals[0]
    return float(masses[row] * masses.size)


def matches_of(coupling: Coupling, label: str, row: int, top: int) -> tuple[list[str], Any, float, str | None]:
    """The matches of one source cell of a label.

    Returns
    -------
    Names of the heaviest target cells, their shares of the cell's weight ``(k,)``, the share of each target cell in a
    uniform plan, and the name of the true partner if it is known and has the label.
    """
    import numpy as np

    from psmatch_core.matching.match import known_ids

    block = coupling[label]
    weights = np.asarray(block.rows(row, row + 1)[0])  # (m,)
    total = float(weights.sum())
    weights = weights / total if total > 0 else weights
    order = np.argsort(-weights, kind="stable")[:top]
    rows, columns = coupling.source_cells[label], coupling.target_cells[label]
    names = coupling.target.modality.obs_names[columns]
    partner = None
    ids = known_ids(coupling.source.modality, coupling.target.modality)
    if ids is not None:
        found = np.flatnonzero(ids[1][columns] == ids[0][rows[row]])
        partner = str(names[found[0]]) if found.size else None
    return [str(each) for each in names[order]], weights[order], 1 / block.shape[1], partner
