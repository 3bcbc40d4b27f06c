"""Profiles of a cell and of its matches, as differences from the mean of the label: what stands out, what agrees."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from psmatch_core.exploration.matched_cell import MatchedCell
from psmatch_core.plotting.style import (
    FAINT,
    GREY,
    SOURCE_COLOR,
    TARGET_COLOR,
    escaped,
    figure,
    height_of,
    hover_text,
    label_ticks,
)

TOP = 12  # features in a figure
Z_AXIS = "SD within the label, from its mean"


def cell_profile(found: MatchedCell, *, cell: str, modality: str, top: int = TOP) -> go.Figure:
    """The features in which a cell stands out from its label, the farthest on top.

    Parameters
    ----------
    cell, modality
        Their names.
    """
    places = found.standing_out("cell", top)
    names = found.names[0][places].tolist()
    what = f"{escaped(cell, 30)} stands out in {escaped(names[0], 30)}" if names else f"{escaped(cell, 30)} is average"
    fig = _profile(what, names, note=_note(len(names), found.names[0].size, f"{escaped(modality, 24)} features"))
    fig.add_bar(
        x=found.own_z[places].astype(np.float32),
        y=np.arange(len(names)),
        orientation="h",
        name="this cell",
        marker={"color": _color(found, 0)},
        hovertext=[hover_text(name) for name in names],
        hovertemplate="%{hovertext}: %{x:.2f} SD<extra></extra>",
    )
    return fig


def match_profile(found: MatchedCell, *, modality: str, top: int = TOP) -> go.Figure:
    """The features in which the weighted mean of a cell's matches stands out from the label, with the best matches.

    Parameters
    ----------
    modality
        Name of the modality of the matches.
    """
    places = found.standing_out("matches", top) if found.weights.size else np.zeros(0, dtype=np.int64)
    names = found.names[1][places].tolist()
    what = f"Its matches stand out in {escaped(names[0], 30)}" if names else "Its matches are the average of the label"
    note = _note(len(names), found.names[1].size, f"{escaped(modality, 24)} features")
    half = 1.96 * found.chance if names else 0.0
    band = {"type": "rect", "x0": -half, "x1": half, "y0": 0, "y1": 1, "yref": "y domain", "fillcolor": FAINT}
    bands = [{**band, "line": {"width": 0}, "layer": "below"}] if half > 0 else []
    fig = _profile(what, names, note=f"{note}; grey: 95% of random matches", legend=True, shapes=bands)
    y = np.arange(len(names))
    fig.add_bar(
        x=found.mean_z[places].astype(np.float32),
        y=y,
        orientation="h",
        name="mean of its matches",
        marker={"color": _color(found, 1)},
        hovertext=[hover_text(name) for name in names],
        hovertemplate="%{hovertext}: %{x:.2f} SD<extra></extra>",
    )
    shares = found.weights[: len(found.match_z)]
    for at, (z, share) in enumerate(zip(found.match_z, shares, strict=True)):
        fig.add_scatter(
            x=z[places].astype(np.float32),
            y=y,
            mode="markers",
            name="best matches",
            legendgroup="best",
            showlegend=not at,
            marker={"symbol": "circle-open", "size": 5 + 9 * float(share / shares[0]), "color": GREY},
            hovertemplate=f"match {at + 1}, {share:.0%} of the weight: %{{x:.2f}} SD<extra></extra>",
        )
    return fig


def shared_profile(found: MatchedCell, *, top: int = TOP) -> go.Figure:
    """Features that both modalities have: those in which a cell and its matches agree and disagree most."""
    own, other = found.shared_features()
    agree, disagree = found.agreeing(top // 2)
    shown = np.concatenate([agree, disagree[::-1]])
    names = found.names[0][own[shown]].tolist()
    product = found.own_z[own] * found.mean_z[other]
    share = float((product > 0).sum() / max(np.count_nonzero(product), 1))
    fig = _profile(
        f"The cell and its matches lie on the same side of the label's mean in {share:.0%} of the shared features",
        names,
        note=f"on top the {len(agree)} that agree most, below the {len(disagree)} that disagree most, of "
        f"{own.size:,} shared features; 50% is chance",
        legend=True,
    )
    for values, name, color in (
        (found.own_z[own[shown]], "this cell", _color(found, 0)),
        (found.mean_z[other[shown]], "mean of its matches", _color(found, 1)),
    ):
        fig.add_bar(
            x=values.astype(np.float32),
            y=np.arange(len(names)),
            orientation="h",
            name=name,
            marker={"color": color},
            hovertext=[hover_text(each) for each in names],
            hovertemplate="%{hovertext}: %{x:.2f} SD<extra></extra>",
        )
    if agree.size and disagree.size:
        fig.add_hline(y=agree.size - 0.5, line={"color": GREY, "dash": "dot", "width": 1})
    return fig


def _profile(title: str, names: list[str], *, note: str, legend: bool = False, **layout: Any) -> go.Figure:
    x, height = {"title_text": Z_AXIS, "zeroline": True}, height_of(len(names))
    return figure(title, height=height, note=note, legend=legend, x=x, y=label_ticks(names), bargap=0.3, **layout)


def _note(shown: int, total: int, what: str) -> str:
    largest = f"the {shown} of {total:,} {what} farthest from the mean of the label" if shown < total else f"all {what}"
    return f"{largest}; 0: mean of the label"


def _color(found: MatchedCell, which: int) -> str:
    """Source cells are blue, target cells orange, wherever the cell itself is."""
    return (SOURCE_COLOR, TARGET_COLOR)[which if found.side == "source" else 1 - which]
