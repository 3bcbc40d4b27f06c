"""The matching of a run: its headline numbers, a tab for each view of the coupling, and the table of labels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, charts
from pages.shell.frame import say_answer
from pages.shell.glossary import meaning
from pages.shell.places import own_place
from pages.shell.scripts import send_scripts
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from pages.shell.verdicts import run_verdict
from pages.views.match.cell import cell_tab
from pages.views.match.label_table import match_table
from pages.views.match.linked_maps import MAPS_TAB, linked_maps_tab
from pages.views.match.markers import markers_tab
from pages.views.match.plan import plan_tab
from pages.views.match.two_matchings import two_matchings_tab
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.matching.coupling import Coupling


def match_view(folder: RunFolder) -> None:
    """Everything about one coupling."""
    coupling = cache.coupling(folder)
    table = files.LABELS.read(folder)
    if table is None:
        return
    send_scripts()  # before what they draw
    say_answer(_answer(table, coupling))
    _headline(table, coupling)
    run_verdict(folder)
    views = {
        "One label": plan_tab,
        MAPS_TAB: linked_maps_tab,
        "One cell": cell_tab,
        "Markers": markers_tab,
        "Effective matches": _effective,
        "Two matchings": two_matchings_tab,
    }
    tabs({title: partial(view, folder, coupling) for title, view in views.items()}, key=f"match.tabs.{folder.id}")
    st.subheader("All labels")
    match_table(folder, coupling, table)


def _answer(table: pd.DataFrame, coupling: Coupling) -> str:
    """How many labels are matched, and among how many candidates a typical cell has how many matches."""
    spread, n_matched = effective_in_run(coupling), int(table["n_effective"].notna().sum())
    which = (
        f"All {len(table):,} labels are" if n_matched == len(table) else f"{n_matched:,} of {len(table):,} labels are"
    )
    if not spread.n_cells:
        return f"{which} matched."
    source, target = coupling.source.modality.name, coupling.target.modality.name
    return (
        f"{which} matched: a typical {source} cell has about {number(spread.matches, 2)} matches among the "
        f"{number(spread.candidates, 2)} {target} cells of its label."
    )


def _headline(table: pd.DataFrame, coupling: Coupling) -> None:
    source, target = coupling.source.modality.name, coupling.target.modality.name
    attention = int(table["needs_attention"].sum())
    matched = table[table["n_effective"].notna()]
    spread = effective_in_run(coupling)
    charts.metrics(
        [
            ("Labels matched", f"{len(matched):,} of {len(table):,}", "", ""),
            (f"{plain(source)} cells", f"{int(matched['n_source'].sum()):,}", "", ""),
            (f"{plain(target)} cells", f"{int(matched['n_target'].sum()):,}", "", ""),
            (
                "Effective matches per cell",
                number(spread.matches, 2),
                f"of {number(spread.candidates, 2)} candidates",
                f"{meaning('effective matches')} Both are medians over the source cells that have a match.",
            ),
        ]
    )
    with own_place():
        if attention:
            needs = count(attention, "label needs", "labels need")
            st.warning(f"**{needs} attention.** → See the first rows of the table below.", icon=":material/warning:")


def _effective(folder: RunFolder, coupling: Coupling) -> None:
    from psmatch_core.plotting import effective_matches

    charts.show(effective_matches(coupling), key=f"effective.{folder.id}", alt="Effective matches per cell, by label")
