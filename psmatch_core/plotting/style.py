"""What all figures share: colours, escaped text, titles that fit a phone, and an empty figure of the right height."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display

# Okabe and Ito 2008 ("Color Universal Design"), with orange and sky blue darkened and yellow and black replaced, so
# that each has a contrast of 3 : 1 on white and on #10171c (WCAG 2.1, 1.4.11), and colour-blind readers can
# distinguish all eight. tests/plotting/ measures this.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C5C28", "#3B95CB", "#8A63D2", "#7F7F7F")
SOURCE_COLOR, TARGET_COLOR = PALETTE[0], PALETTE[1]
GREY = "#8C8C8C"
FAINT = "rgba(128,128,128,0.25)"  # grid and zero lines, on any background
CLEAR = "rgba(0,0,0,0)"
COLOR_SCALE = "Cividis"  # perceptually even and made for colour blindness (Nuñez et al. 2018); for filled areas
# For points: both ends are visible on white and on dark, unlike those of Cividis.
POINT_SCALE = ((0.0, "#8A63D2"), (0.5, "#8C8C8C"), (1.0, "#B88600"))

FONT = "Inter, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
# As in .streamlit/config.toml; tests/plotting/test_theme.py checks that they agree.
LIGHT_PAPER, DARK_PAPER = "#ffffff", "#10171c"
INKS = ("#1b2630", "#e4ebef")  # text on light and on dark
QUIET_INKS = ("#53616d", "#a3b1bb")  # small text with a contrast of at least 4.5 : 1, which the theme's grey lacks

TITLE_WIDTH = 48  # characters of 15 px that fit on a screen of 390 px with margins
LABEL_WIDTH = 24  # characters of a label on an axis; the hover shows all of it
HOVER_WIDTH = 60  # characters per line in a hover
MOST_SHOWN = 300  # characters of a name shown in a hover
ROW_HEIGHT = 20  # px per label on an axis
TITLE_LINE = 20  # px
WEBGL_ABOVE = 5_000  # points that SVG draws without stuttering; more are drawn by WebGL
MOST_LABELS_DRAWN = 60  # labels in one figure, one per row: about a screen and a half
MOST_DECADES_WITH_STEPS = 2.5  # of a logarithmic axis; over more, 2 and 5 would crowd it
# Without it, plotly lays a grey box behind the tools of a figure whose paper is transparent.
_TOOLS = {"bgcolor": CLEAR, "color": GREY, "activecolor": PALETTE[5]}
_AXIS = {"gridcolor": FAINT, "zerolinecolor": FAINT, "automargin": True}


def template(name: str) -> go.layout.Template:
    """The look of a figure outside the app, without a theme around it: text, grid and hover for one background.

    Parameters
    ----------
    name
        ``light`` or ``dark``.
    """
    if name not in ("light", "dark"):
        raise PsmatchError(f"There is no template {name!r}.", hint="Use light or dark.")
    paper, ink = (LIGHT_PAPER, INKS[0]) if name == "light" else (DARK_PAPER, INKS[1])
    axis = {"gridcolor": FAINT, "zerolinecolor": FAINT, "linecolor": FAINT, "tickcolor": FAINT}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "color": ink, "size": 12},
            "colorway": list(PALETTE),
            "hoverlabel": {"bgcolor": paper, "bordercolor": GREY, "font": {"family": FONT, "color": ink}},
            "xaxis": axis,
            "yaxis": axis,
            "modebar": {"bgcolor": CLEAR, "color": GREY, "activecolor": ink},
        }
    )


def set_ink(fig: go.Figure, name: str) -> None:
    """Set the colour of the axis texts of a figure, readable on the ``light`` or ``dark`` background of the app."""
    quiet = QUIET_INKS[0] if name == "light" else QUIET_INKS[1]
    for axis in (*fig.select_xaxes(), *fig.select_yaxes()):
        axis.tickfont.color = quiet
        axis.title.font.color = quiet


def title_text(fig: go.Figure) -> tuple[str, str, int]:
    """The title of a figure as plain text, so that a page can write it above the figure with its own line breaks.

    Returns
    -------
    The finding, the smaller text under it (both without tags), and their height in the figure, px.
    """
    title = fig.layout.title.text or ""
    if not title:
        return "", "", 0
    finding, *notes = re.split(r"<br><span[^>]*>", title)
    return _words(finding), " ".join(_words(note) for note in notes), TITLE_LINE * (title.count("<br>") + 1)


def take_title(fig: go.Figure) -> tuple[str, str]:
    """Remove the title from a figure, which becomes lower; returns the finding and the smaller text."""
    finding, note, room = title_text(fig)
    if room:
        top, height = (fig.layout.margin.t or room), fig.layout.height
        fig.update_layout(title_text="", margin_t=max(10, top - room), height=height - room if height else None)
    return finding, note


def _words(piece: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", piece)).split())


def palette(n: int) -> tuple[str, ...]:
    """The first n ≤ 8 colours, which colour-blind readers can distinguish on white and on dark.

    Raises
    ------
    PsmatchError
        For more than 8: highlight a few labels and draw the rest in grey.
    """
    if not 0 <= n <= len(PALETTE):
        raise PsmatchError(
            f"{n} colours were requested, but more than {len(PALETTE)} cannot be distinguished.",
            hint="Colour the largest labels and draw the rest in grey.",
        )
    return PALETTE[:n]


def escaped(text: object, limit: int = 60) -> str:
    """A text from a file, cut to ``limit`` and escaped: plotly shows tags, templates and formulas in it literally."""
    escaped = html.escape(display(text, limit), quote=False)
    return escaped.replace("%{", "%&#123;").replace("$", "&#36;")


def hover_text(text: object) -> str:
    """A text from a file in full, broken into lines for a hover, because plotly does not wrap text."""
    return "<br>".join(wrapped(escaped(text, MOST_SHOWN), HOVER_WIDTH))


def shortened(text: object, limit: int = LABEL_WIDTH) -> str:
    """A text from a file, shortened in the middle: names with the same beginning often differ at the end."""
    shown = display(text, MOST_SHOWN)
    if len(shown) <= limit:
        return escaped(text, limit)
    half = (limit - 1) // 2
    return escaped(f"{shown[: limit - 1 - half].rstrip()}…{shown[-half:].lstrip()}", limit)


def figure(
    title: str,
    *,
    height: int,
    note: str = "",
    legend: bool = True,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """An empty transparent figure.

    Parameters
    ----------
    title
        The finding; names in it must be escaped by :func:`escaped`. It is wrapped to fit 390 px.
    height
        Height of the plot without title and legend, px.
    note
        Smaller text under the title.
    x, y, layout
        What the axes and the layout have besides.
    """
    # Passed to the constructor: an update of an existing figure takes ten times as long (13 ms, on every rerun).
    axes = {"xaxis": {**_AXIS, "title_standoff": 6, **(x or {})}, "yaxis": {**_AXIS, **(y or {})}}
    return go.Figure(layout={**_dressed(title, height=height, note=note, legend=legend), **layout, **axes})


def apply_style(fig: go.Figure, title: str, *, height: int, note: str = "", legend: bool = True) -> None:
    """Give a figure its title, transparent background, legend under the title and height (px, plot alone)."""
    fig.update_layout(_dressed(title, height=height, note=note, legend=legend))
    fig.update_xaxes(**_AXIS, title_standoff=6)
    fig.update_yaxes(**_AXIS)


def _dressed(title: str, *, height: int, note: str, legend: bool) -> dict[str, Any]:
    lines = wrapped(title, TITLE_WIDTH)
    notes = wrapped(note, TITLE_WIDTH + 10)
    text = "<br>".join(lines) + "".join(f"<br><span style='font-size:12px'>{line}</span>" for line in notes)
    top = 16 + TITLE_LINE * (len(lines) + len(notes)) + (34 if legend else 10)
    bottom = 54
    return {
        "title": {
            "text": text,
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {
                "l": 8,
                "t": 8 if len(lines) + len(notes) == 1 else 19,
            },  # plotly moves the first of several lines up
            "font": {"size": 15},
        },
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "height": height + top + bottom,
        "margin": {"l": 8, "r": 12, "t": top, "b": bottom},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "bgcolor": CLEAR},
        "hoverlabel": {"align": "left"},
        "modebar": _TOOLS,
    }


def color_bar(fig: go.Figure) -> dict[str, Any]:
    """A colour bar above the plot, where other figures have their legend.

    It is placed relative to the container: relative to the plot, it would enlarge the margin and move the title.
    """
    height, top = fig.layout.height, fig.layout.margin.t
    place = {"x": 0, "xanchor": "left", "yref": "container", "y": 1 - top / height, "yanchor": "bottom"}
    return {"orientation": "h", "thickness": 8, "len": 0.6, "ypad": 4, "tickangle": 0, **place}


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` shown characters; an escaped character counts once."""
    if not text:
        return []
    shown = html.unescape(text)
    if len(shown) <= width:
        return [text]
    lines = textwrap.wrap(shown, width, break_long_words=True)
    return [escaped(line, width + 1) for line in lines]


