"""The first markers of a group in one modality: the whole difference with its interval, and its two parts."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.exploration.markers import FALSE_SHARE_OF_MARKERS, MEASURED, Markers
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)

TOP = 15  # features in the figure
WHOLE_COLOR = PALETTE[6]
_PALE = 0.35  # opacity of what may be chance


def marker_bars(markers: Markers, values: str, *, top: int = TOP) -> go.Figure:
    """The features that distinguish two groups most, the surest on top; grey is what a uniform plan gives.

    Parameters
    ----------
    values
        ``measured`` or ``projected``.
    top
        Most features.
    """
    table = markers.of(values)
    table = table[np.isfinite(table["effect"])].head(top)
    names = [str(each) for each in table["feature"]]
    modality = escaped(table["modality"].iloc[0], 24) if len(table) else "this modality"
    is_found = (table["q_within"] < FALSE_SHARE_OF_MARKERS).to_numpy()
    first = ", ".join(escaped(name, 24) for name in names[:3]) or "no feature varies"
    compared = f"{escaped(markers.group, 40)} compared with {escaped(markers.against, 40)}"
    fig = figure(
        f"{modality}, {values}: {first}",
        height=height_of(len(names), 24),
        note=f"{compared}; {int(is_found.sum())} of these {len(names)} differ within labels (q < 0.05); lines: 95%",
    )
    y = label_axis(fig, names)
    color = SOURCE_COLOR if (markers.side == "source") == (values == MEASURED) else TARGET_COLOR
    within = table["within_part"].to_numpy()
    parts = (
        ("of the labels", table["label_part"].to_numpy(), GREY, np.ones(len(names), dtype=bool)),
        ("within labels", within, color, is_found),
        ("within, may be chance", within, _pale(color), ~is_found),
    )
    for title, part, fill, which in parts:
        if not which.any():
            continue
        fig.add_bar(
            x=part[which].astype(np.float32),
            y=y[which],
            orientation="h",
            name=title,
            marker={"color": fill},
            hovertext=[hover_text(name) for name, shown in zip(names, which, strict=True) if shown],
            hovertemplate="%{hovertext}: %{x:.2f} SD<extra></extra>",
        )
    effect = table["effect"].to_numpy()
    fig.add_scatter(
        x=effect.astype(np.float32),
        y=y,
        mode="markers",
        name="total",
        marker={"symbol": "diamond", "size": 7, "color": WHOLE_COLOR},
        error_x={
            "type": "data",
            "array": (table["effect_high"].to_numpy() - effect).astype(np.float32),
            "color": WHOLE_COLOR,
            "thickness": 1.5,
            "width": 0,
        },
        hovertext=[hover_text(name) for name in names],
        hovertemplate="%{hovertext}: %{x:.2f} SD in total<extra></extra>",
    )
    fig.update_layout(barmode="relative", bargap=0.3)
    fig.update_xaxes(title_text="difference, SD within labels", zeroline=True)
    return fig


def _pale(color: str) -> str:
    """The same colour, transparent: unlike the opacity of a bar, it is also that of the legend."""
    return f"rgba({','.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))},{_PALE})"
