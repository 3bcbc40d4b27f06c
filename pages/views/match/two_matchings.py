"""The matching of this run beside that of another run on the same cells."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.cell_maps import SideOfMap, draw_cells
from pages.shell.errors import show_errors
from pages.shell.frame import run_name
from pages.shell.map_choice import map_boxes
from pages.shell.map_colors import MapColor
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import number, plain
from pages.views.match import selected_cells
from pages.views.match.linked_maps import select_drawn
from psmatch_core.base.progress import Event
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.sweeps.table import history

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.compare_matchings import RunMatchings

ROWS = 9  # visible rows
SHARES = ("shared_mass", "by_label", "same_best")  # columns of the table, as percentages
UNITLESS = "trace"  # says the same as its multiple of the uniform weight


def two_matchings_tab(folder: RunFolder, coupling: Coupling) -> None:
    """Choose another run on the same data, and see where both agree; a choice redraws only this part of the page."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, coupling))
    fragment()


def _view(folder: RunFolder, coupling: Coupling) -> None:
    others = _others(folder)
    if not others:
        st.info(
            "There is no other finished run on these data. Change a setting and match again, then compare both here.",
            icon=":material/arrow_forward:",
        )
        return
    chosen = st.selectbox(
        "Compare with",
        list(others),
        format_func=lambda each: others[each],
        key=f"compared.run.{folder.id}",
        help="Finished runs on the same cells, the newest first.",
    )
    with show_errors():
        other = session.store().open(chosen)
        found = _compared(str(folder.path), str(other.path), (*_times(folder), *_times(other)))
        st.markdown(f"**{plain(found.matchings.sentence())}**")
        _pictures(folder, coupling, found)
        _labels(folder, found)
        _figures(folder, found)


def _others(folder: RunFolder) -> dict[str, str]:
    """Names of the other finished runs on the same data, by their id."""
    store = session.store()
    runs = [store.open(entry.id) for entry in store.entries()]
    table, _ = history([(each, run_name(each)) for each in runs], folder)
    return {row["id"]: row["name"] for row in table.to_dict("records") if row["id"] != folder.id}


def _times(folder: RunFolder) -> tuple[int, ...]:
    return (*files.COUPLING.times(folder), *files.LABELS.times(folder), *files.EVALUATION.times(folder))


def _compared(path: str, other: str, times: tuple[int, ...]) -> RunMatchings:
    """Compare two runs with a progress bar; what was compared once is kept."""
    from psmatch_core.workspace.compare_matchings import compare_run_matchings

    kept = _kept(path, other, times)
    if not kept:
        bar = st.progress(0.0, text="Reading the two matchings")

        def report(event: Event, /) -> None:
            bar.progress(
                min(event.fraction, 1.0), text=f"Comparing the two matchings: {plain(event.message) or 'done'}"
            )

        folders = RunFolder(Path(path)), RunFolder(Path(other))
        try:
            found = compare_run_matchings(
                *folders,
                names=("this run", f"“{run_name(folders[1])}”"),
                couplings=(cache.coupling(folders[0]), cache.coupling(folders[1])),
                progress=report,
            )
        finally:
            bar.empty()
        kept.append(found)
    return kept[0]


@st.cache_resource(max_entries=cache.KEPT, show_spinner=False)
def _kept(path: str, other: str, times: tuple[int, ...]) -> list[RunMatchings]:
    """The place of a comparison, empty until it is there: a cached function could not move the bar."""
    return []