def label_axis(fig: go.Figure, labels: Sequence[str], axis: str = "y") -> np.ndarray:
    """Put labels on an axis, first on top, at whole numbers, so that labels shortened to the same text stay separate.

    Returns
    -------
    Their positions ``(n,)``.
    """
    settings = label_ticks(labels, axis)
    (fig.update_yaxes if axis == "y" else fig.update_xaxes)(**settings)
    return np.asarray(settings["tickvals"])


def label_ticks(labels: Sequence[str], axis: str = "y") -> dict[str, Any]:
    """The settings of an axis with labels at whole numbers, first on top."""
    return {
        "tickmode": "array",
        "tickvals": np.arange(len(labels), dtype=np.float32),
        "ticktext": [shortened(label) for label in labels],
        "range": [len(labels) - 0.5, -0.5] if axis == "y" else [-0.5, len(labels) - 0.5],
        "showgrid": False,
        "zeroline": False,
    }


def both_ends(n_labels: int, first: str, last: str) -> tuple[np.ndarray, str]:
    """Which of many ordered labels are drawn: those at both ends, so that a figure stays short.

    Parameters
    ----------
    first, last
        What the labels at the beginning and at the end are called, such as ``largest``.

    Returns
    -------
    Their positions in the order, and a note on what was left out; empty if all are drawn.
    """
    if n_labels <= MOST_LABELS_DRAWN:
        return np.arange(n_labels), ""
    half = MOST_LABELS_DRAWN // 2
    chosen = np.r_[0:half, n_labels - half : n_labels]
    return chosen, f"the {half} {first} and {half} {last} of {n_labels:,} labels; the table lists all"


def height_of(n_rows: int, row: int = ROW_HEIGHT) -> int:
    """Height of a plot with one row per label, px."""
    return max(160, n_rows * row)


def log_ticks(values: np.ndarray) -> dict[str, Any]:
    """Ticks of a logarithmic axis over these positive values, all of one kind: 1, 2, 5 and their multiples of ten."""
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 10.0)
    n_decades = np.log10(high / low)
    steps = (1, 2, 5) if n_decades < MOST_DECADES_WITH_STEPS else (1,)
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    return {"tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}


def rounded(value: float) -> str:
    """A number of cells or a multiple with two digits: 6.3, 14, 1,250."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.2g}"


def short_number(value: float) -> str:
    """A number with two or three significant digits: 1,250; 12.3; 0.0123."""
    if not np.isfinite(value):
        return "unknown"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"
