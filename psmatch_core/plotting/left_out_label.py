"""A label that was left out: predicted and observed means, and the most shifted features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.evaluation.distributions import LABEL_MEAN, TRANSLATED, UNIFORM
from psmatch_core.evaluation.held_out import CANDIDATE_TITLES, CANDIDATES, HeldOut
from psmatch_core.plotting.named_points import MOST_NAMED_POINTS, add_diagonal, add_named
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    short_number,
)

TITLE_LENGTH = 300  # characters; names in a title are cut to 24


def predicted_means(found: HeldOut, candidate: str = TRANSLATED) -> go.Figure:
    """Predicted against observed mean of every feature; the most shifted ones are named.

    Parameters
    ----------
    candidate
        ``translated``, or a baseline: ``label_mean``, ``uniform``, ``no_change``.
    """
    if candidate not in CANDIDATES:
        raise PsmatchError(f"There is no candidate {candidate!r}.", hint=f"Choose one of {', '.join(CANDIDATES)}.")
    table = found.table()  # most shifted first
    x = found.means["observed"].astype(np.float32)
    y = found.means[candidate].astype(np.float32)
    short = replace(found, label=display(found.label, 24), control=display(found.control, 24))
    said = f"{CANDIDATE_TITLES[candidate]} explains {found.shift_explained[candidate]:.0%} of its shift"
    title = escaped(f"{short.label}, left out: {short.finding() if candidate == TRANSLATED else said}", TITLE_LENGTH)
    fig = figure(title, height=380, note="0%: no change from control; one point per feature")
    add_diagonal(fig, x, y, legend="perfect")
    fig.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name=CANDIDATE_TITLES[candidate],
        marker={"size": 6, "color": SOURCE_COLOR, "opacity": 0.7},
        hovertext=[hover_text(name) for name in found.features],
        hovertemplate="%{hovertext}: observed %{x:.3f}, predicted %{y:.3f}<extra></extra>",
    )
    head = table.head(MOST_NAMED_POINTS)
    add_named(
        fig,
        head["observed"].to_numpy(np.float32),
        head[candidate].to_numpy(np.float32),
        [str(name) for name in head["feature"]],
        legend="most shifted",
    )
    fig.update_xaxes(title_text="observed mean")
    fig.update_yaxes(title_text="predicted mean")
    return fig


def shifted_features(found: HeldOut, *, top: int = 20) -> go.Figure:
    """Observed and predicted shifts of the most shifted features, in standard deviations."""
    head = found.table().head(top)
    agree, moved = found.same_direction(top)
    uniform, _ = found.same_direction(top, UNIFORM)
    fig = figure(
        f"{agree} of the {moved} most shifted features are predicted in the observed direction, by a uniform "
        f"matching {uniform}",
        height=height_of(len(head)),
        note=f"shift from {escaped(found.control, 24)}, standard deviations of the training cells",
    )
    y = label_axis(fig, [str(name) for name in head["feature"]])
    fig.add_bar(
        x=head["shift_observed"].to_numpy(np.float32),
        y=y,
        orientation="h",
        name="observed",
        marker={"color": GREY},
        hovertemplate="observed %{x:.2f}<extra></extra>",
    )
    for name, color, symbol in (
        (TRANSLATED, SOURCE_COLOR, "circle"),
        (UNIFORM, TARGET_COLOR, "diamond"),
        (LABEL_MEAN, PALETTE[2], "line-ns"),
    ):
        fig.add_scatter(
            x=head[f"shift_{name}"].to_numpy(np.float32),
            y=y,
            mode="markers",
            name=CANDIDATE_TITLES[name],
            marker={"size": 9, "color": color, "symbol": symbol, "line": {"width": 2, "color": color}},
            hovertemplate=f"{CANDIDATE_TITLES[name]} %{{x:.2f}}<extra></extra>",
        )
    largest = short_number(_largest(head["shift_observed"]))
    fig.update_xaxes(title_text=f"shift, standard deviations (largest {largest})")
    return fig


def _largest(values: object) -> float:
    array = np.abs(np.asarray(values, dtype=np.float64))
    return float(array.max(initial=0))
