"""Comparison of runs: one dot per run, any figure against any other, and the rank correlations of all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.plotting.feature_matching import SIGNED_SCALE
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    apply_style,
    color_bar,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)

MOST_COLORS = 8  # values of an option that are distinguished by colour; with more, all dots look the same
MOST_WRITTEN = 8  # figures whose numbers and names fit side by side on a phone
PANEL_HEIGHT = 150  # px
PANEL_COLUMNS = 2  # three are too narrow on a phone


def runs_scatter(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    titles: tuple[str, str],
    finding: str,
    color: str | None = None,
    highlight: Sequence[int] = (),
) -> go.Figure:
    """One dot per run: any figure against any other.

    Parameters
    ----------
    table
        With ``name`` and the requested columns; runs without one of the two are left out.
    titles
        Titles of both axes, with their units.
    finding
        The title.
    color
        A column whose values are distinguished by colour and shape, if there are 8 or fewer.
    highlight
        Rows of the table, by position, to mark with a ring.
    """
    known = table[np.isfinite(table[x].astype(float)) & np.isfinite(table[y].astype(float))]
    left_out = len(table) - len(known)
    note = f"not shown: {plural(left_out, 'run')} without both figures" if left_out else ""
    groups = [(None, known)]
    if color is not None and color in known and 1 < known[color].nunique() <= MOST_COLORS:
        groups = [(value, part) for value, part in known.groupby(color, sort=True)]
    fig = figure(finding, height=360, note=note, legend=len(groups) > 1)
    symbols = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
    for index, (value, part) in enumerate(groups):
        fig.add_scatter(
            x=part[x].to_numpy(dtype=np.float32),
            y=part[y].to_numpy(dtype=np.float32),
            mode="markers",
            name=escaped(f"{color} {value}", 30) if value is not None else "runs",
            marker={"color": PALETTE[index % len(PALETTE)], "symbol": symbols[index % len(symbols)], "size": 10},
            hovertext=[hover_text(name) for name in part["name"]],
            hovertemplate="%{hovertext}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
        )
    ringed = known[known.index.isin(table.index[list(highlight)])]
    if len(ringed):
        fig.add_scatter(
            x=ringed[x].to_numpy(dtype=np.float32),
            y=ringed[y].to_numpy(dtype=np.float32),
            mode="markers",
            name="this run",
            marker={"size": 18, "color": "rgba(0,0,0,0)", "line": {"width": 2, "color": GREY}},
            hoverinfo="skip",
        )
    fig.update_xaxes(title_text=escaped(titles[0], 80))
    fig.update_yaxes(title_text=escaped(titles[1], 80))
    return fig


def rank_heatmap(matrix: pd.DataFrame, *, titles: Mapping[str, str], finding: str) -> go.Figure:
    """Rank correlations between all figures, as colours and numbers.

    Parameters
    ----------
    matrix
        ``(n_figures, n_figures)``, −1 to 1; NaN is left empty.
    titles
        Titles of the figures.
    finding
        The title.
    """
    names = [titles[name] for name in matrix.columns]
    fig = figure(finding, height=height_of(len(names), 24), legend=False)
    x, y = label_axis(fig, names, "x"), label_axis(fig, names, "y")
    z = matrix.to_numpy(dtype=np.float32)
    is_many = len(names) > MOST_WRITTEN
    fig.add_heatmap(
        z=z,
        x=x,
        y=y,
        zmin=-1,
        zmax=1,
        colorscale=SIGNED_SCALE,
        text=None if is_many else [["" if np.isnan(value) else f"{value:+.1f}" for value in row] for row in z],
        texttemplate=None if is_many else "%{text}",
        textfont={"size": 10},
        hovertext=[
            [f"{one} and {other}: {z[i, j]:+.2f}" for j, other in enumerate(names)] for i, one in enumerate(names)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        colorbar={**color_bar(fig), "tickvals": [-1, 0, 1]},
    )
    fig.update_xaxes(tickangle=-60, showticklabels=not is_many, title_text="same order as the rows" if is_many else "")
    return fig


def runs_panels(
    table: pd.DataFrame, names: Sequence[str], against: str, *, titles: Mapping[str, str], finding: str
) -> go.Figure:
    """Small scatter plots of several figures against one, all with the same vertical axis.

    Parameters
    ----------
    names
        Columns of the table, one per panel.
    against
        The column of the vertical axis.
    titles
        Titles of the panels and of the vertical axis.
    finding
        The title.
    """
    from plotly.subplots import make_subplots

    n_rows = -(-len(names) // PANEL_COLUMNS)
    fig = make_subplots(
        rows=n_rows,
        cols=PANEL_COLUMNS,
        shared_yaxes="all",
        subplot_titles=[escaped(titles[name], 40) for name in names],
        horizontal_spacing=0.05,
        vertical_spacing=min(0.3 / n_rows, 0.14),
    )
    note = f"vertical: {escaped(titles[against], 60)}"
    apply_style(fig, finding, height=n_rows * PANEL_HEIGHT + 20, note=note, legend=False)
    for place, name in enumerate(names):
        fig.add_scatter(
            x=table[name].to_numpy(dtype=np.float32),
            y=table[against].to_numpy(dtype=np.float32),
            mode="markers",
            marker={"color": SOURCE_COLOR, "size": 7, "opacity": 0.8},
            hovertext=[hover_text(each) for each in table["name"]],
            hovertemplate="%{hovertext}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
            row=place // PANEL_COLUMNS + 1,
            col=place % PANEL_COLUMNS + 1,
        )
    fig.update_annotations(font={"size": 12})
    fig.update_xaxes(nticks=4)
    fig.update_yaxes(nticks=4)
    return fig
