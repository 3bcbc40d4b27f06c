"""Small figures of horizontal bars, drawn by a script of ours: plotly takes three times as long to start each anew."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.shell.text import plain

_HERE = Path(__file__).parent
_HTML = """
<div class="bar-panel"><ul class="legend" aria-label="Colours"></ul><div class="bars"></div>
<button type="button" title="Download as SVG" aria-label="Download as SVG"><svg viewBox="0 0 24 24" aria-hidden="true">
<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/></svg></button></div>
"""
_CSS = """
.bar-panel { position: relative; color: var(--st-text-color); font-family: var(--st-font); min-height: 3rem; }
.bar-panel .bars svg { display: block; font-family: inherit; }
.bar-panel .legend { display: flex; flex-wrap: wrap; gap: .1rem .9rem; list-style: none; padding: 0;
  margin: 0 2rem .2rem 0; font-size: .8rem; min-height: 1.5em; }
.bar-panel .legend li { margin: 0; padding: 0; font-size: inherit; }
.bar-panel .legend i { display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem; vertical-align: -1px;
  background: var(--mark); }
.bar-panel .legend i.ring { background: none; border: 1.5px solid var(--mark); border-radius: 50%; }
.bar-panel .legend i.line { background: none; border-top: 2px dashed var(--mark); height: 0; vertical-align: 4px; }
.bar-panel button { position: absolute; top: -.2rem; right: 0; width: 1.6rem; height: 1.6rem; padding: .25rem;
  border: 1px solid transparent; background: none; color: inherit; cursor: pointer;
  border-radius: var(--st-base-radius); }
.bar-panel button:hover { border-color: var(--st-border-color); }
.bar-panel button:focus-visible { outline: 2px solid var(--st-primary-color); }
.bar-panel button svg { display: block; width: 100%; height: 100%; fill: none; stroke: currentColor; stroke-width: 2; }
"""
_panel = st.components.v2.component(
    "psmatch_bar_panel",
    html=_HTML,
    css=_CSS,
    js=(_HERE / "bar_panel.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)
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
