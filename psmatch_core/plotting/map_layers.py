"""The cells of one linked map as arrays, for a script that draws them itself: places once, looks for each question.

The same cells, groups and colours as in :func:`~psmatch_core.plotting.linked_maps.linked_map`, but without a figure:
one byte for the group of a cell, or two for its value, so that colours anew are a tenth of a figure.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.framed_arrays import framed
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.exploration.selection import Selection
from psmatch_core.plotting.cell_columns import CellColumn
from psmatch_core.plotting.linked_maps import heaviest_matches, map_ranges
from psmatch_core.plotting.score_map import Coloring, dot_groups, is_by_value, value_axis
from psmatch_core.plotting.style import GREY, SOURCE_COLOR, TARGET_COLOR

UNKNOWN = 65_535  # where a number of 16 bits is not known; others are 0 to 65,534
NO_CELL = 4_294_967_295
MOST_NAMED = 200_000  # cells of a modality whose names a browser holds: 3 MB
NAME = 60  # characters of a name


def map_places(scores: ScoreMap, side: str) -> bytes:
    """Where the displayed cells of one modality lie: rows (uint32), and places in the map's ranges (uint16).

    The head has ``range``: left, right, bottom and top, no unit.
    """
    cells, xy = (scores.source_cells, scores.source_xy) if side == SIDES[0] else (scores.target_cells, scores.target_xy)
    (left, right), (bottom, top) = map_ranges(scores, side)
    low, span = np.array([left, bottom]), np.array([right - left, top - bottom])
    share = (np.asarray(xy, dtype=np.float64).reshape(-1, 2) - low) / span
    head = {"range": [left, right, bottom, top]}
    return framed(head, {"rows": cells.astype(np.uint32), "places": _in_16_bits(share)})


def map_texts(
    models: tuple[ScoredModality, ScoredModality],
    matches: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    confidence: Mapping[str, float] | None = None,
) -> bytes:
    """What a hover says of every cell of both modalities: names, labels, confidence, best match with its share.

    Parameters
    ----------
    matches
        For source and target, the best match of every cell as its row in the other, −1 without one, and its share of
        the cell's weight, ``(n_cells,)`` each; empty before the cells are matched.
    confidence
        Of each label, in [0, 1]; NaN where it was not measured.
    """
    names, arrays = [], {}
    for side, model in zip(SIDES, models, strict=True):
        modality = model.modality
        is_named = modality.n_cells <= MOST_NAMED
        names.append([display(each, NAME) for each in modality.obs_names.tolist()] if is_named else [])
        arrays[f"{side}.label"] = model.y.astype(np.uint16)
    for side, (match, share) in zip(SIDES, matches, strict=bool(matches)):
        arrays[f"{side}.best"] = np.where(match < 0, NO_CELL, match).astype(np.uint32)
        arrays[f"{side}.share"] = _in_16_bits(share)
    known = {label: value for label, value in (confidence or {}).items() if value == value}
    labels = [
        f"{display(label, NAME)}, confidence {known[label]:.2f}" if label in known else display(label, NAME)
        for label in models[0].label_names
    ]
    return framed({"names": names, "labels": labels, "modalities": [each.modality.name for each in models]}, arrays)


def map_look(
    models: tuple[ScoredModality, ScoredModality],
    cells: np.ndarray,
    side: str,
    *,
    color: Coloring = "modality",
    highlight: str | None = None,
    column: CellColumn | None = None,
    is_selected: bool = False,
) -> dict[str, Any]:
    """How the displayed cells of one modality look, as JSON with arrays in base64.

    Parameters
    ----------
    cells
        Rows of the displayed cells ``(n,)``.
    color, highlight, column
        As in :func:`~psmatch_core.plotting.score_map.score_map_figure`.
    is_selected
        Whether some cells are selected, behind which all others stand back.

    Returns
    -------
    ``styles``: colour (None for the scale), opacity and words of each group, in the order of drawing; ``group``: that
    of each cell (uint8, or uint16 if ``is_wide``); ``values`` (uint16 over ``span``) and ``scale``, if there is one;
    ``shares`` of the weight that a projected category has (uint16); ``legend``: names and colours.
    """
    panel = SIDES.index(side)
    is_plain = color == "modality" and highlight is None and column is None
    if is_plain:
        own = GREY if is_selected else (SOURCE_COLOR, TARGET_COLOR)[panel]
        style = [own, 0.25 if is_selected else 0.6, ""]
        return {"is_plain": True, "styles": [style], "group": _text(np.zeros(cells.size, dtype=np.uint8))}
    styles: dict[tuple[str | None, float, str], int] = {}
    group = np.zeros(cells.size, dtype=np.uint16)
    values, shares = np.full(cells.size, np.nan), np.full(cells.size, np.nan)
    legend: dict[str, tuple[int, str, str]] = {}
    for which, look in dot_groups(models, cells, panel, color=color, highlight=highlight, column=column):
        hue = look["marker"]["color"]
        is_scaled = isinstance(hue, np.ndarray)
        if is_scaled:
            values[which] = hue
        if "shares" in look:
            shares[which] = look["shares"]
        says = "" if look["label"] else html.unescape(look["name"])
        opacity = look["opacity"] * (0.4 if is_selected else 1.0)
        group[which] = styles.setdefault((None if is_scaled else hue, opacity, says), len(styles))
        if not is_scaled:
            legend.setdefault(look["group"], (look["rank"], html.unescape(look["name"]), hue))
    is_wide = len(styles) > 256
    found: dict[str, Any] = {
        "styles": [list(each) for each in styles],
        "group": _text(group if is_wide else group.astype(np.uint8)),
        "is_wide": is_wide,
    }
    if is_by_value(color, highlight, column):
        found |= _scaled(values, value_axis(models, column))
    else:
        found["legend"] = [[name, hue] for _, name, hue in sorted(legend.values())]
    if np.isfinite(shares).any():
        found["shares"] = _text(_in_16_bits(shares))
    return found


def map_panels(
    models: tuple[ScoredModality, ScoredModality], scores: ScoreMap, labels: Sequence[str]
) -> dict[str, Any]:
    """Panels of one map, each with the displayed cells of one label of both modalities, as JSON.

    Returns
    -------
    For each panel ``labels``: the number of its label among the models' labels; ``titles``; and ``says``: how many
    cells of each modality it shows, for screen readers.

    Raises
    ------
    PsmatchError
        If a label is none of the models'.
    """
    number = {label: at for at, label in enumerate(models[0].label_names)}
    unknown = [label for label in labels if label not in number]
    if unknown:
        raise PsmatchError(
            f"There is no label {display(unknown[0], NAME)} to draw a panel of.", hint="Choose labels of the run."
        )
    cells = (scores.source_cells, scores.target_cells)
    counts = [np.bincount(model.y[chosen], minlength=len(number)) for model, chosen in zip(models, cells, strict=True)]
    names = [display(model.modality.name, 24) for model in models]
    found = [number[label] for label in labels]
    says = [" and ".join(f"{count[at]:,} {name}" for count, name in zip(counts, names, strict=True)) for at in found]
    return {
        "labels": found,
        "titles": [display(label, NAME) for label in labels],
        "says": [f"{each} cells" for each in says],
    }


def map_marks(cells: np.ndarray, side: str, selection: Selection | None, weight: np.ndarray | None) -> dict[str, Any]:
    """The selected cells of a map, or the matches of those on the other map, the heaviest last; empty without any.

    Parameters
    ----------
    cells
        Rows of the displayed cells ``(n,)``.
    weight
        Matched weight of each cell of the modality ``(n_cells,)``.
    """
    if selection is None:
        return {}
    if selection.side == side:
        return {"kind": "selected", "cells": _text(np.flatnonzero(np.isin(cells, selection.cells)).astype(np.uint32))}
    order = heaviest_matches(cells, weight)
    heavy = np.zeros(0) if weight is None else weight[cells[order]]
    return {
        "kind": "matches",
        "cells": _text(order.astype(np.uint32)),
        "weights": _text(heavy.astype(np.float32)),
    }


def _scaled(values: np.ndarray, axis: Mapping[str, Any]) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    scale = {
        "colors": [color for _, color in axis["colorscale"]],
        "low": float(axis["cmin"]),
        "high": float(axis["cmax"]),
        "title": html.unescape(axis["colorbar"]["title"]["text"]),
    }
    span = (high - low) or 1.0
    return {"values": _text(_in_16_bits((values - low) / span)), "span": [low, low + span], "scale": scale}


def _in_16_bits(shares: np.ndarray) -> np.ndarray:
    """Shares in [0, 1] as whole numbers 0 to 65,534, and 65,535 where one is not known."""
    known = np.isfinite(shares)
    whole = np.rint(np.clip(np.where(known, shares, 0.0), 0.0, 1.0) * (UNKNOWN - 1))
    return np.where(known, whole, UNKNOWN).astype(np.uint16)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()).decode(
        "ascii"
    )
