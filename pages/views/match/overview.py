"""A coupling looked at: every label with its status, the plan of one label, the matches of one cell."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, charts
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from pages.views.match import selected_cells, slider_state
from pages.views.match.epsilon_slider import epsilon_view
from pages.views.match.l_curve import curve_view
from pages.views.match.linked_maps import linked_view
from psmatch_core.data.checks import display
from psmatch_core.matching.matchers.unbalanced import HARDLY
from psmatch_core.monitor.run_figures import median_effective
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.matching.coupling import Coupling

LISTED = 1000  # cells in the list of one label; any other can be typed
TOP = 20  # matches of one cell that are drawn


def match_view(folder: RunFolder) -> None:
    """Everything about one coupling."""
    coupling = cache.coupling(folder)
    table = cache.table(folder, "labels")
    if table is None:
        return
    source, target = coupling.source.modality.name, coupling.target.modality.name
    _headline(table, coupling)
    views = {"One label": _label, "Linked maps": linked_view, "One cell": _cell, "Effective matches": _effective}
    tabs({title: partial(view, folder, coupling) for title, view in views.items()}, key=f"match.tabs.{folder.id}")
    st.subheader("Every label")
    _label_table(folder, coupling, table, source, target, coupling.source.space_unit)


def _headline(table: pd.DataFrame, coupling: Coupling) -> None:
    source, target = coupling.source.modality.name, coupling.target.modality.name
    attention = int(table["needs_attention"].sum())
    matched = table[table["n_effective"].notna()]
    charts.metrics(
        [
            ("Labels matched", f"{len(matched):,} of {len(table):,}", "", ""),
            (f"{plain(source)} cells", f"{int(matched['n_source'].sum()):,}", "", ""),
            (f"{plain(target)} cells", f"{int(matched['n_target'].sum()):,}", "", ""),
            (
                "Effective matches a cell",
                number(median_effective(coupling), 2),
                "",
                "exp(entropy) of a cell's weights, median over cells: 1 where a cell has one partner, the number of "
                "candidates where all are alike.",
            ),
        ]
    )
    if attention:
        st.warning(
            f"**{count(attention, 'label needs', 'labels need')} a look.** → They stand first in the table below.",
            icon=":material/warning:",
        )


def _label_table(
    folder: RunFolder, coupling: Coupling, table: pd.DataFrame, source: str, target: str, unit: str
) -> None:
    ordered = table.sort_values(["needs_attention", "n_source"], ascending=[False, False]).copy()
    labels = ordered["label"].tolist()
    ordered.insert(0, "look", [":material/warning:" if each else "" for each in ordered["needs_attention"]])
    ordered["label"] = [display(each, 60) for each in ordered["label"]]
    ordered["status"] = [
        f"{status}. {note}" if note else status for status, note in zip(ordered["status"], ordered["note"], strict=True)
    ]
    column = st.column_config
    config = {
        "look": column.TextColumn("", width=30, pinned=True),
        "label": column.TextColumn("Label", width="medium", pinned=True),
        "n_source": column.NumberColumn(f"{source} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{target} [cells]", format="localized"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f", help="Median over the label's cells."),
        "status": column.TextColumn("Status", width="medium"),
        "iterations": column.NumberColumn("Iterations", format="localized"),
        "marginal_error": column.NumberColumn(
            "Marginal error", format="%.1e", help="How far the plan's sums are from those asked for, of mass 1."
        ),
        "epsilon": column.NumberColumn(
            f"ε [{unit}]" if unit else "ε", format="%.3g", help="Regularisation in units of the method's cost."
        ),
    }
    rows = min(len(ordered), 9)
    key = f"match.table.{folder.id}"
    st.dataframe(
        ordered[list(config)],
        hide_index=True,
        column_config=config,
        height=38 + 35 * rows,
        key=key,
        selection_mode="multi-row",
        on_select=lambda: _labels_chosen(folder, coupling, labels, key),
    )


def _labels_chosen(folder: RunFolder, coupling: Coupling, labels: list[str], key: str) -> None:
    """Select the source cells of the labels that are ticked in the table."""
    from psmatch_core.exploration.selection import Selection

    chosen = [labels[row] for row in selected_cells.rows_chosen(key) if labels[row] in coupling.blocks]
    if chosen:
        cells = [cell for label in chosen for cell in coupling.source_cells[label].tolist()]
        named = ", ".join(display(label, 24) for label in chosen[:3]) + (" …" if len(chosen) > 3 else "")
        selected_cells.select(folder, Selection("source", cells, f"all cells of {named}"))  # type: ignore[arg-type]


def _effective(folder: RunFolder, coupling: Coupling) -> None:
    from psmatch_core.plotting import effective_matches

    charts.show(effective_matches(coupling), key=f"effective.{folder.id}", alt="Effective matches a cell, by label")


def _label(folder: RunFolder, coupling: Coupling) -> None:
    """One label from sharp to smooth, and the curve over several labels under it."""
    label = _choose_label(folder, coupling, "heat")
    if label is None:
        return
    epsilon_view(folder, coupling, label)
    if folder.recipe.matcher.has_epsilon():
        with st.expander("The curve over several labels together"):
            curve_view(folder, coupling)


def _cell(folder: RunFolder, run: Coupling) -> None:
    from psmatch_core.plotting import cell_matches

    followed = slider_state.followed(folder, run)
    coupling = followed.coupling
    left, right = st.columns(2)
    with left:
        label = _choose_label(folder, coupling, "cell")
    if label is None:
        return
    modality = coupling.source.modality
    names = [str(each) for each in modality.obs_names[coupling.source_cells[label]]]
    with right:
        asked = st.selectbox(
            "Source cell",
            names[:LISTED],
            key=f"cell.{folder.id}.{label}",
            accept_new_options=len(names) > LISTED,
            help=f"{count(len(names), 'cell')} of this label; a name that is not listed can be typed."
            if len(names) > LISTED
            else None,
        )
    if asked not in names:
        st.info(
            f"Label {plain(label)} has no source cell {plain(asked or '')}. Choose one from the list.",
            icon=":material/arrow_forward:",
        )
        return
    chosen, weights, uniform, partner = cache.matches_of(coupling, label, names.index(asked), TOP)
    figure = cell_matches(chosen, weights, uniform, cell=asked, measured_true=partner)
    charts.show(figure, key=f"matches.{folder.id}.{label}.{asked}", alt=f"Weights of the matches of {display(asked)}")
    st.caption(f"Weights {plain(followed.words([label], slider_state.own_value(folder)))}.")
    share = cache.mass_share(coupling, label, names.index(asked))
    if share < HARDLY:
        st.warning(
            f"**This cell is hardly matched**: it has {share:.1%} of the mass of a cell that is matched like all "
            "others. → Its weights are shares of that.",
            icon=":material/warning:",
        )
    if partner is None:
        st.caption("Its true partner is not known.")


def _choose_label(folder: RunFolder, coupling: Coupling, name: str) -> str | None:
    """One label out of those with a plan, the largest first."""
    labels = sorted(coupling.labels, key=lambda each: -coupling.blocks[each].shape[0])
    if not labels:
        st.info("No label has a plan: the table says why.", icon=":material/arrow_forward:")
        return None
    key = f"{name}.label.{folder.id}"
    return st.selectbox("Label", labels, format_func=display, key=key, persist_state="session")  # over a look elsewhere
