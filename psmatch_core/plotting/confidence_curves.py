"""Whether confident cells are matched better: a metric over the share of most confident cells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from psmatch_core.evaluation.intervals import RiskCoverage
from psmatch_core.plotting.pair_metrics import METRIC_TITLES, SMALLER_IS_BETTER
from psmatch_core.plotting.style import GREY, PALETTE, escaped, figure, short_number

HALF = 0.5  # share of cells that the title refers to


def coverage_curves(curves: Mapping[str, RiskCoverage], *, uniform: float | None = None) -> go.Figure:
    """A metric among the most confident cells, over the share of cells kept.

    Parameters
    ----------
    curves
        One curve per measure of confidence, all of the same metric.
    uniform
        The value of a uniform plan, drawn as a line.
    """
    first = next(iter(curves.values()))
    name, unit = METRIC_TITLES[first.metric]
    sign = -1 if first.metric in SMALLER_IS_BETTER else 1
    best_name, best = max(curves.items(), key=lambda entry: sign * entry[1].at(HALF))
    gain = sign * (best.at(HALF) - best.overall)
    width = (float(np.interp(HALF, best.coverage, best.high)) - float(np.interp(HALF, best.coverage, best.low))) / 2
    title, note = f"{name}: no measure of confidence shows which cells are matched better", "bands: 95% intervals"
    if gain > width:
        half, overall = short_number(best.at(HALF)), short_number(best.overall)
        title = f"{name}: {half} in the more confident half of the cells, {overall} in all cells"
        note = f"confidence: {escaped(best_name, 60)}; {note}"
    fig = figure(title, height=320, note=note)
    for (label, curve), color in zip(curves.items(), PALETTE, strict=False):
        x = curve.coverage.astype(np.float32)
        fig.add_scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([curve.high, curve.low[::-1]]).astype(np.float32),
            fill="toself",
            fillcolor=color,
            opacity=0.15,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=label,
            showlegend=False,
        )
        fig.add_scatter(
            x=x,
            y=curve.quality.astype(np.float32),
            mode="lines",
            name=escaped(label, 40),
            legendgroup=label,
            line={"color": color, "width": 2.5},
            hovertemplate="most confident %{x:.0%}: %{y:.3f}",
        )
    if uniform is not None and np.isfinite(uniform):
        fig.add_hline(y=uniform, line={"color": GREY, "dash": "dash", "width": 1.5})
        fig.add_annotation(
            x=1,
            xref="paper",
            xanchor="right",
            y=uniform,
            yanchor="bottom",
            text="uniform plan",
            showarrow=False,
            font={"size": 11},
        )
    fig.update_xaxes(title_text="share of evaluated cells, most confident first", tickformat=".0%", range=[0, 1.02])
    fig.update_yaxes(title_text=unit)
    return fig
