"""Predicted features over the mean of a cell's label: one feature over cells, and R² within labels of all features."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.within_labels import MATCHED, TRUE_PAIRS, FeatureAccuracy
from psmatch_core.plotting.named_points import add_diagonal
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    WEBGL_ABOVE,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)

LOWEST_R2 = -1.0  # bars are cut here, because R² has no lower bound
TITLE_LENGTH = 300  # characters; names in a title are cut to 40


def feature_scatter(
    predicted: np.ndarray, measured: np.ndarray, baseline: np.ndarray, *, labels: np.ndarray, title: str, what: str
) -> go.Figure:
    """Predicted against measured values of a feature, both as differences from the mean of the cell's label.

    Parameters
    ----------
    predicted, measured, baseline
        ``(n,)``, in the units of the feature; the baseline is the mean of the label in the measured modality.
    labels
        Text of each point in its hover ``(n,)``.
    title
        What the figure shows, in words.
    what
        What a point is: ``held-out cell`` or ``cell``.
    """
    known = np.isfinite(predicted) & np.isfinite(measured)
    x, y = ((each - baseline)[known].astype(np.float64) for each in (measured, predicted))
    labels = labels[known]
    if x.size < 2:
        return figure("Too few cells with a known partner to compare", height=160, legend=False)
    fig = figure(
        escaped(title, TITLE_LENGTH),
        height=380,
        note=f"{plural(x.size, what)}, differences from the label's mean; line: perfect, horizontal: the mean alone",
        legend=False,
    )
    add_diagonal(fig, x, y)
    fig.add_hline(y=0, line={"color": GREY, "dash": "dot", "width": 1})
    is_large = x.size > WEBGL_ABOVE
    few = x.size <= 60
    texts = np.unique(labels)
    hover = dict(zip(texts.tolist(), [hover_text(each) for each in texts], strict=True))
    fig.add_trace(
        (go.Scattergl if is_large else go.Scatter)(
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            mode="markers",
            marker={"size": 9 if few else 5 if not is_large else 3, "color": SOURCE_COLOR},
            opacity=0.8 if few else 0.45,
            hovertext=[hover[each] for each in labels.tolist()] if not is_large else None,
            hovertemplate="%{hovertext}: measured %{x:.3g}, predicted %{y:.3g}<extra></extra>"
            if not is_large
            else "measured %{x:.3g}, predicted %{y:.3g}<extra></extra>",
        )
    )
    fig.update_xaxes(title_text="measured, difference from the label's mean")
    fig.update_yaxes(title_text="predicted, difference from the label's mean")
    return fig


def feature_r2_bars(found: FeatureAccuracy, *, top: int = 30) -> go.Figure:
    """R² within labels of each feature, beside the uniform plan: those with the largest and the smallest gain.

    Parameters
    ----------
    top
        Largest number of features.
    """
    matched, uniform = (np.array(found.feature_r2[plan]) for plan in (MATCHED, UNIFORM))
    gain = matched - uniform
    known = np.flatnonzero(np.isfinite(gain))
    if not known.size:
        return figure("No feature varies within labels", height=160, legend=False)
    order = known[np.argsort(-gain[known], kind="stable")]
    is_cut = order.size > top
    best = order[: (top + 1) // 2] if is_cut else order
    worst = order[order.size - top // 2 :] if is_cut else order[:0]
    shown = np.concatenate([best, worst])
    gained = set(found.gained)
    fig = figure(
        f"{found.finding()}; {len(gained):,} of {plural(known.size, 'feature')} gain",
        height=height_of(shown.size),
        note="; ".join(
            filter(
                None,
                [
                    "0: the mean of the label; thin lines: 95% of the difference from uniform",
                    f"the {best.size} largest and {worst.size} smallest gains" if is_cut else "",
                ],
            )
        ),
    )
    names = [found.features[index] for index in shown]
    y = label_axis(fig, names)
    texts = [f"{hover_text(name)}<br>{hover_text(found.feature_finding(name))}" for name in names]
    gains = [found.feature_gain(name) for name in names]
    fig.add_bar(
        x=np.maximum(matched[shown], LOWEST_R2).astype(np.float32),
        y=y,
        orientation="h",
        name="this matching",
        marker={"color": [SOURCE_COLOR if name in gained else GREY for name in names]},
        error_x={
            "type": "data",
            "array": np.array([each.high - each.value for each in gains], dtype=np.float32),
            "color": GREY,
            "thickness": 1.5,
            "width": 3,
        },
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    markers = [(UNIFORM, "uniform plan", "diamond", TARGET_COLOR), (TRUE_PAIRS, "true pairs", "line-ns", PALETTE[2])]
    for plan, title, symbol, color in markers:
        if plan not in found.feature_r2:
            continue
        values = np.array(found.feature_r2[plan])[shown]
        fig.add_scatter(
            x=np.maximum(values, LOWEST_R2).astype(np.float32),
            y=y,
            mode="markers",
            name=title,
            marker={"symbol": symbol, "size": 8, "color": color, "line": {"width": 2, "color": color}},
            hovertext=texts,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    if worst.size:
        fig.add_hline(y=best.size - 0.5, line={"color": GREY, "dash": "dot", "width": 1})
    lowest = min(float(matched[shown].min()), float(uniform[shown].min()))
    fig.update_xaxes(
        title_text="R² within labels" + (f", cut at {LOWEST_R2:g}" if lowest < LOWEST_R2 else ""), zeroline=True
    )
    fig.update_layout(bargap=0.25)
    return fig
