"""Cells per label in both modalities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural, some
from psmatch_core.plotting.style import (
    GREY,
    SOURCE_COLOR,
    TARGET_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)

ALONE = " (only in this modality)"
LOG_ABOVE = 50.0  # ratio of largest to smallest label above which small bars would vanish on a linear axis


def label_counts(
    source_counts: Mapping[str, int], target_counts: Mapping[str, int], *, source_name: str, target_name: str
) -> go.Figure:
    """Cells per label, source to the left and target to the right, largest labels on top.

    Parameters
    ----------
    source_counts, target_counts
        Cells of each label. A label that is missing in one modality is hatched and marked with a cross.
    source_name, target_name
        Names of the modalities.
    """
    labels = sorted(
        {**source_counts, **target_counts},
        key=lambda label: (-source_counts.get(label, 0) - target_counts.get(label, 0), label),
    )
    sides = [
        np.array([side.get(label, 0) for label in labels], dtype=np.int64) for side in (source_counts, target_counts)
    ]
    title = _title(labels, sides, [escaped(source_name, 24), escaped(target_name, 24)])
    shown, note = both_ends(len(labels), "largest", "smallest")
    labels, sides = [labels[index] for index in shown], [side[shown] for side in sides]
    names = [escaped(source_name, 24), escaped(target_name, 24)]
    present = np.concatenate(sides)
    present = present[present > 0]
    is_log = bool(present.size) and present.max() / present.min() > LOG_ABOVE
    one_sided = (sides[0] > 0) != (sides[1] > 0)
    fig = figure(title, height=height_of(len(labels), 18), note=note)
    y = label_axis(fig, labels)
    for counts, other, name, color, sign in (
        (sides[0], sides[1], names[0], SOURCE_COLOR, -1),
        (sides[1], sides[0], names[1], TARGET_COLOR, 1),
    ):
        length = np.log10(counts + 1) if is_log else counts
        fig.add_bar(
            x=(sign * length).astype(np.float32),
            y=y,
            orientation="h",
            name=name,
            customdata=counts,
            hovertext=[
                f"{hover_text(label)}: {plural(int(count), 'cell')}" + (ALONE if count and not there else "")
                for label, count, there in zip(labels, counts, other, strict=True)
            ],
            hovertemplate="%{hovertext}",
            marker={
                "color": color,
                "pattern": {"shape": ["/" if lone and n else "" for lone, n in zip(one_sided, counts, strict=True)]},
            },
        )
    if one_sided.any():
        fig.add_scatter(
            x=np.zeros(int(one_sided.sum()), dtype=np.float32),
            y=y[one_sided],
            mode="markers",
            name="only in one modality",
            marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": GREY}, "color": GREY},
            hoverinfo="skip",
        )
    values, texts = _ticks(int(present.max()) if present.size else 1, is_log)
    fig.update_xaxes(
        title_text=f"cells per label{' (log scale)' if is_log else ''}", tickvals=values, ticktext=texts, zeroline=True
    )
    fig.update_layout(barmode="overlay", bargap=0.25)
    return fig


def _title(labels: list[str], sides: list[np.ndarray], names: list[str]) -> str:
    shared = int(((sides[0] > 0) & (sides[1] > 0)).sum())
    only = [[label for label, a, b in zip(labels, x, y, strict=True) if a and not b] for x, y in (sides, sides[::-1])]
    parts = [f"{names[0]} and {names[1]} share {plural(shared, 'label')}"]
    parts += [f"only in {name}: {escaped(some(lone, 2), 80)}" for name, lone in zip(names, only, strict=True) if lone]
    return "; ".join(parts)


def _ticks(largest: int, is_log: bool) -> tuple[list[float], list[str]]:
    """A few round numbers, the same on both sides of zero."""
    if is_log:
        is_wide = largest > 1000
        steps = [step * 10**k for k in range(1 + int(np.log10(largest))) for step in ((1,) if is_wide else (1, 3))]
        numbers = [float(number) for number in steps[1:] if number <= largest]
        at = [float(np.log10(number + 1)) for number in numbers]
    else:
        step = 10.0 ** np.floor(np.log10(max(largest, 1)))
        step = step if largest / step >= 2 else step / 2
        step = max(1.0, step * (2 if largest / step > 5 else 1))
        numbers = [float(number) for number in np.arange(step, largest + 1e-9, step)]
        at = numbers
    shown = [f"{number / 1000:g}k" if number >= 10_000 else f"{number:,g}" for number in numbers]
    return [*(-value for value in reversed(at)), 0.0, *at], [*reversed(shown), "0", *shown]
