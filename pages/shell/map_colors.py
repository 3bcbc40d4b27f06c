"""What the maps are coloured by, on both sides at once: measured on one, carried through the plan to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cache, cell_values, session
from pages.shell.cell_values import COLUMN, FEATURE, CellValue
from pages.shell.name_search import name_search
from pages.shell.text import plain
from pages.shell.verdicts import report_of
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.projection import ProjectedColumn
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.plotting import CellColumn
    from psmatch_core.plotting.score_map import Coloring

OF_MODELS: tuple[Coloring, ...] = ("label", "family", "modality", "loss")
COLORS: dict[str, str] = {
    "label": "label",
    "family": "families of labels",
    "modality": "modality",
    "loss": "loss of the cell",
    "verdict": "verdict on the label",
    "confidence": "confidence of the label",
    "effective": "effective matches",
    COLUMN: "a column of the cells …",
    FEATURE: "a feature …",
}
OF_LABELS = ("label", "family")
OF_MATCHING = ("verdict", "confidence", "effective")
ALL = ""
HUES = 8  # labels that can be distinguished by colour
PROJECTED, LABEL_MEAN, MEASURED = "projected", "label mean", "measured"
OTHER_SIDE = {
    PROJECTED: "projected through the plan",
    LABEL_MEAN: "label mean (uniform plan)",
    MEASURED: "its own measurement",
}
LITTLE = 0.05  # share of a projection's variance within labels below which it shows hardly more than the labels


@dataclass(frozen=True)
class MapColor:
    """What the maps are coloured by.

    Parameters
    ----------
    known
        A colouring that the scored modalities know themselves; ``column`` goes before it.
    highlight
        The only label in colour; None for all.
    column
        Values of the cells of both sides, or None.
    remarks
        What must be said under the maps.
    """

    known: Coloring
    highlight: str | None = None
    column: CellColumn | None = None
    remarks: tuple[str, ...] = ()


def color_boxes(
    folder: RunFolder,
    models: cache.ScoredModalities,
    coupling: Coupling | None,
    *,
    selection: Selection | None = None,
    first: str = "",
    is_apart: bool = False,
) -> MapColor | None:
    """The boxes that choose the colour of the maps; one choice for all pages. None while a search finds nothing.

    Parameters
    ----------
    coupling
        The plan through which values are projected; None if the run is not matched yet.
    selection
        The selected cells: features that mark them are offered first.
    first
        The colour at first; families of labels, or labels, without it.
    is_apart
        Whether each label has a panel of its own, so that colours need not say it: a choice of its own, which begins
        with the modality, or with what all labels are coloured by where that says more than the label.
    """
    offered = [each for each in COLORS if coupling is not None or each not in OF_MATCHING]
    first = first or ("family" if len(models[0].label_names) > HUES else "label")
    key = f"color.{folder.id}"
    if is_apart:
        first, key = session.get(key) or first, f"color.apart.{folder.id}"
        offered = [each for each in offered if each not in OF_LABELS]
        first = first if first in offered else "modality"
    kind = st.selectbox(
        "Colour by",
        offered,
        index=offered.index(first),
        format_func=lambda each: COLORS[each],
        key=key,
        persist_state="session",
    )
    if kind in (COLUMN, FEATURE):
        chosen = _search(folder, kind, selection)
        return None if chosen is None else _measured_and_projected(folder, chosen, coupling)
    if coupling is not None and kind in OF_MATCHING:
        return MapColor("label", column=_of_matching(folder, coupling, kind))
    if is_apart:
        return MapColor("loss" if kind == "loss" else "modality")
    label = st.selectbox(
        "Highlight",
        [ALL, *models[0].label_names],
        format_func=lambda each: display(each, 60) or "all labels",
        disabled=kind == "loss",
        key=f"highlight.{folder.id}",
        persist_state="session",
    )
    known: Coloring = next((each for each in OF_MODELS if each == kind), "label")
    highlight = label if label and kind != "loss" else None
    family = "A family is a group of labels whose cells lie together, named after its two largest labels."
    return MapColor(known, highlight, remarks=(family,) if kind == "family" and highlight is None else ())


def _search(folder: RunFolder, kind: str, selection: Selection | None) -> CellValue | None:
    """The column or feature that the visitor chooses from those of both sides."""
    offered = cell_values.values_offered(folder, kind, selection)
    if not offered:
        st.info(
            "The files have no other columns of cells, or an earlier version that did not save them made this run. "
            "Run it again to see them.",
            icon=":material/arrow_forward:",
        )
        return None
    name = name_search(list(offered), what=kind, key=f"map.{kind}.{folder.id}", persist=True)
    return None if name is None else offered[name]


def _measured_and_projected(folder: RunFolder, chosen: CellValue, coupling: Coupling | None) -> MapColor:
    """The chosen values on their own side, and what is known of them on the other."""
    own, other = chosen.side, SIDES[1 - SIDES.index(chosen.side)]
    values: dict[str, np.ndarray] = {own: cell_values.values_of(folder, chosen)}
    if coupling is None:
        if chosen.is_on_both:
            values[other] = cell_values.values_of(folder, chosen, other)
        grey = () if chosen.is_on_both else ("Grey: not measured there. Match the cells to see it projected.",)
        return MapColor("label", column=_column(chosen.name, values), remarks=grey)
    name = coupling.source.modality.name if other == SIDES[0] else coupling.target.modality.name
    way = _way_box(folder, chosen, name)
    if way == MEASURED:
        values[other] = cell_values.values_of(folder, chosen, other)
        return MapColor("label", column=_column(chosen.name, values, dict.fromkeys(SIDES, "measured")))
    found = _projected(folder, chosen, coupling, values[own])
    is_mean = way == LABEL_MEAN
    values[other] = found.label_values if is_mean else found.values
    weight = found.label_weight if is_mean else found.weight
    origins = {own: "measured", other: "mean of its label" if is_mean else "projected through the plan"}
    column = _column(chosen.name, values, origins, {} if weight is None else {other: weight})
    return MapColor("label", column=column, remarks=(what_a_projection_shows(found),))


def _way_box(folder: RunFolder, chosen: CellValue, name: str) -> str:
    """What the cells of the other side, called ``name``, show."""
    options = [PROJECTED, LABEL_MEAN, *([MEASURED] if chosen.is_on_both else [])]
    first = MEASURED if chosen.kind == COLUMN and chosen.is_on_both else PROJECTED
    return st.radio(
        f"{plain(name, 40)} cells show",
        options,
        index=options.index(first),
        format_func=lambda each: OTHER_SIDE[each],
        key=f"map.way.{folder.id}.{chosen.is_on_both}",
        help="Projected: the mean over the matches of each cell, by weight. The mean of the label is what a plan "
        "without any information within labels would show.",
        persist_state="session",
    )


def _column(
    name: str,
    values: Mapping[str, np.ndarray],
    origins: Mapping[str, str] | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> CellColumn:
    from psmatch_core.plotting import CellColumn

    source, target = (values.get(side) for side in SIDES)
    return CellColumn(name, source, target, origins=origins or {}, weights=weights or {})


def what_a_projection_shows(found: ProjectedColumn) -> str:
    """How much of a projection is more than the label: in one sentence."""
    if found.weight is not None:
        known = found.values != ""
        if not known.any():
            return "No cell of the other side has a match with a known value."
        differs = float((found.values[known] != found.label_values[known]).mean())
        return (
            f"For {differs:.0%} of the cells the projected value is another than the most frequent one of their label, "
            "which a uniform plan would show."
        )
    if found.within != found.within:
        return "The projected values do not vary."
    measured = f" (of the measured variance: {found.measured_within:.0%})" if found.measured_within >= 0 else ""
    if found.within < LITTLE:
        return (
            f"**This projection shows little more than the mean of each label**: {found.within:.1%} of its variance "
            f"lies within labels{measured}."
        )
    return (
        f"{found.within:.0%} of the variance of the projection lies within labels{measured}; the rest is the labels' "
        "means, which a uniform plan shows too."
    )


def _projected(folder: RunFolder, chosen: CellValue, coupling: Coupling, values: np.ndarray) -> ProjectedColumn:
    """A projection; that through the run's own plan is kept, one at the sliders is made anew."""
    from psmatch_core.exploration.projection import project_column

    if coupling is cache.coupling(folder):
        return _projected_by_run(str(folder.path), chosen, files.COUPLING.times(folder))
    return project_column(coupling, chosen.side, values)


