"""Predicted against measured: one feature over cells or labels, and the shifts of all features by label."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.evaluation.shifts import LabelShifts
from psmatch_core.plotting.named_points import MOST_NAMED_POINTS, add_diagonal, add_named
from psmatch_core.plotting.style import (
    GREY,
    LABEL_WIDTH,
    SOURCE_COLOR,
    TARGET_COLOR,
    WEBGL_ABOVE,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    short_number,
)


def feature_scatter(
    predicted: np.ndarray, measured: np.ndarray, labels: np.ndarray, *, feature: str, what: str
) -> go.Figure:
    """Predicted against measured values of a feature, one point per cell or per label.

    Parameters
    ----------
    predicted, measured
        ``(n,)``, in the units of the feature.
    labels
        Text of each point in its hover ``(n,)``.
    what
        What a point is: ``held-out cell``, ``cell`` or ``label``.
    """
    known = np.isfinite(predicted) & np.isfinite(measured)
    x, y, labels = measured[known].astype(np.float64), predicted[known].astype(np.float64), labels[known]
    name = escaped(feature, 40)
    if x.size < 2 or x.std() == 0 or y.std() == 0:
        why = "too few values are known" if x.size < 2 else "it does not vary"
        return figure(f"{name} cannot be compared: {why}", height=160, legend=False)
    r = float(np.corrcoef(x, y)[0, 1])
    r2 = 1 - float(np.sum((y - x) ** 2) / np.sum((x - x.mean()) ** 2))
    finding = "is predicted" if r2 > 0 else "is predicted worse than by its mean"
    fig = figure(
        f"{name} {finding}: R² {r2:.2f}, correlation {r:.2f}",
        height=380,
        note=f"{plural(x.size, what)}; the line marks perfect predictions",
        legend=False,
    )
    add_diagonal(fig, x, y)
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
    fig.update_xaxes(title_text=f"{name}, measured")
    fig.update_yaxes(title_text=f"{name}, predicted")
    return fig


def shift_dots(found: LabelShifts) -> go.Figure:
    """How much of the shift of each label the prediction explains, best on top."""
    if not found.labels:
        return figure("No label can be compared with a control", height=160, legend=False)
    explained = found.explained
    order = np.argsort(-np.nan_to_num(explained, nan=-np.inf), kind="stable")
    labels = [found.labels[index] for index in order]
    good = int((explained > 0).sum())
    shown, cut = both_ends(len(order), "best predicted", "worst predicted")
    n_labels, order, labels = len(order), order[shown], [labels[index] for index in shown]
    fig = figure(
        f"The shifts of {good} of {plural(n_labels, 'label')} are predicted better than by “no change”",
        height=height_of(len(labels)),
        note="; ".join(filter(None, ["1 perfect, 0 no change; larger dots: larger shifts", cut])),
        legend=False,
    )
    y = label_axis(fig, labels)
    values = np.maximum(explained[order], -1.0)
    size = found.size[order] / max(float(found.size.max(initial=0)), 1e-12)
    fig.add_scatter(
        x=values.astype(np.float32),
        y=y,
        mode="markers",
        marker={
            "size": (7 + 9 * size).astype(np.float32),
            "color": [SOURCE_COLOR if value > 0 else TARGET_COLOR for value in values],
        },
        hovertext=[
            f"{hover_text(found.labels[i])}<br>compared with {hover_text(found.controls[i])}: "
            f"explained {found.explained[i]:.2f}, correlation {found.correlation[i]:.2f}"
            for i in order
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.add_vline(x=0, line={"color": GREY, "dash": "dash", "width": 1.5})
    cut = " (values below −1 are drawn at −1)" if (explained < -1).any() else ""
    fig.update_xaxes(
        title_text=f"share of the shift explained{cut}", range=[min(-0.05, float(values.min()) - 0.05), 1.05]
    )
    return fig


def label_shift(found: LabelShifts, label: str) -> go.Figure:
    """Predicted against measured shift of every feature for one label; the most shifted ones are named."""
    at = found.labels.index(label)
    x, y = found.measured[at], found.predicted[at]
    fig = figure(
        f"{escaped(label, LABEL_WIDTH)}: {found.explained[at]:.0%} of its shift from "
        f"{escaped(found.controls[at], LABEL_WIDTH)} "
        f"is predicted, correlation {short_number(float(found.correlation[at]))}",
        height=380,
        note="one point per feature; shifts in standard deviations",
        legend=False,
    )
    add_diagonal(fig, x, y)
    fig.add_scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="markers",
        marker={"size": 6, "color": SOURCE_COLOR, "opacity": 0.7},
        hovertext=[hover_text(name) for name in found.features],
        hovertemplate="%{hovertext}: measured %{x:.2f}, predicted %{y:.2f}<extra></extra>",
    )
    head = np.argsort(-np.abs(x), kind="stable")[:MOST_NAMED_POINTS]
    add_named(fig, x[head], y[head], [found.features[index] for index in head])
    fig.update_xaxes(title_text="measured shift (standard deviations)")
    fig.update_yaxes(title_text="predicted shift (standard deviations)")
    return fig
