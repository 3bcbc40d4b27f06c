"""One cell beside its matches: pictures or profiles, the weights, and what distinguishes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cell_values, charts
from pages.shell.bar_panel import show_bars
from pages.shell.errors import show_errors
from pages.shell.glossary import meaning
from pages.shell.places import in_own_place
from pages.shell.text import number, plain
from pages.views.match import slider_state
from pages.views.match.cell_choice import ChosenCell, cell_choice
from pages.views.match.images import show_images
from psmatch_core.data.checks import display
from psmatch_core.matching.matchers.problem import HARDLY_MATCHED
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.matched_cell import MatchedCell
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling

TOP = 12  # matches of one cell that are drawn


def cell_tab(folder: RunFolder, run: Coupling) -> None:
    """Choose a cell and see its matches; a step to the next cell redraws only this part of the page."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, run))
    fragment()


def _view(folder: RunFolder, run: Coupling) -> None:
    at_sliders = slider_state.coupling_at_sliders(folder, run)
    coupling = at_sliders.coupling
    chosen = cell_choice(folder, coupling)
    if chosen is not None:
        show_pair(folder, at_sliders, chosen)


def show_pair(folder: RunFolder, at_sliders: slider_state.CouplingAtSliders, chosen: ChosenCell) -> None:
    """A cell beside its matches, at the positions of the sliders."""
    from psmatch_core.exploration.matched_cell import matched_cell

    coupling = at_sliders.coupling
    sides = cell_values.measured(folder, "source"), cell_values.measured(folder, "target")
    with show_errors():
        found = matched_cell(coupling, sides, chosen.cell, chosen.side)
        partner = true_partner(coupling, found)
        show_images(folder, coupling, found, partner=partner)
        _pictures(folder, coupling, found, chosen, partner)
        _figures(coupling, found, chosen)
        at = at_sliders.describe([found.label], slider_state.run_value(folder))
        unknown = "" if partner is not None else " The true partner of this cell is not known."
        st.caption(f"Weights {plain(at)}.{unknown}")


@in_own_place
def show_selected_pair(folder: RunFolder, at_sliders: slider_state.CouplingAtSliders, selection: Selection) -> None:
    """The pair of a single selected cell, such as one that was clicked on a map; nothing for more cells."""
    if len(selection) == 1:
        name = str(selection.names(at_sliders.coupling)[0])
        show_pair(folder, at_sliders, ChosenCell(selection.side, int(selection.cells[0]), name))


def _pictures(
    folder: RunFolder, coupling: Coupling, found: MatchedCell, chosen: ChosenCell, partner: int | None
) -> None:
    """The profile of the cell, the weights of its matches and their profile, for features that are no pixels."""
    from psmatch_core.plotting import (
        SOURCE_COLOR,
        TARGET_COLOR,
        cell_matches,
        cell_profile,
        match_profile,
        shared_profile,
    )

    own, other = _sides_of(coupling, found.side)
    name = display(chosen.name)
    figures = []
    if own.image_shape is None:
        alt = f"Features in which {name} differs from the mean of its label"
        figures.append(("pair.own", cell_profile(found, cell=chosen.name, modality=own.name), alt))
    weights = cell_matches(
        other.obs_names[found.matches[:TOP]],
        found.weights[:TOP],
        1 / found.n_candidates,
        cell=chosen.name,
        measured_true=None if partner is None else str(other.obs_names[partner]),
        color=TARGET_COLOR if found.side == "source" else SOURCE_COLOR,
    )
    figures.append((f"matches.{folder.id}", weights, f"Weights of the matches of {name}"))
    if other.image_shape is None:
        alt = f"Features in which the matches of {name} differ from the mean of the label"
        figures.append(("pair.matches", match_profile(found, modality=other.name), alt))
    for place, (key, figure, alt) in zip(st.columns(len(figures)), figures, strict=True):
        with place:
            show_bars(figure, key=key, alt=alt)
    if len(figures) == len(("own", "weights", "matches")) and found.shared_features()[0].size:
        alt = f"Shared features in which {name} and its matches agree and disagree most"
        show_bars(shared_profile(found), key="pair.shared", alt=alt)


def _figures(coupling: Coupling, found: MatchedCell, chosen: ChosenCell) -> None:
    """What is known of this cell and its matches in numbers and words."""
    from psmatch_core.exploration.matched_cell import training_note

    candidates = f"of {found.n_candidates:,} candidates"
    rows = [("Effective matches", number(found.n_effective, 2), candidates, meaning("effective matches"))]
    if np.isfinite(chosen.agreement):
        from psmatch_core.exploration.cell_agreement import REPRODUCED

        rows.append(
            ("Agreement between halves", f"{chosen.agreement:.2f}".replace("-", "−"), "1 is the same", REPRODUCED)
        )
    charts.metrics(rows)
    st.caption(training_note(coupling.source if found.side == "source" else coupling.target, found.cell))
    if found.mass < HARDLY_MATCHED:
        st.warning(
            f"**This cell is mostly unmatched**: it has {found.mass:.1%} of the mass of an average cell of its label. "
            "→ The weights above are shares of that small mass.",
            icon=":material/warning:",
        )


def true_partner(coupling: Coupling, found: MatchedCell) -> int | None:
    """Row of the true partner of a cell in the other modality, if it is known and has the same label."""
    from psmatch_core.matching.match import known_ids

    ids = known_ids(coupling.source.modality, coupling.target.modality)
    if ids is None:
        return None
    own, other = ids if found.side == "source" else ids[::-1]
    columns = (coupling.target_cells if found.side == "source" else coupling.source_cells)[found.label]
    places = columns[other[columns] == own[found.cell]] if own[found.cell] else columns[:0]
    return int(places[0]) if places.size else None


def _sides_of(coupling: Coupling, side: str) -> tuple[Modality, Modality]:
    both = coupling.source.modality, coupling.target.modality
    return both if side == "source" else both[::-1]