def _pictures(folder: RunFolder, coupling: Coupling, found: RunMatchings) -> None:
    """The shared mass of each label, and of each source cell on the map."""
    from psmatch_core.exploration.two_matchings import SHARED_MASS
    from psmatch_core.plotting import CellColumn, shared_mass_bars
    from psmatch_core.plotting.map_layers import map_marks

    left, right = st.columns([2, 3])
    with left:
        charts.show(
            shared_mass_bars(found.matchings),
            key=f"compared.bars.{folder.id}",
            alt="Share of the weight that both matchings give to the same matches, by label",
        )
    cells = found.matchings.cells.set_index("cell")["shared_mass"]
    names, name = coupling.source.modality.obs_names, plain(coupling.source.modality.name)
    column = CellColumn("shared mass", source=cells.reindex(names).to_numpy(dtype=float))
    selection = selected_cells.selected(folder)
    is_selected = selection is not None and selection.side == SIDES[0]
    with right:
        models = (coupling.source, coupling.target)
        chosen = map_boxes(folder, models, coupling)
        side = SideOfMap(
            f"Shared mass of the {display(coupling.source.modality.name, 24)} cells: draw around cells",
            alt=f"Map of the {display(coupling.source.modality.name, 24)} cells, coloured by their shared mass",
            marks=map_marks(chosen.scores.source_cells, SIDES[0], selection if is_selected else None, None),
            on_drawn=partial(select_drawn, folder, models, chosen.scores, side=SIDES[0]),
        )
        color = MapColor("label", column=column)
        draw_cells(
            folder,
            models,
            chosen.scores,
            color,
            sides={SIDES[0]: side},
            key="compared.map",
            is_selected=is_selected,
            panels=chosen.panels,
        )
        st.caption(f"{SHARED_MASS} {name} cells are compared, by their matches.")
        if selection is not None and is_selected:
            mine = cells.reindex(names[selection.cells]).dropna()
            if len(mine):
                st.markdown(f"The {len(mine):,} selected cells share **{mine.mean():.0%}** of their weight.")
        st.caption(chosen.caption)


def _labels(folder: RunFolder, found: RunMatchings) -> None:
    """All labels, those that agree least first."""
    table = found.labels.copy()
    table["label"] = [display(each, 60) for each in table["label"]]
    table[list(SHARES)] *= 100
    column = st.column_config
    config: dict[str, Any] = {
        "label": column.TextColumn("Label", pinned=True),
        "shared_mass": column.ProgressColumn("Shared mass", format="%.0f%%", min_value=0.0, max_value=100.0),
        "by_label": column.NumberColumn("By label alone", format="%.0f%%"),
        "same_best": column.NumberColumn("Same heaviest match", format="%.0f%%"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
        "other_n_effective": column.NumberColumn("in the other run", format="%.1f"),
        "verdict": column.TextColumn("Verdict"),
        "other_verdict": column.TextColumn("in the other run"),
        "n_cells": column.NumberColumn("Cells", format="localized"),
    }
    shown = [name for name in config if name in table]
    height = 38 + 35 * min(len(table), ROWS)
    key = f"compared.labels.{folder.id}"
    st.dataframe(table[shown], hide_index=True, column_config=config, height=height, key=key, placeholder=EMPTY_FIGURE)


def _figures(folder: RunFolder, found: RunMatchings) -> None:
    """Which settings differ, and by how much the figures on true pairs."""
    from psmatch_core.plotting.pair_metrics import METRIC_TITLES

    left, right = st.columns([2, 3])
    with left:
        st.markdown("**Settings that differ**")
        if len(found.settings):
            shown = found.settings.map(lambda value: "–" if value is None else display(value, 60))
            st.dataframe(shown, key=f"compared.settings.{folder.id}", placeholder=EMPTY_FIGURE)
        else:
            st.caption("All settings are the same.")
    with right:
        st.markdown("**Nearer to the truth?**")
        if found.differences is not None:
            rows = [
                {
                    "Metric": METRIC_TITLES[row["metric"]][0],
                    "This run": number(row["first"]),
                    "Other run": number(row["second"]),
                    "Difference (95% interval)": f"{row['difference']:+.3g} ({row['low']:+.3g} to {row['high']:+.3g})",
                }
                for row in found.differences.to_dict("records")
                if row["metric"] != UNITLESS
            ]
            st.dataframe(
                pd.DataFrame(rows), hide_index=True, key=f"compared.figures.{folder.id}", placeholder=EMPTY_FIGURE
            )
        st.caption(found.pairs_sentence)
