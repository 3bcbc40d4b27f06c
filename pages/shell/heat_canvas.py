"""The plan of a label as a heatmap on a canvas of ours: a step of the slider sends two bytes for each block of cells.

docs/decisions/0009-heatmap-on-a-canvas.md says why it is no figure of plotly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import session
from pages.shell.cell_canvas import MapPart, keep_part, part_name
from pages.shell.scripts import script_component
from pages.shell.text import plain

if TYPE_CHECKING:
    import numpy as np

    from psmatch_core.matching.blocks.heatmap_bins import BlockMeans

_HTML = """
<div class="heat-map">
  <div class="scale" aria-hidden="true"><i class="ramp"></i><div class="ticks"></div></div>
  <button type="button" class="save" title="Download as PNG" aria-label="Download as PNG"><svg viewBox="0 0 24 24"
    aria-hidden="true"><path d="M12 4v11M7 11l5 5 5-5M5 20h14"/></svg></button>
  <button type="button" class="pick" title="Draw rows by finger" aria-label="Draw rows by finger" aria-pressed="false">
    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 6h16v12H4z"/></svg></button>
  <div class="plan"><div class="rows"></div><canvas class="weights" tabindex="0" role="application"></canvas></div>
  <div class="columns"></div>
  <div class="says" role="status" aria-live="polite"></div>
  <div class="keys" hidden>Arrow keys move over the blocks of cells and say their weights, Enter sets the first and the
    last row to select, Escape ends the selection.</div>
  <div class="hover" role="tooltip" hidden></div>
</div>
"""
_map = script_component("heat_canvas", html=_HTML)


def show_heatmap(
    found: BlockMeans,
    title: str,
    *,
    row_names: Sequence[str] | np.ndarray,
    column_names: Sequence[str] | np.ndarray,
    key: str,
    alt: str,
    on_rows: Callable[[float, float], None] | None = None,
) -> None:
    """A plan that is averaged into blocks, with its title as page text.

    Parameters
    ----------
    title
        The finding.
    row_names, column_names
        Names of the cells, ``(n,)`` and ``(m,)``.
    alt
        What it shows, for screen readers.
    on_rows
        Called with the first and the last height of a drawn block, in rows of the heatmap: the middle of the first row
        is 0. Without it nothing can be selected.
    """
    from psmatch_core.plotting.coupling_heatmap import heat_note
    from psmatch_core.plotting.heat_layers import heat_cells, heat_names

    names = heat_names(found, row_names, column_names)
    part = MapPart(part_name(names), names)
    st.markdown(f"**{plain(title)}**")
    st.caption(plain(heat_note(found)))
    about = {"title": title, "alt": alt, "selects": on_rows is not None}
    _map(key=key, data=heat_cells(found, part.name, **about), on_drawn_change=lambda: _answer(key, on_rows))
    keep_part(part, key=f"{key}.names")


def _answer(key: str, on_rows: Callable[[float, float], None] | None) -> None:
    state: Any = session.get(key)
    drawn = (state or {}).get("drawn")
    if drawn and on_rows is not None:
        on_rows(float(drawn["low"]), float(drawn["high"]))
