"""Metrics with known pairs: for each label next to the uniform baseline, and R² of features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.evaluation.evaluate import CHANCE, PAIR_METRICS
from psmatch_core.plotting.style import (
    GREY,
    SOURCE_COLOR,
    TARGET_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    short_number,
)

METRIC_TITLES = {
    "trace": ("Weight on the true partner", "share of the weight"),
    "trace_fold": ("Weight on the true partner", "× the uniform weight"),
    "foscttm": ("FOSCTTM", "share of closer cells"),
    "rank": ("Rank of the true partner", "share of candidates ranked higher"),
}
SMALLER_IS_BETTER = ("foscttm", "rank")
LOWEST_R2 = -1.0  # bars are cut here, because R² has no lower bound


def metric_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """A metric for each label, best on top, next to the same for the uniform plan.

    Parameters
    ----------
    table
        From :meth:`~psmatch_core.evaluation.evaluate.Evaluation.table`: ``label``, ``n_pairs``, the metric and
        ``<metric>_uniform``; if it has ``<metric>_low`` and ``<metric>_high``, they are drawn as an interval.
    metric
        ``trace``, ``trace_fold``, ``foscttm`` or ``rank``.
    """
    if metric not in PAIR_METRICS:
        raise PsmatchError(f"There is no metric {metric!r}.", hint=f"Choose one of {', '.join(PAIR_METRICS)}.")
    name, unit = METRIC_TITLES[metric]
    if not len(table):
        return figure(f"{name}: no label has enough true pairs", height=160, legend=False)
    is_small_good = metric in SMALLER_IS_BETTER
    table = table.sort_values(metric, ascending=is_small_good, kind="stable")
    values = table[metric].to_numpy(dtype=np.float64)
    uniform = table[f"{metric}_uniform"].to_numpy(dtype=np.float64)
    pairs = table["n_pairs"].to_numpy(dtype=np.float64)
    better = int(((values < uniform) if is_small_good else (values > uniform)).sum())
    chosen, cut = both_ends(len(table), "best", "worst")
    fig = figure(
        f"{name}: {short_number(float(np.average(values, weights=pairs)))}, uniform plan "
        f"{short_number(float(np.average(uniform, weights=pairs)))}; better in {better} of "
        f"{plural(len(table), 'label')}",
        height=height_of(chosen.size),
        note=f"mean over true pairs; {'smaller' if is_small_good else 'larger'} is better"
        + ("; thin lines: 95% intervals" if f"{metric}_low" in table else "")
        + (f"; {cut}" if cut else ""),
    )
    table, values, uniform, pairs = table.iloc[chosen], values[chosen], uniform[chosen], pairs[chosen]
    labels = [str(label) for label in table["label"]]
    y = label_axis(fig, labels)
    texts = [f"{escaped(label)}, {plural(int(n), 'true pair')}" for label, n in zip(labels, pairs, strict=True)]
    fig.add_bar(
        x=values.astype(np.float32),
        y=y,
        orientation="h",
        name="this coupling",
        marker={"color": SOURCE_COLOR},
        hovertext=texts,
        hovertemplate="%{hovertext}: %{x:.3f}<extra></extra>",
        error_x=_interval(table, metric, values),
    )
    fig.add_scatter(
        x=uniform.astype(np.float32),
        y=y,
        mode="markers",
        name="uniform plan",
        marker={"symbol": "diamond", "size": 8, "color": TARGET_COLOR},
        hovertext=texts,
        hovertemplate="%{hovertext}: uniform %{x:.3f}<extra></extra>",
    )
    if metric in CHANCE:
        fig.add_vline(x=CHANCE[metric], line={"color": GREY, "dash": "dash", "width": 1.5})
    fig.update_xaxes(title_text=unit, rangemode="tozero")
    fig.update_layout(bargap=0.25)
    return fig


def _interval(table: pd.DataFrame, metric: str, values: np.ndarray) -> dict[str, object] | None:
    """Error bars, if the table has intervals."""
    if f"{metric}_low" not in table:
        return None
    low, high = (table[f"{metric}_{end}"].to_numpy(dtype=np.float64) for end in ("low", "high"))
    return {
        "type": "data",
        "symmetric": False,
        "array": np.maximum(high - values, 0).astype(np.float32),
        "arrayminus": np.maximum(values - low, 0).astype(np.float32),
        "color": GREY,
        "thickness": 1.5,
        "width": 3,
    }


def feature_r2_bars(values: Mapping[str, float], *, top: int = 30, uniform: float | None = None) -> go.Figure:
    """R² of the translated features: all up to ``top``, otherwise the best and the worst.

    Parameters
    ----------
    values
        R² of each feature: 1 is perfect, 0 as good as its mean, below 0 worse. NaN for a constant feature.
    top
        Largest number of features.
    uniform
        R² of all features together under a uniform plan, drawn as a line.
    """
    known = sorted(((r2, name) for name, r2 in values.items() if np.isfinite(r2)), reverse=True)
    if not known:
        return figure("No feature has an R²", height=160, legend=False)
    r2 = np.array([value for value, _ in known])
    good = int((r2 > 0).sum())
    is_cut = len(known) > top
    best, worst = (known[: (top + 1) // 2], known[-(top // 2) :]) if is_cut else (known, [])
    if is_cut and top < 2:
        worst = []
    shown = best + worst
    cut = f"the {len(best)} best and {len(worst)} worst features" if is_cut else ""
    baseline = f"dashed: uniform plan, all features together ({uniform:.2f})" if uniform is not None else ""
    fig = figure(
        f"{good:,} of {plural(len(known), 'feature')} are predicted better than by their mean; "
        f"median R² {np.median(r2):.2f}",
        height=height_of(len(shown)),
        note="; ".join(filter(None, [cut, baseline])),
        legend=False,
    )
    y = label_axis(fig, [name for _, name in shown])
    at = np.array([value for value, _ in shown])
    fig.add_bar(
        x=np.maximum(at, LOWEST_R2).astype(np.float32),
        y=y,
        orientation="h",
        marker={"color": [SOURCE_COLOR if value > 0 else TARGET_COLOR for value in at]},
        hovertext=[f"{hover_text(name)}: R² {value:.3f}" for value, name in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if worst:
        fig.add_hline(y=len(best) - 0.5, line={"color": GREY, "dash": "dot", "width": 1})
    if uniform is not None and np.isfinite(uniform):
        fig.add_vline(x=uniform, line={"color": TARGET_COLOR, "dash": "dash", "width": 2})
    lowest = float(np.maximum(at.min(), LOWEST_R2))
    unit = "R² (1 perfect, 0 as good as the mean)"
    fig.update_xaxes(
        title_text=unit + (f", bars cut at {LOWEST_R2:g}" if at.min() < LOWEST_R2 else ""),
        range=[min(lowest * 1.05, 0), max(float(at.max()) * 1.05, 0.1)],
        zeroline=True,
    )
    fig.update_layout(bargap=0.25)
    return fig
