"""Names of a few points in a figure, placed without overlap; names without room are left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from psmatch_core.plotting.style import GREY, TARGET_COLOR, shortened

MOST_NAMED_POINTS = 6
NAME_WIDTH = 16  # characters of a name in a figure
PLOT = (220.0, 380.0)  # px of the smallest plot, on a screen of 390 px
CHARACTER, LINE, GAP = 7.0, 15.0, 7.0  # px: width and height of text at 12 px, and its distance from the point
PLACES = {  # textposition: direction from the point to the middle of the text
    "top center": (0, 1),
    "bottom center": (0, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top right": (1, 1),
    "top left": (-1, 1),
    "bottom right": (1, -1),
    "bottom left": (-1, -1),
}
Box = tuple[float, float, float, float]  # left, bottom, right, top, px


def name_positions(x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> list[str]:
    """The position of each name next to its point, in order of priority; empty if there is no room.

    Parameters
    ----------
    x, y
        The points ``(n,)``, in the units of the axes, which are assumed to extend a little beyond them.
    names
        Their names ``(n,)``.
    """
    taken: list[Box] = []
    points = np.column_stack([_on_screen(x, PLOT[0]), _on_screen(y, PLOT[1])])
    out = []
    for (left, bottom), name in zip(points, names, strict=True):
        half = CHARACTER * len(name) / 2
        found = ""
        for position, (across, up) in PLACES.items():
            middle = left + across * (half + GAP), bottom + up * (LINE / 2 + GAP)
            box = middle[0] - half, middle[1] - LINE / 2, middle[0] + half, middle[1] + LINE / 2
            if box[0] >= 0 and box[2] <= PLOT[0] and not any(_overlap(box, other) for other in taken):
                found = position
                taken.append(box)
                break
        out.append(found)
    return out


def add_named(fig: go.Figure, x: np.ndarray, y: np.ndarray, names: Sequence[str], *, legend: str = "") -> None:
    """Mark some points and write their names next to them.

    Parameters
    ----------
    legend
        Legend entry of the marks; none if empty.
    """
    shown = [shortened(name, NAME_WIDTH) for name in names]
    places = name_positions(x, y, shown)
    fig.add_scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="markers+text",
        name=legend,
        showlegend=bool(legend),
        text=[name if place else "" for name, place in zip(shown, places, strict=True)],
        textposition=[place or "top center" for place in places],
        cliponaxis=False,
        marker={"size": 8, "color": TARGET_COLOR},
        hoverinfo="skip",
    )


def add_diagonal(fig: go.Figure, x: np.ndarray, y: np.ndarray, *, legend: str = "") -> None:
    """The line on which a prediction is perfect."""
    ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
    fig.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name=legend,
        showlegend=bool(legend),
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )


def _on_screen(values: np.ndarray, size: float) -> np.ndarray:
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    margin = 0.06 * (high - low) or 1.0
    return (np.asarray(values, dtype=np.float64) - low + margin) / (high - low + 2 * margin) * size


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
