"""Small figures of horizontal bars, drawn by a script of ours: plotly takes three times as long to start each anew."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
import streamlit as st

from pages.shell.scripts import script_component
from pages.shell.text import plain

_HTML = """
<div class="bar-panel"><ul class="legend" aria-label="Colours"></ul><div class="bars"></div>
<button type="button" title="Download as SVG" aria-label="Download as SVG"><svg viewBox="0 0 24 24" aria-hidden="true">
<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/></svg></button>
<div class="says" role="status" aria-live="polite"></div></div>
"""
_panel = script_component("bar_panel", html=_HTML)
_UNIT = re.compile(r"%\{x[^}]*\}\s*([^<]*)")


def show_bars(figure: Any, *, key: str, alt: str) -> None:
    """Draw a plotly figure of horizontal bars, with its title as page text.

    Bars side by side or over each other, rings, vertical lines, bands and rules between rows are drawn; other parts of
    a figure are not.

    Parameters
    ----------
    alt
        What the figure shows, for screen readers.
    """
    from psmatch_core.plotting import title_text

    finding, note, _ = title_text(figure)
    st.markdown(f"**{plain(finding)}**")
    if note:
        st.caption(plain(note))
    _panel(key=key, data={**bars_of(figure), "alt": alt})


def bars_of(figure: Any) -> dict[str, Any]:
    """What the script draws of a figure of horizontal bars."""
    layout = figure.layout
    names = [html.unescape(str(each)) for each in layout.yaxis.ticktext or ()]
    found: dict[str, Any] = {"bars": [], "rings": [], "lines": [], "legend": []}
    unit = ""
    for trace in figure.data:
        name, x, y = html.unescape(trace.name or ""), _list(trace.x), _list(trace.y)
        if trace.type == "bar":
            found["bars"].append({"name": name, "x": x, "rows": y, "color": trace.marker.color})
            unit = unit or "".join(_UNIT.findall(trace.hovertemplate or "")[:1]).strip()
            kind, color = "bar", trace.marker.color
        elif trace.mode == "lines":
            found["lines"].append(x[0])
            kind, color = "line", trace.line.color
        else:
            size, color = float(trace.marker.size), trace.marker.color
            found["rings"].append({"name": name, "x": x, "rows": y, "color": color, "size": size})
            kind = "ring"
        if layout.showlegend and trace.showlegend is not False:
            found["legend"].append([name, color, kind])
    shapes = [(each.type, each) for each in layout.shapes]
    return {
        **found,
        "names": names,
        "axis": html.unescape(layout.xaxis.title.text or ""),
        "unit": unit,
        "is_share": "%" in (layout.xaxis.tickformat or ""),
        "bands": [[float(each.x0), float(each.x1)] for kind, each in shapes if kind == "rect"],
        "rules": [float(each.y0) for kind, each in shapes if kind == "line"],
    }


def _list(values: Any) -> list[float]:
    return [float(each) for each in np.asarray(values, dtype=float).tolist()]
