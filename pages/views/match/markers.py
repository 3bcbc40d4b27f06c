"""Markers: what distinguishes some cells from others in both modalities, and what the matching adds to the label."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, cell_values, charts, session
from pages.shell.clicks import act_on_click, clicked
from pages.shell.errors import show_errors
from pages.shell.places import own_place
from pages.shell.read_only import may_change
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count, plain
from pages.views.match import selected_cells
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.markers import Markers
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling

CHOSEN, REST = "the selected cells", "all other cells"
LEGEND = 20  # px added above a figure: in a narrow column its legend takes two lines
LISTED = 100  # features of each modality in the table; the download has all
RULE_HELP = (
    "Choose a label, a verdict or a saved selection, or type a rule on a column of the cells, such as: donor in D1, D2."
)


def markers_tab(folder: RunFolder, coupling: Coupling) -> None:
    """Choose two groups of cells and see what distinguishes them; a choice redraws only this part of the page."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, coupling))
    fragment()


def open_markers(folder: RunFolder) -> None:
    """Open the selected cells in “Markers”; for a callback."""
    selection = selected_cells.selected(folder)
    if selection is not None:
        session.put(f"markers.side.{folder.id}", selection.side)
        session.put(f"markers.group.{folder.id}.{selection.side}", CHOSEN)
        session.put(f"match.tabs.{folder.id}", "Markers")


def _view(folder: RunFolder, coupling: Coupling) -> None:
    from psmatch_core.exploration.markers import MEASURED, PROJECTED
    from psmatch_core.plotting import marker_bars

    with show_errors():
        groups = _groups(folder, coupling)
        if groups is None:
            return
        found = _markers(folder, *groups)
        st.markdown(f"**{plain(found.finding())}.**")
        for place, values in zip(st.columns(2), (MEASURED, PROJECTED), strict=True):
            with place:
                alt = (
                    f"Features that distinguish {display(found.group, 60)}, {values}, with both parts of the difference"
                )
                figure = marker_bars(found, values)
                figure.update_layout(height=figure.layout.height + LEGEND, margin_t=figure.layout.margin.t + LEGEND)
                charts.show(figure, key=f"markers.{values}.{folder.id}", alt=alt)
        _words(found)
        _table(folder, found)
        _keep(folder, found)


def _groups(folder: RunFolder, coupling: Coupling) -> tuple[Selection, Selection | None] | None:
    """Both groups; the second is None for all other cells, and the whole is None as long as nothing is chosen."""
    from psmatch_core.workspace.groups import group_of

    models = (coupling.source, coupling.target)
    names = {side: display(each.modality.name, 24) for side, each in zip(SIDES, models, strict=True)}
    left, middle, right = st.columns([2, 4, 4])
    side = left.selectbox(
        "Cells of", SIDES, format_func=names.__getitem__, key=f"markers.side.{folder.id}", persist_state="session"
    )
    selection = selected_cells.selected(folder)
    is_selected = selection is not None and selection.side == side
    rules = _rules(folder, coupling, side)
    group_key = f"markers.group.{folder.id}.{side}"
    options = [*([CHOSEN] if is_selected else []), *rules]
    if session.get(group_key) == CHOSEN and not is_selected:
        session.pop(group_key)
    chosen = middle.selectbox(
        "Group", options, key=group_key, accept_new_options=True, help=RULE_HELP, persist_state="session"
    )
    against = right.selectbox(
        "Compared with",
        [REST, *rules],
        key=f"markers.against.{folder.id}.{side}",
        accept_new_options=True,
        help=RULE_HELP,
        persist_state="session",
    )
    if not chosen:
        return None
    if chosen == CHOSEN and selection is not None:
        group = selection if selection.name else selection.named(CHOSEN)
    else:
        group = group_of(folder, coupling, chosen, side)
    return group, None if against in (None, REST) else group_of(folder, coupling, str(against), side)


def _rules(folder: RunFolder, coupling: Coupling, side: str) -> list[str]:
    """Rules to choose from: labels with a plan, the largest first, verdicts and saved selections of the side."""
    from psmatch_core.workspace.selections import load_selections

    cells = coupling.source_cells if side == "source" else coupling.target_cells
    labels = sorted(coupling.labels, key=lambda label: -cells[label].size)
    saved = [each.name for each in load_selections(folder, coupling) if each.side == side]
    table = files.LABELS.read(folder)
    verdicts = [] if table is None else sorted({str(each) for each in table.get("verdict", ()) if each})
    return [
        *(f"selection = {name}" for name in saved),
        *(f"label = {label}" for label in labels),
        *(f"verdict = {verdict}" for verdict in verdicts),
    ]


