"""Which epsilon to use: the trade-off between cost and spread (L-curve) over several labels, without true pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import plain
from pages.views.match.label_box import labels_with_plan
from psmatch_core.data.checks import display
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.l_curve import LCurve
    from psmatch_core.matching.coupling import Coupling

FIRST = 5  # labels chosen at first: those of medium size, so that the curve does not wait for a very large label


def l_curve_view(folder: RunFolder, coupling: Coupling) -> None:
    """The curve of the run's method for chosen labels."""
    labels = labels_with_plan(coupling)
    if not labels:
        return
    middle = max(0, (len(labels) - FIRST) // 2)
    st.caption(
        "With a smaller epsilon, each cell has fewer partners and the plan costs less; beyond the corner of the curve, "
        "little more is gained. True pairs are not used."
    )
    chosen = st.multiselect(
        "Labels", labels, default=labels[middle : middle + FIRST], format_func=display, key=f"curve.labels.{folder.id}"
    )
    key = f"curve.{folder.id}"
    if clicked("Draw the curve", key=f"curve.draw.{folder.id}", disabled=not chosen):
        session.put(key, tuple(chosen))
    drawn = session.get(key)
    if drawn:
        with show_errors():
            _show(folder, _curve(str(folder.path), drawn, files.COUPLING.times(folder)))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Computing the curve…")
def _curve(path: str, labels: tuple[str, ...], times: tuple[int, ...]) -> LCurve:
    from psmatch_core.exploration.l_curve import l_curve

    folder = RunFolder(Path(path))
    models = cache.scored_modalities(folder)
    return l_curve(*models, folder.recipe.matcher, labels=labels, seed=folder.recipe.seed)


def _show(folder: RunFolder, curve: LCurve) -> None:
    from psmatch_core.plotting import l_curve_figure

    matcher: Any = folder.recipe.matcher
    charts.show(
        l_curve_figure(curve, current=matcher.epsilon),
        key=f"curve.figure.{folder.id}",
        alt="Cost of the plan and spread of the matches, by epsilon",
    )
    st.caption(plain(curve.suggestion))
    workspace = session.workspace()
    current: Any = workspace.matcher
    if (
        curve.corner is not None
        and type(current) is type(matcher)
        and clicked(f"Set epsilon to {curve.corner:.3g}", key=f"curve.use.{folder.id}", icon=":material/tune:")
    ):
        session.reset_widgets("matcher")
        session.set_workspace(replace(workspace, matcher=replace(current, epsilon=float(f"{curve.corner:.3g}"))))
        st.rerun()
    column = st.column_config
    st.dataframe(
        curve.pooled,
        hide_index=True,
        key=f"curve.table.{folder.id}",
        column_config={
            "epsilon": column.NumberColumn("ε", format="%.3g"),
            "cost": column.NumberColumn("Cost", format="%.4g", help="Mean over labels, weighted by source cells."),
            "entropy": column.NumberColumn("Entropy [nats]", format="%.3f"),
            "n_effective": column.NumberColumn(
                "Spread [cells]", format="%.1f", help="exp(mean entropy of a cell's matches)."
            ),
            "n_attention": column.NumberColumn("Labels that need attention"),
        },
        placeholder=EMPTY_CELL,
    )
