"""A label that was left out: its predicted shift beside the three baselines, in one figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from psmatch_core.data.checks import display
from psmatch_core.evaluation.distributions import LABEL_MEAN, TRANSLATED, UNIFORM
from psmatch_core.evaluation.held_out import CANDIDATE_TITLES, NO_CHANGE, HeldOut
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    TITLE_LINE,
    apply_style,
    escaped,
    hover_text,
    wrapped,
)

PANELS = ((TRANSLATED, SOURCE_COLOR), (UNIFORM, TARGET_COLOR), (LABEL_MEAN, PALETTE[2]), (NO_CHANGE, GREY))
TITLE_LENGTH = 300  # characters; names in a title are cut to 24
PANEL_WIDTH = 22  # characters over a panel on a screen of 390 px
ROOM = 0.06  # × the spread of the shifts, around them


def predicted_shifts(found: HeldOut) -> go.Figure:
    """Predicted against observed shift of every feature, by the translation and by each of three baselines.

    The four panels have the same axes; the share of the shift that a prediction explains stands above its panel.
    """
    from plotly.subplots import make_subplots

    explained = found.shift_explained
    titles = [f"{CANDIDATE_TITLES[name]}: {_share(explained[name])}" for name, _ in PANELS]
    fig = make_subplots(
        rows=2,
        cols=2,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=["<br>".join(wrapped(title, PANEL_WIDTH)) for title in titles],
        horizontal_spacing=0.05,
        vertical_spacing=0.2,
    )
    short = replace(found, label=display(found.label, 24), control=display(found.control, 24))
    apply_style(
        fig,
        escaped(f"{short.label}, left out: {short.finding()}", TITLE_LENGTH),
        height=520,
        note=f"shift from {escaped(found.control, 24)} in standard deviations of the training cells; above each panel "
        "the share of the shift that it explains; one point per feature",
        legend=False,
    )
    fig.update_layout(margin_t=fig.layout.margin.t + 2 * TITLE_LINE)
    observed = found.shifts["observed"].astype(np.float32)
    low, high = _ends(found)
    hover = [hover_text(name) for name in found.features]
    for place, (name, color) in enumerate(PANELS):
        at = {"row": place // 2 + 1, "col": place % 2 + 1}
        fig.add_scatter(
            x=[low, high],
            y=[low, high],
            mode="lines",
            line={"color": GREY, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
            **at,
        )
        fig.add_scatter(
            x=observed,
            y=found.shifts[name].astype(np.float32),
            mode="markers",
            name=CANDIDATE_TITLES[name],
            marker={"size": 5, "color": color, "opacity": 0.7},
            hovertext=hover,
            hovertemplate="%{hovertext}: observed %{x:.2f}, predicted %{y:.2f}<extra></extra>",
            **at,
        )
    fig.update_annotations(font={"size": 12})
    fig.update_xaxes(range=[low, high], showticklabels=True)
    fig.update_yaxes(range=[low, high])
    fig.update_xaxes(title_text="observed shift", row=2)
    fig.update_yaxes(title_text="predicted shift", col=1)
    return fig


def _share(explained: float) -> str:
    return "unknown" if explained != explained else f"{explained:.0%}"


def _ends(found: HeldOut) -> tuple[float, float]:
    """One range for both directions of all panels."""
    values = np.concatenate([found.shifts["observed"], *(found.shifts[name] for name, _ in PANELS)])
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    room = ROOM * (high - low) or 1.0
    return low - room, high + room
