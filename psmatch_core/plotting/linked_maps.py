"""Two linked maps: the selected cells of one modality, and their matches in the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.coupling import Coupling
from psmatch_core.plotting.cell_columns import CellColumn
from psmatch_core.plotting.cell_hover import about_cells
from psmatch_core.plotting.score_map import Coloring, dot_groups, is_by_value, value_axis
from psmatch_core.plotting.style import GREY, SOURCE_COLOR, TARGET_COLOR, WEBGL_ABOVE, escaped, figure

MOST_DRAWN = 10_000  # grey cells of each map; with twice as many a browser still moves the map smoothly
MOST_MATCHES = 2000  # heaviest matches drawn one by one; more would only be a cloud
SMALLEST, LARGEST, CROWDED = 4.0, 16.0, 9.0  # px of the lightest and the heaviest match, and of that among many
MANY = 150  # with more matches, large dots would hide each other
OPACITIES = (0.25, 1.0)
_PLAIN = {"name": "", "group": "", "rank": 0, "in_legend": False, "label": "", "opacity": 1.0}  # all cells alike
MARGIN = 0.04  # × the spread of the cells, around them


def linked_map(
    scores: ScoreMap,
    coupling: Coupling,
    side: str,
    selection: Selection | None = None,
    *,
    weight: np.ndarray | None = None,
    note: str = "",
    color: Coloring = "modality",
    highlight: str | None = None,
    column: CellColumn | None = None,
    hover: Mapping[str, np.ndarray] | None = None,
) -> go.Figure:
    """The cells of one modality; on top the selected cells, or the matches of cells selected on the other map.

    At most 10,000 cells are drawn in grey; all selected cells are drawn, and a lasso selects all cells inside. Both
    maps have the same axes, unless each modality is on a map of its own. They are two figures, so that they can be side
    by side or, on a phone, one below the other, and so that a change of epsilon redraws only the one with the matches.

    Parameters
    ----------
    scores
        Coordinates of the displayed cells, no unit.
    side
        ``source`` or ``target``: the modality to draw.
    selection
        The selected cells, of either modality; without, all cells look the same.
    weight
        Matched weight of each cell, ``(n_cells,)``, on the map of the matches; size and opacity of dots grow with it.
    note
        Smaller text under the title of the map of the matches, such as their epsilon.
    color, highlight, column, hover
        The look of all cells, as in :func:`~psmatch_core.plotting.score_map.score_map_figure`. Where it is another than
        the colour of the modality, selected cells and matches are rings, through which the colour is seen.
    """
    is_source = side == SIDES[0]
    name = escaped((coupling.source if is_source else coupling.target).modality.name, 24)
    cells, xy = (scores.source_cells, scores.source_xy) if is_source else (scores.target_cells, scores.target_xy)
    own = SOURCE_COLOR if is_source else TARGET_COLOR
    has_matches = selection is not None and selection.side != side
    under = linked_note(selection, side, note, column)
    is_plain = color == "modality" and highlight is None and column is None
    by_value = is_by_value(color, highlight, column)
    has_legend = not is_plain and not by_value
    fig = figure(linked_title(selection, weight, name, has_matches), height=380, note=escaped(under, 200), legend=False)
    is_large = scores.source_cells.size + scores.target_cells.size > WEBGL_ABOVE
    trace = go.Scattergl if is_large else go.Scatter
    xy = xy.astype(np.float32)
    # The server finds all cells inside a drawn shape, so that a sample of them is enough here.
    shown = evenly_spaced(len(xy), MOST_DRAWN)
    models, panel = (coupling.source, coupling.target), SIDES.index(side)
    about = (hover or {}).get(side)
    groups = dot_groups(models, cells[shown], panel, color=color, highlight=highlight, column=column)
    if is_plain:
        groups = [(np.arange(shown.size), {**_PLAIN, "marker": {"color": own if selection is None else GREY}})]
    listed: set[str] = set()  # each map has a legend of its own, so that both are equally high
    for which, look in groups:
        at = shown[which]
        fig.add_trace(
            trace(
                x=xy[at, 0],
                y=xy[at, 1],
                mode="markers",
                name=look["name"],
                legendgroup=look["group"],
                legendrank=look["rank"] + 1,
                showlegend=has_legend and look["group"] not in listed,
                marker={"size": 3 if is_large else 5, **look["marker"]},
                opacity=_opacity(look["opacity"], selection, is_plain),
                text=about_cells(about, at, look),
                hoverinfo="none" if about is None else None,  # with "skip" a click on a dot would be lost
                hovertemplate=None if about is None else "%{text}<extra></extra>",
                unselected={"marker": {"opacity": 0.25}},
            )
        )
        listed.add(look["group"])
    if selection is not None:
        if has_matches:
            which, marker = _matches(cells, weight, own)
            symbol = {} if is_plain else {"symbol": "circle-open", "line": {"width": 2}}
            marker = {**marker, **symbol}
            says = "match, weight %{customdata:.3~g}<extra></extra>"
        else:
            which = np.isin(cells, selection.cells)
            marker = {"size": 5 if is_large else 7, "color": own}
            marker |= {} if is_plain else {"size": 9, "symbol": "circle-open", "line": {"width": 2}}
            says = "selected<extra></extra>"
        fig.add_trace(
            trace(
                x=xy[which, 0],
                y=xy[which, 1],
                mode="markers",
                marker=marker,
                showlegend=False,
                customdata=_float(weight[cells[which]]) if has_matches and weight is not None else None,
                hovertemplate=says,
            )
        )
    unseen = {"showticklabels": False, "showgrid": False, "zeroline": False}
    (left, right), (low, high) = map_ranges(scores, side)
    fig.layout.xaxis.update(range=[left, right], **unseen)
    fig.layout.yaxis.update(range=[low, high], **unseen)
    if by_value:
        fig.update_layout(coloraxis=value_axis(models, column))
    room = 10 if is_plain else fig.layout.margin.b
    fig.update_layout(
        showlegend=has_legend,
        legend={"itemsizing": "constant", "y": 0, "yanchor": "top"},
        dragmode="lasso",
        newselection={"line": {"color": GREY, "dash": "dot", "width": 2}},
        margin_b=room,
        height=fig.layout.height - fig.layout.margin.b + room,
    )
    return fig


def linked_note(selection: Selection | None, side: str, note: str, column: CellColumn | None) -> str:
    """The smaller text: ``note`` where matches are, else the origin of the selection; and that of the values."""
    under = "" if selection is None else note if selection.side != side else selection.origin
    origin = f"{column.name} {column.origins[side]}" if column is not None and side in column.origins else ""
    return "; ".join(each for each in (under, origin) if each)


def _opacity(usual: float, selection: Selection | None, is_plain: bool) -> float:
    """Cells stand back behind what is selected."""
    if is_plain:
        return 0.6 if selection is None else 0.25
    return usual if selection is None else 0.4 * usual


def evenly_spaced(n: int, most: int) -> np.ndarray:
    """At most ``most`` of ``n`` positions, evenly spaced, whether cells are sorted by label or mixed."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.int64)