def _markers(folder: RunFolder, group: Selection, against: Selection | None) -> Markers:
    """The markers of two groups; computed once for all visitors while the run's files do not change."""
    digest = hashlib.sha256(group.cells.tobytes() + b"|" + (b"" if against is None else against.cells.tobytes()))
    names = (group.side, group.name, group.origin, "" if against is None else against.name, digest.hexdigest())
    return _computed(str(folder.path), files.COUPLING.times(folder), names, (group, against))


@st.cache_resource(max_entries=16, show_spinner="Comparing all features of both modalities…")
def _computed(
    path: str, times: tuple[int, ...], names: tuple[str, ...], _pair: tuple[Selection, Selection | None]
) -> Markers:
    from psmatch_core.exploration.markers import find_markers

    folder = RunFolder(Path(path))
    sides = cell_values.measured(folder, "source"), cell_values.measured(folder, "target")
    return find_markers(cache.coupling(folder), sides, *_pair, seed=folder.recipe.seed)


def _words(found: Markers) -> None:
    """What was compared, and what must be known of it."""
    from psmatch_core.exploration.contrast import APART, BOTH
    from psmatch_core.exploration.markers import CHOSEN_BY_FEATURES

    first, second = found.n_cells
    counted = count(found.n_labels, "label")
    units = {
        BOTH: f" q labels: from the differences inside {counted} with cells of both groups.",
        APART: f" q labels: from the means of {counted}.",
    }.get(found.units, " Too few labels for a test with labels as units.")
    st.caption(f"{plain(found.group)}: {count(first, 'cell')}; {plain(found.against)}: {second:,}.{units}")
    with own_place():
        if CHOSEN_BY_FEATURES in found.notes:
            st.caption(CHOSEN_BY_FEATURES)
    with st.expander("What this shows, and what it does not"):
        st.markdown(
            "Grey is what the labels explain: a uniform plan, in which all cells of a label are matched equally, gives "
            "it without any matching. The coloured part lies within labels, and in the projected modality it is all "
            "that the matching adds. It is pale where plans shuffled within labels give as much."
        )
        st.markdown("\n".join(f"- {plain(note)}" for note in found.notes))


def _table(folder: RunFolder, found: Markers) -> None:
    from psmatch_core.exports.tables import table_bytes

    first = found.table.groupby("values", sort=False).head(LISTED).copy()
    first["within_part"] = first["within_part"].round(2) + 0.0  # no negative zero
    column = st.column_config
    effect = "Difference of the means, in standard deviations within labels."
    st.dataframe(
        first[
            ["feature", "modality", "values", "effect", "effect_low", "effect_high", "auroc", "label_part",
             "within_part", "q_within", "q_labels"]
        ],
        hide_index=True,
        key=f"markers.table.{folder.id}",
        height=318,
        column_config={
            "feature": column.TextColumn("Feature", pinned=True),
            "modality": column.TextColumn("Modality"),
            "values": column.TextColumn("Values"),
            "effect": column.NumberColumn("Difference [SD]", format="%.2f", help=effect),
            "effect_low": column.NumberColumn("95% from", format="%.2f"),
            "effect_high": column.NumberColumn("to", format="%.2f"),
            "auroc": column.NumberColumn(
                "AUROC", format="%.2f", help="How often a cell of the group, or a match of one, has the larger value."
            ),
            "label_part": column.NumberColumn("Of the labels", format="%.2f", help="What a uniform plan gives."),
            "within_part": column.NumberColumn("Within labels", format="%.2f", help="What the matching adds."),
            "q_within": column.NumberColumn("q within", format="%.2g", help="From plans shuffled within labels."),
            "q_labels": column.NumberColumn("q labels", format="%.2g", help="From a test with labels as units."),
        },
        placeholder=EMPTY_CELL,
    )  # fmt: skip
    st.download_button(
        "Download all features",
        lambda: table_bytes(found.table, "csv"),
        "markers.csv",
        "text/csv",
        key=f"markers.download.{folder.id}",
        icon=":material/download:",
        on_click="ignore",
    )


def _keep(folder: RunFolder, found: Markers) -> None:
    """Keep the markers with the run, and manage those that are kept."""
    from psmatch_core.workspace.saved_markers import delete_markers, load_markers, save_markers

    if not may_change(folder, to="keep these markers for the report"):
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.text_input(
        "Name for the report", key=f"markers.name.{folder.id}", placeholder="for example: responders"
    )
    with right:
        is_kept = clicked("Keep for the report", key=f"markers.keep.{folder.id}", icon=":material/bookmark_add:")
    if is_kept:
        st.toast(f"Kept as {plain(save_markers(folder, found, name))}.", icon=":material/check:")
    for number, each in enumerate(load_markers(folder)):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"In the report: **{plain(each)}**")
            remove = partial(delete_markers, folder, each)
            if act_on_click("Remove", remove, key=f"markers.remove.{folder.id}.{number}", type="tertiary"):
                st.rerun(scope="fragment")
