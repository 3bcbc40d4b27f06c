"""Losses next to their baselines, one row per label, for both modalities; shared by the loss figures of two pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from psmatch_core.plotting.style import SOURCE_COLOR, TARGET_COLOR, hover_text

LOOKS = ((SOURCE_COLOR, "circle", -0.17), (TARGET_COLOR, "diamond", 0.17))  # the second modality lies a little lower


@dataclass(frozen=True, eq=False)
class LossRows:
    """The losses of one modality, row by row.

    Parameters
    ----------
    name
        Name of the modality, escaped.
    loss, baseline
        Nats per cell ``(n_rows,)``; NaN if a row has none.
    held_out
        Text on the held-out cells of each row ``(n_rows,)``.
    """

    name: str
    loss: np.ndarray
    baseline: np.ndarray
    held_out: Sequence[str]


def add_losses(fig: go.Figure, y: np.ndarray, labels: Sequence[str], sides: Sequence[LossRows]) -> None:
    """Draw a line from each row's baseline (a tick) to its loss (a dot), one modality a little above the other.

    Parameters
    ----------
    y
        Positions of the rows ``(n_rows,)``.
    labels
        Their names.
    """
    names = [hover_text(label) for label in labels]
    for side, (color, symbol, shift) in zip(sides, LOOKS, strict=True):
        at = y + np.float32(shift)
        loss, base = side.loss.astype(np.float32), side.baseline.astype(np.float32)
        gap = np.full_like(at, np.nan)
        fig.add_scatter(
            x=np.column_stack([loss, base, gap]).ravel(),
            y=np.column_stack([at, at, gap]).ravel(),
            mode="lines",
            line={"color": color, "width": 1.5},
            opacity=0.5,
            hoverinfo="skip",
            legendgroup=side.name,
            showlegend=False,
        )
        fig.add_scatter(
            x=base,
            y=at,
            mode="markers",
            legendgroup=side.name,
            showlegend=False,
            marker={"symbol": "line-ns", "size": 9, "line": {"width": 2, "color": color}},
            hovertext=names,
            hovertemplate="%{hovertext}: baseline %{x:.2f} nats per cell<extra></extra>",
        )
        fig.add_scatter(
            x=loss,
            y=at,
            mode="markers",
            name=side.name,
            legendgroup=side.name,
            marker={"symbol": symbol, "size": 9, "color": color},
            cliponaxis=False,  # a loss near 0 lies on the edge
            hovertext=[f"{name}, {held}" for name, held in zip(names, side.held_out, strict=True)],
            hovertemplate="%{hovertext}: loss %{x:.2f} nats per cell<extra></extra>",
        )
