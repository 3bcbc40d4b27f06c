"""What a map says of a cell under the pointer: its name, label, value, the label's confidence, and its best match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from psmatch_core.plotting.style import escaped, short_number

MOST_HOVERED = 5_000  # cells of each modality with a text of their own: 0.5 MB; more would slow the page down
NAME_LENGTH = 40  # characters of a name


def hover_lines(
    names: np.ndarray,
    labels: np.ndarray,
    *,
    confidence: Mapping[str, float] | None = None,
    best: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray | None:
    """A text for each displayed cell, ``(n,)``; None for more cells than can each have one.

    Parameters
    ----------
    names, labels
        Name and label of each displayed cell ``(n,)``.
    confidence
        How well the matches of each label are reproduced, in [0, 1]; NaN where it was not measured.
    best
        Name of the heaviest match of each cell ``(n,)``, empty without one, and its share of the cell's weight.
    """
    if names.size > MOST_HOVERED:
        return None
    of_label = {}
    for label in np.unique(labels).tolist():
        known = (confidence or {}).get(label, float("nan"))
        sure = f", confidence {known:.2f}" if known == known else ""
        of_label[label] = f"{escaped(label, NAME_LENGTH)}{sure}"
    texts = [
        f"<b>{escaped(name, NAME_LENGTH)}</b><br>{of_label[label]}"
        for name, label in zip(names.tolist(), labels.tolist(), strict=True)
    ]
    if best is not None:
        texts = [
            f"{text}<br>best match {escaped(match, NAME_LENGTH)} ({weight:.0%})" if match else f"{text}<br>no match"
            for text, match, weight in zip(texts, best[0].tolist(), best[1].tolist(), strict=True)
        ]
    return np.array(texts, dtype=object)


def about_cells(lines: np.ndarray | None, which: np.ndarray, look: Mapping[str, Any]) -> np.ndarray | None:
    """The texts of some displayed cells, each with its value, for one group of cells that look alike."""
    if lines is None:
        return None
    values = look["marker"].get("color")
    if isinstance(values, np.ndarray):
        unit = f" {look['unit']}" if look.get("unit") else ""
        added = [f"{look['name']} {short_number(value)}{unit}" for value in values.tolist()]
    elif "shares" in look:
        added = [
            f"{look['name']}, {share:.0%} of the weight" if share == share else look["name"]
            for share in look["shares"].tolist()
        ]
    elif look["label"] or not look["name"]:  # coloured by label, which the text has already, or all alike
        return lines[which]
    else:
        added = [look["name"]] * which.size
    return np.array([f"{line}<br>{text}" for line, text in zip(lines[which], added, strict=True)], dtype=object)