@st.cache_resource(max_entries=4 * cache.KEPT, show_spinner="Projecting through the plan…")
def _projected_by_run(path: str, chosen: CellValue, times: tuple[int, ...]) -> ProjectedColumn:
    from psmatch_core.exploration.projection import project_column

    folder = RunFolder(Path(path))
    return project_column(cache.coupling(folder), chosen.side, cell_values.values_of(folder, chosen))


def _of_matching(folder: RunFolder, coupling: Coupling, kind: str) -> CellColumn:
    """What the matching says of the cells of both sides: verdict, confidence, or effective matches."""
    if kind == "effective":
        times = files.COUPLING.times(folder)
        own = coupling is cache.coupling(folder)
        both = {
            side: _effective(str(folder.path), side, times) if own else _effective_now(coupling, side) for side in SIDES
        }
        return _column("effective matches", both)
    labels = {"source": coupling.source.modality.labels, "target": coupling.target.modality.labels}
    if kind == "verdict":
        word = {label: row.verdict.value for label, row in report_of(folder).by_label.items()}
        return _column(
            "verdict",
            {side: np.array([word.get(each, "not matched") for each in own.tolist()]) for side, own in labels.items()},
        )
    sure = confidence_by_label(folder)
    return _column(
        "confidence of the label",
        {side: np.array([sure.get(each, np.nan) for each in own.tolist()]) for side, own in labels.items()},
    )


def confidence_by_label(folder: RunFolder) -> dict[str, float]:
    """How well the matches of each label are reproduced from halves of the data; NaN where it was not measured."""
    return {label: row.agreement for label, row in report_of(folder).by_label.items()}


def _effective_now(coupling: Coupling, side: str) -> np.ndarray:
    from psmatch_core.exploration.projection import effective_of_cells

    return effective_of_cells(coupling, side)


@st.cache_resource(max_entries=2 * cache.KEPT, show_spinner="Counting effective matches…")
def _effective(path: str, side: str, times: tuple[int, ...]) -> np.ndarray:
    return _effective_now(cache.coupling(RunFolder(Path(path))), side)
