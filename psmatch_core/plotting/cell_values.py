"""Values of the cells of one modality: a histogram of any quantity per cell, and the features that lack values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.plotting.style import (
    SOURCE_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    short_number,
)

N_BINS = 40
EACH_NUMBER = 30  # whole numbers up to so many have a bar each
HEIGHT = 170


def value_histogram(
    values: np.ndarray, *, title: str, axis: str, is_log: bool, color: str = SOURCE_COLOR, note: str = ""
) -> go.Figure:
    """How many cells have which value.

    Parameters
    ----------
    values
        One for each cell ``(n,)``, finite.
    title, note
        The finding, and the smaller text under it.
    axis
        What the values are, with their unit.
    is_log
        Whether the axis is logarithmic, by log(1 + value), so that 0 has its place; for values of 0 and above.
    """
    fig = figure(escaped(title, 200), height=HEIGHT, note=escaped(note, 200), legend=False)
    if not values.size:
        return fig
    edges = _edges(values, is_log=is_log)
    cells, _ = np.histogram(values, edges)
    drawn = np.log10(1 + np.maximum(edges, -0.5)) if is_log else edges
    spans = [_span(low, high, values) for low, high in pairwise(edges.tolist())]
    fig.add_bar(
        x=((drawn[1:] + drawn[:-1]) / 2).astype(np.float32),
        y=cells,
        width=(0.94 * np.diff(drawn)).astype(np.float32),
        marker={"color": color},
        hovertext=[f"{span}: {plural(int(count), 'cell')}" for span, count in zip(spans, cells, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(title_text=f"{axis}{' (log scale)' if is_log else ''}")
    fig.update_yaxes(title_text="cells", rangemode="tozero")
    if is_log:
        ticks = _log_ticks(float(values.min()), float(values.max()))
        fig.update_xaxes(tickvals=np.log10(1 + ticks), ticktext=[f"{tick:,.0f}" for tick in ticks])
    return fig


def missing_features(names: Sequence[str], shares: np.ndarray, *, title: str, color: str = SOURCE_COLOR) -> go.Figure:
    """Share of the cells that have no value of a feature, for the features ``(n,)`` where some have none."""
    order = np.argsort(-shares, kind="stable")
    kept, note = both_ends(len(names), "largest", "smallest")
    note = note.replace("labels", "features").partition(";")[0]
    shown = order[kept]
    fig = figure(escaped(title, 200), height=height_of(shown.size, 18), note=note, legend=False)
    y = label_axis(fig, [names[at] for at in shown])
    fig.add_bar(
        x=(100 * shares[shown]).astype(np.float32),
        y=y,
        orientation="h",
        marker={"color": color},
        hovertext=[f"{hover_text(names[at])}: {shares[at]:.2%} of cells" for at in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(title_text="cells without a value [%]", rangemode="tozero")
    return fig


def _edges(values: np.ndarray, *, is_log: bool) -> np.ndarray:
    """Edges of the bars; a bar of whole numbers holds whole ones, and no fewer than the bar before it."""
    low, high = float(values.min()), float(values.max())
    is_whole = bool((values == np.floor(values)).all()) and high < 2.0**52
    if is_whole:
        widest = 1.0 if high - low <= EACH_NUMBER else np.ceil((high - low + 1) / N_BINS)
        growth = ((1 + high) / (1 + low)) ** (1 / N_BINS) - 1 if is_log and widest > 1 else 0.0
        width = 1.0 if is_log else widest
        whole = [low]
        while whole[-1] <= high:
            width = max(width, np.floor(growth * (1 + whole[-1])))
            whole.append(whole[-1] + width)
        return np.array(whole) - 0.5
    if high - low <= 1e-9 * (1 + abs(high)):
        return np.array([low - 0.5, high + 0.5])
    first, last = (float(np.log10(1 + each)) if is_log else each for each in (low, high))
    steps = np.linspace(first, last, N_BINS + 1)
    edges = 10**steps - 1 if is_log else steps
    edges[0], edges[-1] = low, high
    return edges


def _span(low: float, high: float, values: np.ndarray) -> str:
    if (values == np.floor(values)).all() and (low + 0.5).is_integer():
        first, last = low + 0.5, high - 0.5
        return f"{first:,.0f}" if first == last else f"{first:,.0f} to {last:,.0f}"
    return f"{short_number(low)} to {short_number(high)}"


def _log_ticks(lowest: float, largest: float) -> np.ndarray:
    """0 and round numbers, more of them where the values span less."""
    n_decades = np.log10((1 + largest) / (1 + lowest))
    steps = (1, 2, 5) if n_decades < 1.5 else (1, 3) if n_decades < 3 else (1,)
    found = [step * 10.0**power for power in range(int(np.log10(max(largest, 1.0))) + 1) for step in steps]
    return np.array([each for each in (0.0, *found) if lowest <= each <= largest])
