"""Metrics with known pairs, for each label next to the uniform baseline."""

from __future__ import annotations

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


def metric_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """A metric for each label, best on top, next to the same for the uniform plan.

    Parameters
    ----------
    table
        From :meth:`~psmatch_core.evaluation.evaluate.Evaluation.table`: ``label``, ``n_pairs``, the metric and
        ``<metric>_uniform``; if it has ``<metric>_low`` and ``<metric>_high``, they are drawn as an interval, and a
        label counts as better or worse only where its interval excludes the uniform plan.
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
    chosen, cut = both_ends(len(table), "best", "worst")
    fig = figure(
        f"{name}: {short_number(float(np.average(values, weights=pairs)))}, uniform plan "
        f"{short_number(float(np.average(uniform, weights=pairs)))}; "
        f"{_compared(table, metric, is_small_good=is_small_good)}",
        height=height_of(chosen.size),
        note=f"mean over true pairs; {'smaller' if is_small_good else 'larger'} is better"
        + (
            "; thin lines: 95% intervals; better or worse where they exclude the uniform plan"
            if f"{metric}_low" in table
            else ""
        )
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


def _compared(table: pd.DataFrame, metric: str, *, is_small_good: bool) -> str:
    """In how many labels the metric is better and worse than that of the uniform plan, in words."""
    sign = -1 if is_small_good else 1
    value, uniform = (sign * table[name].to_numpy(dtype=np.float64) for name in (metric, f"{metric}_uniform"))
    if f"{metric}_low" not in table:
        return f"better in {int((value > uniform).sum())} of {plural(len(table), 'label')}"
    ends = np.sort([sign * table[f"{metric}_{end}"].to_numpy(dtype=np.float64) for end in ("low", "high")], axis=0)
    better, worse = int((ends[0] > uniform).sum()), int((ends[1] < uniform).sum())
    return f"better in {better} and worse in {worse} of {plural(len(table), 'label')}"


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
