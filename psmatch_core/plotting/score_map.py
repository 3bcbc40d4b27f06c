"""The scored cells of both modalities on a map, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from scipy import sparse

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.classification.label_similarity import label_families
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.plotting.cell_columns import CellColumn, column_axis, column_groups, value_bar
from psmatch_core.plotting.cell_hover import about_cells
from psmatch_core.plotting.style import (
    GREY,
    LABEL_WIDTH,
    POINT_SCALE,
    SOURCE_COLOR,
    TARGET_COLOR,
    WEBGL_ABOVE,
    apply_style,
    escaped,
    hover_text,
    palette,
    shortened,
)

MOST_HUES = 8
Coloring = Literal["label", "family", "modality", "loss"]


def score_map_figure(
    scores: ScoreMap,
    source: ScoredModality,
    target: ScoredModality,
    *,
    color: Coloring = "label",
    highlight: str | None = None,
    stacked: bool = False,
    column: CellColumn | None = None,
    hover: Mapping[str, np.ndarray] | None = None,
) -> go.Figure:
    """The cells of both modalities by their scores, in two panels with the same axes.

    Parameters
    ----------
    scores
        Coordinates of the displayed cells, no unit.
    source, target
        The scored modalities.
    color
        ``label``, ``family`` (labels with similar positions), ``modality`` or ``loss`` (held-out, nats per cell).
        With more than eight labels the largest seven have colours and the rest are grey; each family has a colour.
    highlight
        A label to draw in the colour of its modality; all others are grey.
    stacked
        Source above target, for narrow screens.
    column
        Another value of the cells to colour by, instead of ``color``.
    hover
        What the hover says of each displayed cell, by side (:func:`~psmatch_core.plotting.cell_hover.hover_lines`).

    The ``customdata`` of each trace contains the row numbers of its cells in their modality, and its ``meta`` the
    modality (``source``, ``target``) and the label, so that selected dots can be traced back to cells.
    """
    from plotly.subplots import make_subplots

    models, cells, xy = (
        (source, target),
        (scores.source_cells, scores.target_cells),
        (scores.source_xy, scores.target_xy),
    )
    if highlight is not None and highlight not in source.label_names:
        raise PsmatchError(f"There is no label {highlight!r} to highlight.", hint="Choose one of the run's labels.")
    names = [escaped(panel_title(model, side, column), 60) for model, side in zip(models, SIDES, strict=True)]
    fig = make_subplots(
        rows=2 if stacked else 1,
        cols=1 if stacked else 2,
        shared_xaxes="all" if scores.is_shared else False,
        shared_yaxes="all" if scores.is_shared else False,
        subplot_titles=names,
        horizontal_spacing=0.03,
        vertical_spacing=0.08,
    )
    if column is not None:
        highlight = None
    by_value = is_by_value(color, highlight, column)
    has_legend = not by_value and (column is not None or color in ("label", "family") or highlight is not None)
    apply_style(
        fig,
        escaped(map_title(scores, models, highlight=highlight, column=column), 200),
        height=(620 if stacked else 420) + 20,
        legend=has_legend,
    )
    is_large = sum(chosen.size for chosen in cells) > WEBGL_ABOVE
    trace = go.Scattergl if is_large else go.Scatter
    size = 3 if is_large else 5
    for panel, (chosen, points, side) in enumerate(zip(cells, xy, SIDES, strict=True)):
        at = {"row": panel + 1, "col": 1} if stacked else {"row": 1, "col": panel + 1}
        for which, look in dot_groups(models, chosen, panel, color=color, highlight=highlight, column=column):
            marker = {"size": size, **look["marker"]}
            about = hover.get(side) if hover is not None else None
            fig.add_trace(
                trace(
                    x=points[which, 0].astype(np.float32),
                    y=points[which, 1].astype(np.float32),
                    mode="markers",
                    name=look["name"],
                    legendgroup=look["group"],
                    legendrank=look["rank"] + 1,
                    showlegend=has_legend and look["in_legend"],
                    marker=marker,
                    opacity=look["opacity"],
                    customdata=chosen[which].astype(np.int32),
                    meta={"side": side, "label": look["label"]},
                    text=about_cells(about, which, look),
                    hovertemplate=look["hover"] if about is None else "%{text}<extra></extra>",
                ),
                **at,
            )
    fig.update_annotations(font={"size": 13})
    if by_value:
        fig.update_layout(coloraxis=value_axis(models, column))
    unseen = {"showticklabels": False, "showgrid": False, "zeroline": False}
    fig.update_xaxes(**unseen, matches="x" if scores.is_shared else None)
    fig.update_yaxes(**unseen, matches="y" if scores.is_shared else None)
    fig.update_layout(legend={"itemsizing": "constant", "y": 0, "yanchor": "top"})
    return fig


def is_by_value(color: str, highlight: str | None, column: CellColumn | None) -> bool:
    """Whether the dots have a colour scale instead of a colour for each group."""
    return column.is_numeric if column is not None else color == "loss" and highlight is None


def dot_groups(
    models: tuple[ScoredModality, ScoredModality],
    chosen: np.ndarray,
    panel: int,
    *,
    color: Coloring = "label",
    highlight: str | None = None,
    column: CellColumn | None = None,
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """The displayed cells of one modality in groups with one look, those in grey first.

    Parameters
    ----------
    chosen
        Row numbers of the displayed cells ``(n,)``.
    panel
        0 for the source, 1 for the target.
    color, highlight, column
        As in :func:`score_map_figure`.

    Returns
    -------
    Positions in ``chosen`` of the cells of each group, and its name, marker, opacity and hover.
    """
    if column is not None:
        return column_groups(column, SIDES[panel], chosen, panel)
    if is_by_value(color, highlight, column):
        return _by_loss(models[panel], chosen)
    return _groups(models, chosen, panel, color, highlight, (SOURCE_COLOR, TARGET_COLOR)[panel])


def value_axis(models: tuple[ScoredModality, ScoredModality], column: CellColumn | None) -> dict[str, Any]:
    """The colour axis of dots with a scale, the same for both modalities."""
    return column_axis(column) if column is not None else _loss_axis(models)


def _groups(
    models: tuple[ScoredModality, ScoredModality],
    chosen: np.ndarray,
    panel: int,
    color: str,
    highlight: str | None,
    own: str,
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """One group per label: its displayed cells and their look. Grey comes first, so that colours are on top."""
    model = models[panel]
    labels = model.label_names
    sizes = sum(np.bincount(each.y, minlength=len(labels)) for each in models)
    ranked = np.argsort(-np.asarray(sizes), kind="stable")
    n_hues = len(labels) if len(labels) <= MOST_HUES else MOST_HUES - 1
    hues = {int(label): hue for label, hue in zip(ranked[:n_hues], palette(n_hues), strict=True)}
    family = {}
    if color == "family" and highlight is None:
        member = _families(models)
        hues = {label: palette(MOST_HUES)[member[label]] for label in range(len(labels))}
        family = {each: _family_name(labels, ranked, member, each) for each in set(member)}
        first_of = {each: next(label for label in ranked if member[label] == each) for each in family}
    if color == "modality":
        hues = dict.fromkeys(range(len(labels)), own)
    if highlight is not None:
        hues = {labels.index(highlight): own}
    n_grey = len(labels) - len(hues)
    y = model.y[chosen]
    groups = []
    index_of = {int(label): place for place, label in enumerate(ranked)}
    in_order = sorted(range(len(labels)), key=lambda index: (index in hues, -index_of[index]))
    grey_shown = False
    for index in in_order:
        which = np.flatnonzero(y == index)
        if not which.size:
            continue
        is_grey = index not in hues
        name = escaped(labels[index], LABEL_WIDTH)
        look = {
            "name": plural(n_grey, "other label") if is_grey else name,
            "group": "others" if is_grey else f"label {index}",
            "in_legend": panel == 0 and not (is_grey and grey_shown),
            "label": escaped(labels[index], 200),
            "rank": 1000 if is_grey else index_of[index],
            "opacity": 0.4 if is_grey else 0.85,
            "marker": {"color": GREY if is_grey else hues[index]},
            "hover": hover_text(labels[index]) + "<extra></extra>",
        }
        grey_shown = grey_shown or is_grey
        if family:
            mine = int(member[index])
            look |= {
                "name": family[mine],
                "group": f"family {mine}",
                "in_legend": panel == 0 and index == int(first_of[mine]),
                "rank": mine,
            }
        groups.append((which, look))
    return groups


def _families(models: tuple[ScoredModality, ScoredModality]) -> list[int]:
    """The family of each label, from the mean position of its cells in both modalities."""
    n_labels = len(models[0].label_names)
    sums, counts = np.zeros((n_labels, models[0].space.shape[1])), np.zeros(n_labels)
    for model in models:
        shape = (n_labels, model.y.size)
        is_of = sparse.csr_array((np.ones(model.y.size), (model.y, np.arange(model.y.size))), shape=shape)
        sums += is_of @ model.space  # less than half the time of sums axis by axis
        counts += np.bincount(model.y, minlength=n_labels)
    return label_families(sums / np.maximum(counts, 1)[:, None], MOST_HUES).tolist()


def _family_name(labels: tuple[str, ...], ranked: np.ndarray, member: list[int], family: int) -> str:
    """The largest labels of a family, and the number of others."""
    mine = [labels[index] for index in ranked if member[index] == family]
    names = ", ".join(shortened(each, 16) for each in mine[:2])
    return names + (f" + {len(mine) - 2}" if len(mine) > 2 else "")


def _by_loss(model: ScoredModality, chosen: np.ndarray) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """One group for the held-out cells, and one in grey for the others."""
    values = model.cell_losses[chosen]
    known = np.isfinite(values)
    look: dict[str, Any] = {
        "name": "loss",
        "unit": "nats",
        "group": "loss",
        "in_legend": False,
        "label": "",
        "rank": 0,
        "opacity": 0.85,
        "marker": {"color": values[known].astype(np.float32), "coloraxis": "coloraxis"},
        "hover": "loss %{marker.color:.2f} nats<extra></extra>",
    }
    grey = {**look, "name": "not held out", "opacity": 0.4, "marker": {"color": GREY}}
    grey |= {"hover": "not held out<extra></extra>"}
    groups = [(np.flatnonzero(~known), grey), (np.flatnonzero(known), look)]
    return [group for group in groups if group[0].size]


def _loss_axis(models: tuple[ScoredModality, ScoredModality]) -> dict[str, Any]:
    both = np.concatenate([model.cell_losses for model in models])
    both = both[np.isfinite(both)]
    highest = float(np.quantile(both, 0.95)) if both.size else 1.0
    return {
        "colorscale": POINT_SCALE,
        "cmin": 0,
        "cmax": highest,
        "colorbar": value_bar("held-out loss (nats)"),
    }


def _meaning(scores: ScoreMap, source: ScoredModality) -> str:
    return f"close cells have similar {source.space_name}" if scores.is_shared else "each modality on a map of its own"


def map_title(
    scores: ScoreMap,
    models: tuple[ScoredModality, ScoredModality],
    *,
    highlight: str | None = None,
    column: CellColumn | None = None,
) -> str:
    """What both maps show together, as plain text; ``highlight`` and ``column`` as in :func:`score_map_figure`."""
    cells = (scores.source_cells, scores.target_cells)
    drawn = [_drawn(model, chosen.size) for model, chosen in zip(models, cells, strict=True)]
    if column is not None:
        return _column_title(column, drawn)
    if highlight is None:
        return f"{drawn[0]} and {drawn[1]}: {_meaning(scores, models[0])}"
    return f"{display(highlight, LABEL_WIDTH)} among {drawn[0]} and {drawn[1]}"


def panel_title(model: ScoredModality, side: str, column: CellColumn | None) -> str:
    """The name of a modality, and how the values of its cells were obtained where that is known, as plain text."""
    name, origin = display(model.modality.name, 24), column.origins.get(side, "") if column is not None else ""
    return f"{name}: {origin}" if origin else name


def _column_title(column: CellColumn, drawn: list[str]) -> str:
    name = display(column.name, 40)
    parts = [
        f"{column.origins[side]} on {cells}" for side, cells in zip(SIDES, drawn, strict=True) if side in column.origins
    ]
    return f"{name}: {', '.join(parts)}" if parts else f"{name} of {drawn[0]} and {drawn[1]}"


def _drawn(model: ScoredModality, n_drawn: int) -> str:
    n, name = model.modality.n_cells, display(model.modality.name, 24)
    return f"{n:,} {name} cells" if n_drawn == n else f"{n_drawn:,} of {n:,} {name} cells"
