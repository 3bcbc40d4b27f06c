"""How spread the matches are: over all cells, and for one cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    label_ticks,
    log_ticks,
    rounded,
)

LOG_ABOVE = 30.0  # ratio of largest to smallest above which small ones would vanish on a linear axis
TRUE_COLOR = PALETTE[2]


def effective_matches(coupling: Coupling) -> go.Figure:
    """Effective matches of the source cells, one box per label, with the number of candidates marked.

    The box covers the middle half of the cells, the whiskers the middle nine tenths; cells without a match are left out
    and counted in the note.
    """
    labels, stats, candidates, unmatched = [], [], [], 0
    for label, block in coupling.blocks.items():
        spread = block.n_effective
        unmatched += int((spread <= 0).sum())
        spread = spread[spread > 0]
        labels.append(label)
        candidates.append(block.shape[1])
        stats.append(np.quantile(spread, [0.05, 0.25, 0.5, 0.75, 0.95]) if spread.size else np.full(5, np.nan))
    order = sorted(range(len(labels)), key=lambda index: stats[index][2] / candidates[index])
    labels = [labels[index] for index in order]
    quantiles = np.array([stats[index] for index in order], dtype=np.float32).reshape(-1, 5)
    most = np.array([candidates[index] for index in order], dtype=np.float32)
    typical = effective_in_run(coupling)
    title = (
        f"{escaped(coupling.source.modality.name, 24)} cells have {rounded(typical.matches)} effective matches "
        f"among {rounded(typical.candidates)} candidates (medians over cells)"
        if typical.n_cells
        else "No cell has a match"
    )
    chosen, cut = both_ends(len(labels), "sharpest", "most spread")
    labels, quantiles, most = [labels[index] for index in chosen], quantiles[chosen], most[chosen]
    left_out = f"left out: {plural(unmatched, 'cell')} without a match" if unmatched else ""
    note = "; ".join(part for part in (left_out, cut) if part)
    fig = figure(title, height=height_of(len(labels), 22), note=note)
    y = label_axis(fig, labels)
    fig.add_box(
        y=y,
        lowerfence=quantiles[:, 0],
        q1=quantiles[:, 1],
        median=quantiles[:, 2],
        q3=quantiles[:, 3],
        upperfence=quantiles[:, 4],
        orientation="h",
        name="effective matches of a cell",
        marker={"color": SOURCE_COLOR},
        line={"width": 1.5},
        hoverinfo="x",
    )
    fig.add_scatter(
        x=most,
        y=y,
        mode="markers",
        name="all candidates (uniform)",
        marker={"symbol": "line-ns", "size": 11, "line": {"width": 2, "color": GREY}},
        hovertext=[hover_text(label) for label in labels],
        hovertemplate="%{hovertext}: %{x:,} target cells<extra></extra>",
    )
    known = quantiles[np.isfinite(quantiles)]
    is_log = bool(known.size) and most.max() / max(float(known.min()), 1e-9) > LOG_ABOVE
    fig.update_xaxes(title_text="effective matches (cells)")
    if is_log:
        ticks = log_ticks(np.concatenate([known, np.asarray(most, dtype=float)]))
        fig.update_xaxes(type="log", title_text="effective matches (cells, log scale)", **ticks)
    else:
        fig.update_xaxes(rangemode="tozero")
    return fig


def cell_matches(
    names: Sequence[str] | np.ndarray,
    weights: np.ndarray,
    uniform_weight: float,
    *,
    cell: str,
    measured_true: str | None = None,
    color: str = TARGET_COLOR,
) -> go.Figure:
    """The matches of one cell, heaviest on top, with the weight of each under a uniform plan.

    Parameters
    ----------
    names
        Target cells, ``(k,)``.
    weights
        Their shares of the cell's weight, ``(k,)``, summing to at most 1.
    uniform_weight
        1 / number of candidates.
    cell
        Name of the source cell.
    measured_true
        Name of its true partner, if known.
    color
        Of the modality of the matches.
    """
    weights = np.asarray(weights, dtype=np.float64)
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0]
    shown = [str(np.asarray(names)[index]) for index in order]
    weights = weights[order]
    is_true = np.array([name == measured_true for name in shown], dtype=bool)
    note = ""
    if measured_true is not None:
        rank = int(np.flatnonzero(is_true)[0]) + 1 if is_true.any() else 0
        note = f"its true partner is match {rank}" if rank else f"its true partner is not among these {len(shown)}"
    title = (
        f"The best match of {escaped(cell, 30)} has {weights[0]:.1%} of the weight, "
        f"{rounded(float(weights[0] / uniform_weight))} × uniform"
        if weights.size
        else f"{escaped(cell, 30)} has no match"
    )
    ticks = label_ticks([f"★ {name}" if true else name for name, true in zip(shown, is_true, strict=True)])
    x = {"title_text": "share of the cell's weight", "tickformat": ".1~%", "rangemode": "tozero"}
    fig = figure(title, height=height_of(len(shown)), note=note, x=x, y=ticks, barmode="overlay", bargap=0.25)
    y = ticks["tickvals"]
    for which, name, fill in ((~is_true, "match", color), (is_true, "★ true partner", TRUE_COLOR)):
        if which.any():
            fig.add_bar(
                x=weights[which].astype(np.float32),
                y=y[which],
                orientation="h",
                name=name,
                marker={"color": fill},
                hovertext=[hover_text(each) for each, chosen in zip(shown, which, strict=True) if chosen],
                hovertemplate="%{hovertext}: %{x:.2%}<extra></extra>",
            )
    fig.add_scatter(
        x=[uniform_weight, uniform_weight],
        y=[-0.5, max(len(shown) - 0.5, 0.5)],
        mode="lines",
        name="uniform",
        line={"color": GREY, "dash": "dash", "width": 2},
        hovertemplate="uniform: %{x:.2%}<extra></extra>",
    )
    return fig
