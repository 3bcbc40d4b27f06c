"""Which epsilon: cost against entropy of the run's method, worked out when asked for, without true pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.errors import told
from pages.shell.text import plain
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.l_curve import LCurve
    from psmatch_core.matching.coupling import Coupling

FIRST = 5  # labels that are traced unless others are chosen: those of middling size, so that nobody waits for a giant


def curve_view(folder: RunFolder, coupling: Coupling) -> None:
    """The L-curve of a run's method for chosen labels."""
    matcher = folder.recipe.matcher
    if not matcher.has_epsilon():
        st.info(
            "This method has no epsilon: there is nothing to choose here. The entropic methods have one.",
            icon=":material/arrow_forward:",
        )
        return
    labels = sorted(coupling.labels, key=lambda each: -coupling.blocks[each].shape[0])
    if not labels:
        st.info("No label has a plan: the table says why.", icon=":material/arrow_forward:")
        return
    middle = max(0, (len(labels) - FIRST) // 2)
    st.caption(
        "As epsilon falls a cell has fewer partners and the plan costs less; past the corner it gains little. "
        "No true pair is looked at."
    )
    chosen = st.multiselect(
        "Labels", labels, default=labels[middle : middle + FIRST], format_func=display, key=f"curve.labels.{folder.id}"
    )
    asked = f"curve.{folder.id}"
    if st.button("Draw the curve", key=f"curve.draw.{folder.id}", disabled=not chosen):
        session.leave(asked, tuple(chosen))
    traced = session.peek(asked)
    if not traced:
        return
    with told():
        _show(folder, cache.curve(folder, traced), matcher)


def _show(folder: RunFolder, curve: LCurve, matcher: Any) -> None:
    from psmatch_core.plotting import l_curve_figure

    charts.show(
        l_curve_figure(curve, current=matcher.epsilon),
        key=f"curve.figure.{folder.id}",
        alt="Cost of the plan against effective matches, over epsilon",
    )
    st.caption(plain(curve.suggestion))
    workspace = session.workspace()
    own: Any = workspace.matcher
    if (
        curve.corner is not None
        and type(own) is type(matcher)
        and st.button(f"Set epsilon to {curve.corner:.3g}", key=f"curve.use.{folder.id}", icon=":material/tune:")
    ):
        session.renew("matcher")
        session.keep(replace(workspace, matcher=replace(own, epsilon=float(f"{curve.corner:.3g}"))))
        st.rerun()
    column = st.column_config
    st.dataframe(
        curve.pooled,
        hide_index=True,
        key=f"curve.table.{folder.id}",
        column_config={
            "epsilon": column.NumberColumn("ε", format="%.3g"),
            "cost": column.NumberColumn("Cost", format="%.4g", help="Mean over labels by their source cells."),
            "entropy": column.NumberColumn("Entropy [nats]", format="%.3f"),
            "n_effective": column.NumberColumn("Effective matches", format="%.1f", help="Geometric mean over cells."),
            "n_attention": column.NumberColumn("Labels that need a look"),
        },
    )
