"""The L-curve: the cost of plans against the spread of the matches, exp(mean entropy)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from psmatch_core.exploration.l_curve import LCurve
from psmatch_core.plotting.style import (
    FAINT,
    GREY,
    PALETTE,
    SOURCE_COLOR,
    escaped,
    figure,
    hover_text,
    log_ticks,
    rounded,
)

HIGHLIGHT = PALETTE[1]
MOST_LABELS = 60  # more thin lines cannot be distinguished
TURNED = 0.7  # of the width: a name right of the point would be cut by the edge


def l_curve_figure(
    curve: LCurve, *, current: float | None = None, marks: Mapping[str, float] = MappingProxyType({})
) -> go.Figure:
    """Mean cost against the spread of the matches over a grid of epsilons; labels are thin lines, the corner is marked.

    Parameters
    ----------
    current
        The current epsilon, marked if the grid contains it within a hundredth.
    marks
        Other named epsilons of the grid, such as those of the presets.
    """
    table, option = curve.pooled, curve.option
    if curve.corner is None:
        title = f"The curve has no clear corner in this range of {option}"
    else:
        at = table[table["epsilon"] == curve.corner].iloc[0]
        matches = rounded(float(at["n_effective"]))
        title = f"Plans sharper than {option} {curve.corner:.3g} (spread {matches} cells) gain little"
    note = " ".join((*curve.notes, "No true pairs are used."))
    fig = figure(title, height=320, note=escaped(note, 400))
    single = len(curve.points) == 1
    for number, (label, points) in enumerate(curve.points.items()):
        if single or number >= MOST_LABELS:
            break
        fig.add_scatter(
            x=np.array([point.n_effective for point in points], dtype=np.float32),
            y=np.array([point.cost for point in points], dtype=np.float32),
            mode="lines",
            line={"color": GREY, "width": 1},
            opacity=0.5,
            name="one label",
            legendgroup="labels",
            showlegend=number == 0,
            hovertext=[f"{hover_text(label)}, epsilon {point.epsilon:.3g}" for point in points],
            hovertemplate="%{hovertext}: cost %{y:.3g}, spread %{x:.3g} cells<extra></extra>",
        )
    fig.add_scatter(
        x=table["n_effective"].to_numpy(dtype=np.float32),
        y=table["cost"].to_numpy(dtype=np.float32),
        mode="lines+markers",
        line={"color": SOURCE_COLOR, "width": 2.5},
        marker={"size": 7},
        name=escaped(next(iter(curve.points)), 24) if single else "mean over labels",
        showlegend=not single,
        hovertext=[f"{option} {epsilon:.3g}" for epsilon in table["epsilon"]],
        hovertemplate="%{hovertext}: cost %{y:.3g}, spread %{x:.3g} cells<extra></extra>",
    )
    spread = np.log(table["n_effective"].to_numpy(dtype=float))
    late = spread.min() + TURNED * np.ptp(spread)
    for name, value in marks.items():
        row = table[table["epsilon"] == value].iloc[0]
        fig.add_scatter(
            x=[float(row["n_effective"])],
            y=[float(row["cost"])],
            mode="markers+text",
            text=[name],
            textposition="top left" if np.log(row["n_effective"]) > late else "bottom right",
            marker={"symbol": "diamond-open", "size": 11, "color": GREY, "line": {"width": 2, "color": GREY}},
            showlegend=False,
            hoverinfo="skip",
        )
    _mark(fig, curve, curve.corner, f"suggested: {option} {curve.corner:.3g}" if curve.corner else "", "circle-open")
    if current is not None:
        near = curve.epsilons[np.argmin(np.abs(np.log(curve.epsilons / current)))]
        if abs(np.log(near / current)) < 0.01:
            _mark(fig, curve, float(near), f"in use: {option} {current:.3g}", "x-thin")
    ticks = log_ticks(table["n_effective"].to_numpy(dtype=float))
    fig.update_xaxes(type="log", title_text="spread of the matches (cells, log)", gridcolor=FAINT, **ticks)
    fig.update_yaxes(title_text="cost of the plan", rangemode="tozero")
    return fig


def _mark(fig: go.Figure, curve: LCurve, epsilon: float | None, name: str, symbol: str) -> None:
    if epsilon is None:
        return
    row = curve.pooled[curve.pooled["epsilon"] == epsilon].iloc[0]
    fig.add_scatter(
        x=[float(row["n_effective"])],
        y=[float(row["cost"])],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 15, "color": HIGHLIGHT, "line": {"width": 2.5, "color": HIGHLIGHT}},
        hoverinfo="skip",
    )
