"""Small maps, one per label, if there are too many labels for one colour each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.plotting.style import GREY, SOURCE_COLOR, TARGET_COLOR, apply_style, escaped, hover_text, shortened

MOST_PANELS = 12
PANEL_COLUMNS = 3
BACKDROP = 400  # grey cells in the background: they show where other cells are, not how many


def label_panels(scores: ScoreMap, source: ScoredModality, target: ScoredModality, labels: Sequence[str]) -> go.Figure:
    """A small map for each label: its cells of both modalities over a grey sample of all cells.

    Parameters
    ----------
    labels
        At most 12 of the models' labels.
    """
    from plotly.subplots import make_subplots

    if not 0 < len(labels) <= MOST_PANELS:
        raise PsmatchError(
            f"Between 1 and {MOST_PANELS} labels can be shown, got {len(labels)}.", hint="Choose other labels."
        )
    n_rows = -(-len(labels) // PANEL_COLUMNS)
    fig = make_subplots(
        rows=n_rows,
        cols=PANEL_COLUMNS,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=[shortened(label) for label in labels],
        horizontal_spacing=0.02,
        vertical_spacing=min(0.2 / n_rows, 0.1),
    )
    names = [escaped(model.modality.name, 24) for model in (source, target)]
    apply_style(fig, f"The cells of {plural(len(labels), 'label')} in both modalities", height=n_rows * 170 + 30)
    xy = np.concatenate([scores.source_xy, scores.target_xy]).astype(np.float32)
    behind = xy[np.linspace(0, len(xy) - 1, min(BACKDROP, len(xy))).round().astype(int)]
    sides = (
        (source, scores.source_cells, scores.source_xy, SOURCE_COLOR, "circle"),
        (target, scores.target_cells, scores.target_xy, TARGET_COLOR, "diamond"),
    )
    for place, label in enumerate(labels):
        at = {"row": place // PANEL_COLUMNS + 1, "col": place % PANEL_COLUMNS + 1}
        fig.add_scatter(
            x=behind[:, 0], y=behind[:, 1], mode="markers", marker={"color": GREY, "size": 3}, opacity=0.25,
            hoverinfo="skip", showlegend=False, **at,
        )  # fmt: skip
        for name, (model, cells, points, color, symbol) in zip(names, sides, strict=True):
            which = model.y[cells] == model.label_names.index(label)
            fig.add_scatter(
                x=points[which, 0].astype(np.float32),
                y=points[which, 1].astype(np.float32),
                mode="markers",
                marker={"color": color, "size": 5, "symbol": symbol},
                opacity=0.85,
                name=name,
                legendgroup=name,
                showlegend=place == 0,
                meta=label,
                hovertemplate=f"{hover_text(label)}<br>{name}<extra></extra>",
                **at,
            )
    fig.update_annotations(font={"size": 12})
    fig.update_layout(legend={"itemsizing": "constant", "y": 0, "yanchor": "top"})
    fig.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, matches="x")
    fig.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, matches="y")
    return fig
