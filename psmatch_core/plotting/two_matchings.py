"""Two matchings compared, label by label."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.exploration.two_matchings import TwoMatchings
from psmatch_core.plotting.style import (
    SOURCE_COLOR,
    TARGET_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)


def shared_mass_bars(found: TwoMatchings) -> go.Figure:
    """The shared mass of each label, those that agree most on top, with a tick for what is shared by chance."""
    table = found.labels().iloc[::-1].reset_index(drop=True)
    shown, cut = both_ends(len(table), "that agree most", "that agree least")
    table = table.iloc[shown]
    most, least = found.labels().iloc[-1], found.labels().iloc[0]
    fig = figure(
        f"The two matchings agree most on {escaped(most['label'], 24)} ({most['shared_mass']:.0%}) and least on "
        f"{escaped(least['label'], 24)} ({least['shared_mass']:.0%})",
        height=height_of(len(table), 24),
        note="; ".join(filter(None, ["tick: by label alone", cut])),
    )
    y = label_axis(fig, table["label"].tolist())
    hover = [
        f"{hover_text(row.label)}<br>{row.n_cells:,} cells<br>"
        f"shared {row.shared_mass:.0%}, by label alone {row.by_label:.0%}<br>"
        f"same heaviest match {row.same_best:.0%}<br>"
        f"effective matches {row.n_effective:.3g} and {row.other_n_effective:.3g}"
        for row in table.itertuples()
    ]
    text = {"hovertext": hover, "hoverinfo": "text", "showlegend": False}
    fig.add_trace(
        go.Bar(x=table["shared_mass"], y=y, orientation="h", marker={"color": SOURCE_COLOR}, width=0.6, **text)
    )
    ticks = {"symbol": "line-ns-open", "size": 13, "color": TARGET_COLOR, "line": {"width": 3, "color": TARGET_COLOR}}
    known = np.isfinite(table["by_label"].to_numpy(dtype=float))
    fig.add_trace(
        go.Scatter(
            x=table["by_label"][known],
            y=np.asarray(y)[known],
            mode="markers",
            marker=ticks,
            hoverinfo="skip",
            showlegend=False,
        )
    )
    fig.update_xaxes(title_text="shared mass", range=[0, 1], tickformat=".0%")
    return fig
