"""Maps of cells on a canvas of ours: what a browser holds once is not sent again, and colours anew are drawn at once.

docs/decisions/0008-linked-maps-on-a-canvas.md says why these maps are no figures of plotly. A figure that changes is
another chart for Streamlit: its browser part starts anew with all places of all cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shell import session
from pages.shell.scripts import script_component
from pages.shell.text import plain

DIGEST = 16  # characters of the name of a part, as in cell_parts.js

_HERE = Path(__file__).parent
_TOOLS = (
    ("lasso", "Draw a lasso", "M4 9c0-4 4-6 8-6s8 2 8 6-4 6-8 6c-2 0-3 1-3 2s1 2 0 4"),
    ("rectangle", "Draw a rectangle", "M4 6h16v12H4z"),
    ("move", "Move the map", "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3"),
    ("zoom-in", "Zoom in", "M12 5v14M5 12h14"),
    ("zoom-out", "Zoom out", "M5 12h14"),
    ("zoom-off", "Show everything", "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"),
    ("save", "Download as PNG", "M12 4v11M7 11l5 5 5-5M5 20h14"),
)
_MODES = ("lasso", "rectangle", "move")


def _button(what: str, title: str, path: str) -> str:
    pressed = ' aria-pressed="false"' if what in _MODES else ""
    picture = f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg>'
    return f'<button type="button" data-what="{what}" title="{title}" aria-label="{title}"{pressed}>{picture}</button>'


_HTML = f"""
<div class="cell-map">
  <div class="tools" role="toolbar" aria-label="Tools of the map">{"".join(_button(*each) for each in _TOOLS)}</div>
  <canvas class="cells" tabindex="0" role="application"></canvas>
  <ul class="legend" aria-label="Colours"></ul>
  <div class="says" role="status" aria-live="polite"></div>
  <div class="spot" aria-hidden="true"></div>
  <div class="keys" hidden>Arrow keys move a cross, plus and minus zoom, 0 shows everything.</div>
  <div class="pages" hidden>Page up and Page down go from panel to panel.</div>
  <div class="looks" hidden>Space says what the cell at the cross is.</div>
  <div class="selects" hidden>Space selects the cell at the cross, Enter sets two corners of a rectangle, Escape ends
    it.</div>
  <div class="hover" role="tooltip" hidden></div>
</div>
"""
_map = script_component("cell_canvas", html=_HTML)
_part = st.components.v2.component(
    "psmatch_cell_part", html="<div></div>", js=(_HERE / "cell_parts.js").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class MapPart:
    """Something that a browser keeps.

    Parameters
    ----------
    name
        Another one for another content; from :func:`part_name`.
    content
        Arrays in a frame (:mod:`psmatch_core.base.framed_arrays`).
    """

    name: str
    content: bytes


def part_name(content: bytes) -> str:
    """A name that belongs to this content, or to what it is made from."""
    return hashlib.sha256(content).hexdigest()[:DIGEST]


@dataclass(frozen=True)
class CanvasEvent:
    """What a visitor did on a map.

    Parameters
    ----------
    corners
        Of a shape, in the map's units.
    row
        Of a cell that was clicked, in its modality; None where a shape was drawn.
    side
        ``source`` or ``target``: the modality of the clicked cell; empty where a shape was drawn.
    label
        Of the panel in which a shape was drawn, as its number among the labels; None on a map without panels.
    """

    corners: list[tuple[float, float]]
    row: int | None = None
    side: str = ""
    label: int | None = None


@dataclass(frozen=True)
class CanvasCells:
    """The cells of one modality on a canvas.

    Parameters
    ----------
    side
        ``source`` or ``target``.
    places
        Name of the part with their places, which :func:`keep_part` gives to the browser, before or after the map.
    look, marks
        As :func:`~psmatch_core.plotting.map_layers.map_look` and ``map_marks`` give them.
    color
        Of the selected cells and of the matches.
    """

    side: str
    places: str
    look: dict[str, Any]
    marks: dict[str, Any]
    color: str


def keep_part(part: MapPart, *, key: str) -> None:
    """Give the browser a part; one that it was given before is not sent again."""
    _part(key=key, data=part.name.encode("ascii") + part.content, height="content")


def cell_map(
    cells: Sequence[CanvasCells],
    *,
    key: str,
    texts: str,
    axes: str,
    title: str,
    note: str | None,
    alt: str,
    panels: dict[str, Any] | None = None,
    on_drawn: Callable[[CanvasEvent], None] | None = None,
) -> None:
    """A map of one modality, or panels of labels with the cells of one or both; its title is page text.

    Parameters
    ----------
    cells
        Of one modality, or of both where they share panels.
    texts
        Name of the part with what the hover says, which :func:`keep_part` gives to the browser, before or after this.
    axes
        Maps with the same one are zoomed and moved together.
    note
        Smaller text under the title; empty to leave its line free, so that two maps begin at one height.
    alt
        What the map shows, for screen readers.
    panels
        Their labels, as :func:`~psmatch_core.plotting.map_layers.map_panels` gives them; None for one map.
    on_drawn
        Called with what was drawn or clicked; without it the map is only looked at.
    """
    st.markdown(f"**{plain(title)}**")
    if note is not None:
        st.caption(plain(note) or "\N{NO-BREAK SPACE}")
    data = {
        "sides": [vars(each) for each in cells], "panels": panels, "texts": texts,
        "axes": axes, "title": title, "alt": alt, "selects": on_drawn is not None,
    }  # fmt: skip
    _map(key=key, data=data, on_drawn_change=lambda: _answer(key, on_drawn))


def _answer(key: str, on_drawn: Callable[[CanvasEvent], None] | None) -> None:
    state: Any = session.get(key)
    drawn = (state or {}).get("drawn")
    if not drawn or on_drawn is None:
        return
    corners = [(float(x), float(y)) for x, y in zip(drawn["x"], drawn["y"], strict=True)]
    if drawn["kind"] == "click":
        on_drawn(CanvasEvent(corners, int(drawn["row"]), str(drawn["side"])))
        return
    label = drawn["label"]
    on_drawn(CanvasEvent(corners, label=None if label is None else int(label)))
