"""Distances between translated and observed cells for each label, next to the floor and the uniform plan."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.evaluation.distributions import DISTANCE_MEASURES, FLOOR, Distributions
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

TITLES = {
    "l2_mean": ("Difference of the means", "standard deviations"),
    "kl": ("Divergence (KL)", "nats"),
    "w1": ("Wasserstein-1", "standard deviations"),
    "energy": ("Energy distance", "√ standard deviations"),
    "mmd2": ("MMD²", "squared kernel distance"),
}
TITLES_OF_CANDIDATES = {"uniform": "uniform plan", "label_mean": "mean of labels"}


def distance_dots(found: Distributions, measure: str = "energy") -> go.Figure:
    """One distance for each label, smallest on top: translated cells, the first baseline, and the floor.

    Parameters
    ----------
    measure
        ``l2_mean``, ``kl``, ``w1``, ``energy`` or ``mmd2``. Infinite values are not drawn but counted in the note.
    """
    if measure not in DISTANCE_MEASURES:
        raise PsmatchError(f"There is no distance {measure!r}.", hint=f"Choose one of {', '.join(DISTANCE_MEASURES)}.")
    title, unit = TITLES[measure]
    mine, baseline = found.candidates[0], found.candidates[1]
    if not found.per_label:
        return figure(f"{title}: no label has enough cells for a comparison", height=160, legend=False)
    rows = sorted(found.per_label, key=lambda row: row.distances[mine][measure])
    n_labels = len(rows)
    shown, cut = both_ends(n_labels, "most similar", "least similar")
    rows = [rows[index] for index in shown]
    values = {name: np.array([row.distances[name][measure] for row in rows]) for name in (mine, baseline, FLOOR)}
    infinite = sum(int((~np.isfinite(each)).sum()) for each in values.values())
    left_out = f"not drawn: {plural(infinite, 'infinite value')}" if infinite else ""
    fig = figure(
        f"{title}: {_shown(found.micro[mine][measure])}, {escaped(TITLES_OF_CANDIDATES.get(baseline, baseline))} "
        f"{_shown(found.micro[baseline][measure])}, floor {_shown(found.micro[FLOOR][measure])}",
        height=height_of(len(rows)),
        note="; ".join(filter(None, ["similar clouds do not show that matches are right", left_out, cut])),
    )
    y = label_axis(fig, [row.label for row in rows])
    for name, color, symbol, size in (
        (FLOOR, GREY, "line-ns", 11),
        (baseline, TARGET_COLOR, "diamond", 8),
        (mine, SOURCE_COLOR, "circle", 9),
    ):
        fig.add_scatter(
            x=np.where(np.isfinite(values[name]), values[name], np.nan).astype(np.float32),
            y=y,
            mode="markers",
            name="floor (two observed halves)" if name == FLOOR else name,
            marker={"symbol": symbol, "size": size, "color": color, "line": {"width": 2, "color": color}},
            hovertext=[hover_text(row.label) for row in rows],
            hovertemplate=f"%{{hovertext}}: {name} %{{x:.3g}}<extra></extra>",
        )
    fig.update_xaxes(title_text=unit if measure != "w1" else f"{unit} ({found.w1_kind})")
    return fig


def _shown(value: float) -> str:
    return "∞" if value == float("inf") else short_number(value)