def map_ranges(scores: ScoreMap, side: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of a map, a little larger than all cells: the same for both sides of a shared map."""
    own = (scores.source_xy,) if side == SIDES[0] else (scores.target_xy,)
    both = [xy for xy in ((scores.source_xy, scores.target_xy) if scores.is_shared else own) if len(xy)]
    if not both:
        return (0.0, 1.0), (0.0, 1.0)
    low = np.min([xy.min(axis=0) for xy in both], axis=0)
    high = np.max([xy.max(axis=0) for xy in both], axis=0)
    room = MARGIN * np.maximum(high - low, 1e-6)
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return (left, right), (bottom, top)


def _float(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def heaviest_matches(cells: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Positions of the displayed cells with the most weight, the heaviest last and so on top, ``(at most 2,000,)``."""
    if weight is None:
        return np.zeros(0, dtype=np.int64)
    own = weight[cells]
    order = np.argsort(own, kind="stable")[-MOST_MATCHES:]
    return order[own[order] > 0]


def _matches(cells: np.ndarray, weight: np.ndarray | None, color: str) -> tuple[np.ndarray, dict[str, object]]:
    """The heaviest matches among the displayed cells, lightest first so that the heaviest is on top; and their look."""
    order = heaviest_matches(cells, weight)
    if weight is None or not order.size:
        return order, {"color": color}
    own = weight[cells]
    share = np.sqrt(own[order] / own[order].max())  # the area of a dot is proportional to the weight
    sizes = SMALLEST + ((LARGEST if order.size <= MANY else CROWDED) - SMALLEST) * share
    opacity = OPACITIES[0] + (OPACITIES[1] - OPACITIES[0]) * share
    return order, {
        "color": color,
        "size": sizes.astype(np.float32),
        "opacity": opacity.astype(np.float32),
        "line": {"width": 0},
    }


def linked_title(selection: Selection | None, weight: np.ndarray | None, name: str, has_matches: bool) -> str:
    """What one of two linked maps shows."""
    if selection is None:
        return f"{name}: draw around cells"
    if not has_matches:
        return f"{plural(len(selection), f'{name} cell')} selected"
    if weight is None or not (weight > 0).any():
        return f"{name}: the selected cells have no match"
    spread = weight[weight > 0] / weight.sum()
    effective = float(np.exp(-(spread * np.log(spread)).sum()))
    return f"Their matches: about {effective:,.0f} {name} cells"
