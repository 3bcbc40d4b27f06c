"""Colouring of maps by other values of the cells: a column of the file, or a feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.exploration.projection import category_texts, is_on_scale
from psmatch_core.plotting.style import GREY, LABEL_WIDTH, PALETTE, POINT_SCALE, escaped, hover_text, palette

MOST_HUES = len(PALETTE)
ENDS = (0.02, 0.98)  # quantiles of the colour scale: otherwise one extreme cell would darken all others


@dataclass(frozen=True, eq=False)
class CellColumn:
    """A value for every cell of one modality or of both.

    Parameters
    ----------
    name
        Name of the column.
    source, target
        ``(n_cells,)`` in the order of the cells, numbers or text; None if the modality has no such column.
    origins
        How the values of a modality were obtained, by side, such as ``projected through the plan``.
    weights
        Share of the weight that a projected category has, by side, ``(n_cells,)`` each.
    """

    name: str
    source: np.ndarray | None = None
    target: np.ndarray | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def sides(self) -> list[np.ndarray]:
        return [each for each in (self.source, self.target) if each is not None]

    @cached_property
    def is_numeric(self) -> bool:
        """Whether it is drawn on a colour scale: numbers, with more than two distinct values."""
        return is_on_scale(*self.sides)

    @cached_property
    def ranked(self) -> list[str]:
        """The categories, the most frequent first."""
        counts: Counter[str] = Counter()
        for each in self.sides:
            counts.update(category_texts(each).tolist())
        return [name for name, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))]


def column_groups(
    column: CellColumn, side: str, chosen: np.ndarray, panel: int
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """The displayed cells of one modality in groups with the same look, grey ones first."""
    values = column.source if side == "source" else column.target
    if values is None:
        return [(np.arange(chosen.size), _look("not in this modality", GREY, 0.3))]
    values = values[chosen]
    if column.is_numeric:
        return _scaled(column, values)
    weights = column.weights.get(side)
    return _categories(column, values, panel, None if weights is None else weights[chosen])


def column_axis(column: CellColumn) -> dict[str, Any]:
    """The colour axis of a numeric column."""
    values = np.concatenate([each[np.isfinite(each)] for each in column.sides])
    low, high = np.quantile(values, ENDS) if values.size else (0.0, 1.0)
    if low == high:  # most cells have the same value, as for a rarely detected gene
        low, high = float(values.min(initial=0)), float(values.max(initial=1))
    return {
        "colorscale": POINT_SCALE,
        "cmin": float(low),
        "cmax": float(high),
        "colorbar": value_bar(escaped(column.name, 40)),
    }


def value_bar(title: str) -> dict[str, Any]:
    """The colour bar under a map."""
    return {
        "title": {"text": title, "side": "top"},
        "orientation": "h",
        "thickness": 10,
        "len": 0.6,
        "y": -0.02,
        "yanchor": "top",
    }


def _scaled(column: CellColumn, values: np.ndarray) -> list[tuple[np.ndarray, dict[str, Any]]]:
    values = values.astype(np.float32)
    known = np.isfinite(values)
    order = np.flatnonzero(known)[np.argsort(values[known], kind="stable")]  # the highest on top
    look = _look(column.name, GREY, 0.85)
    look |= {
        "marker": {"color": values[order], "coloraxis": "coloraxis"},
        "hover": f"{escaped(column.name, 40)} %{{marker.color:.3g}}<extra></extra>",
    }
    groups = [(np.flatnonzero(~known), _look("unknown", GREY, 0.3)), (order, look)]
    return [group for group in groups if group[0].size]


def _categories(
    column: CellColumn, values: np.ndarray, panel: int, weights: np.ndarray | None
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    names = column.ranked
    n_hues = len(names) if len(names) <= MOST_HUES else MOST_HUES - 1
    hues = dict(zip(names[:n_hues], palette(n_hues), strict=True))
    texts = category_texts(values)
    others = np.flatnonzero(~np.isin(texts, list(hues)))
    groups = [(others, {**_look(plural(len(names) - n_hues, "other value"), GREY, 0.4), "rank": 1000})]
    for rank, (name, hue) in enumerate(hues.items()):
        look = {
            **_look(name, hue, 0.85),
            "rank": rank,
            "group": f"value {rank}",
            "in_legend": panel == (0 if column.source is not None else 1),
        }
        groups.append((np.flatnonzero(texts == name), look))
    if weights is not None:
        for which, look in groups:
            look["shares"] = weights[which].astype(np.float32)
    return [group for group in groups if group[0].size]


def _look(name: str, color: str, opacity: float) -> dict[str, Any]:
    shown = escaped(name, LABEL_WIDTH)
    return {
        "name": shown,
        "group": "others",
        "in_legend": False,
        "label": "",
        "rank": 0,
        "opacity": opacity,
        "marker": {"color": color},
        "hover": f"{hover_text(name)}<extra></extra>",
    }
