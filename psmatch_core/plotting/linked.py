"""Two linked maps: the cells chosen on one side, and where their weight lies on the other."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.coupling import Coupling
from psmatch_core.errors import plural
from psmatch_core.maps import ScoreMap
from psmatch_core.plotting.scores import WEBGL_ABOVE
from psmatch_core.plotting.style import GREY, SOURCE_COLOR, TARGET_COLOR, dress, plain
from psmatch_core.selection import SIDES, Selection

MOST_MATCHES = 2000  # heaviest matches drawn one by one: more than these are a cloud anyhow
SMALLEST, LARGEST, CROWDED = 4.0, 16.0, 9.0  # px of the lightest and the heaviest match, and of that among many
MANY = 150  # matches beyond which large dots hide each other
OPACITIES = (0.25, 1.0)


def linked_maps(
    scores: ScoreMap,
    coupling: Coupling,
    selection: Selection | None = None,
    weight: np.ndarray | None = None,
    *,
    note: str = "",
    stacked: bool = False,
) -> go.Figure:
    """Both modalities' cells, two panels with the same axes, the selected ones and their matches on top.

    Parameters
    ----------
    scores
        Coordinates of the drawn cells, no unit.
    selection
        The selected cells; all cells are drawn alike without.
    weight
        Of each cell of the other side, ``(n_other_cells,)``; size and opacity of its dot grow with it.
    note
        Smaller text under the title, such as of which epsilon the matches are.
    stacked
        Source above target, for narrow screens.
    """
    from plotly.subplots import make_subplots

    models = (coupling.source, coupling.target)
    names = [plain(model.modality.name, 24) for model in models]
    fig = make_subplots(
        rows=2 if stacked else 1,
        cols=1 if stacked else 2,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=names,
        horizontal_spacing=0.03,
        vertical_spacing=0.08,
    )
    dress(fig, _title(selection, weight, names), height=620 if stacked else 400, note=plain(note, 200), legend=False)
    panels = ((scores.source_cells, scores.source_xy), (scores.target_cells, scores.target_xy))
    is_large = sum(cells.size for cells, _ in panels) > WEBGL_ABOVE
    trace = go.Scattergl if is_large else go.Scatter
    for place, (side, (cells, xy)) in enumerate(zip(SIDES, panels, strict=True)):
        at = {"row": place + 1, "col": 1} if stacked else {"row": 1, "col": place + 1}
        own = (SOURCE_COLOR, TARGET_COLOR)[place]
        xy = xy.astype(np.float32)
        # No text and no row number travels with a dot: the server finds the cells from the shape that is drawn.
        fig.add_trace(
            trace(
                x=xy[:, 0],
                y=xy[:, 1],
                mode="markers",
                marker={"size": 3 if is_large else 5, "color": own if selection is None else GREY},
                opacity=0.6 if selection is None else 0.25,
                hoverinfo="skip",
                unselected={"marker": {"opacity": 0.25}},
            ),
            **at,
        )
        if selection is None:
            continue
        if side == selection.side:
            which = np.isin(cells, selection.cells)
            marker: dict[str, object] = {"size": 5 if is_large else 7, "color": own}
            hover = "selected<extra></extra>"
        else:
            which, marker = _matches(cells, weight, own)
            hover = "match, weight %{customdata:.3~g}<extra></extra>"
        fig.add_trace(
            trace(
                x=xy[which, 0],
                y=xy[which, 1],
                mode="markers",
                marker=marker,
                customdata=None if side == selection.side or weight is None else _float(weight[cells[which]]),
                hovertemplate=hover,
            ),
            **at,
        )
    fig.update_annotations(font={"size": 13})
    fig.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, matches="x")
    fig.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, matches="y")
    fig.update_layout(dragmode="lasso", newselection={"line": {"color": GREY, "dash": "dot", "width": 2}})
    return fig


def _float(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _matches(cells: np.ndarray, weight: np.ndarray | None, color: str) -> tuple[np.ndarray, dict[str, object]]:
    """The heaviest matches among the drawn cells, lightest first, so that the heaviest lies on top; and their look."""
    if weight is None or not (weight[cells] > 0).any():
        return np.zeros(0, dtype=np.int64), {"color": color}
    own = weight[cells]
    order = np.argsort(own, kind="stable")[-MOST_MATCHES:]
    order = order[own[order] > 0]
    share = np.sqrt(own[order] / own[order].max())  # area, not width, tells weight
    sizes = SMALLEST + ((LARGEST if order.size <= MANY else CROWDED) - SMALLEST) * share
    opacity = OPACITIES[0] + (OPACITIES[1] - OPACITIES[0]) * share
    return order, {
        "color": color,
        "size": sizes.astype(np.float32),
        "opacity": opacity.astype(np.float32),
        "line": {"width": 0},
    }


def _title(selection: Selection | None, weight: np.ndarray | None, names: list[str]) -> str:
    if selection is None:
        return "Draw around cells on either map: their matches light up on the other"
    here, there = names if selection.side == "source" else names[::-1]
    if weight is None or not (weight > 0).any():
        return f"{plural(len(selection), f'{here} cell')} selected: none has a match"
    spread = weight[weight > 0] / weight.sum()
    effective = float(np.exp(-(spread * np.log(spread)).sum()))
    return f"{plural(len(selection), f'{here} cell')} and their matches: about {effective:,.0f} {there} cells"
