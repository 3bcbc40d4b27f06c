"""How well a classifier distinguishes the labels: loss per label, calibration, confusion."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.classification.label_similarity import alike_groups, likeness_tree
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.plotting.loss_rows import LossRows, add_losses
from psmatch_core.plotting.style import (
    COLOR_SCALE,
    GREY,
    LABEL_WIDTH,
    MOST_LABELS_DRAWN,
    SOURCE_COLOR,
    TARGET_COLOR,
    both_ends,
    color_bar,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
)

MOST_NAMED = 4  # labels of a group named in a title
WORTH_A_TITLE = 0.05  # smallest share of a label's cells predicted as another label that a title mentions
MOST_TICKS = 16  # labels under a matrix that are readable on a screen of 390 px
CALIBRATED = 0.05  # largest expected calibration error that is called well calibrated


def label_losses(source: ScoredModality, target: ScoredModality) -> go.Figure:
    """Held-out loss of each label in both modalities next to its baseline, best distinguished labels on top.

    The baseline, −log of the label's share (nats per cell), is the loss of knowing only the label frequencies.
    """
    rows = [{row.label: row for row in model.per_label} for model in (source, target)]
    names = [escaped(model.modality.name, 24) for model in (source, target)]

    def gain(label: str) -> float:
        gains = [side[label].baseline - side[label].loss for side in rows if label in side]
        known = [value for value in gains if np.isfinite(value)]
        return float(np.mean(known)) if known else -np.inf

    labels = sorted({**rows[0], **rows[1]}, key=gain, reverse=True)
    told = [
        {label for label, row in side.items() if np.isfinite(row.loss) and row.loss < row.baseline} for side in rows
    ]
    both = len(told[0] & told[1])
    title = f"{both} of {plural(len(labels), 'label')} are distinguished better than chance by both modalities"
    chosen, cut = both_ends(len(labels), "best distinguished", "worst distinguished")
    labels = [labels[index] for index in chosen]
    fig = figure(
        title,
        height=height_of(len(labels), 22),
        note="left of the tick (baseline): better than label frequencies alone" + (f"; {cut}" if cut else ""),
    )
    y = label_axis(fig, labels)
    add_losses(
        fig,
        y,
        labels,
        [
            LossRows(
                name,
                np.array([side[label].loss if label in side else np.nan for label in labels]),
                np.array([side[label].baseline if label in side else np.nan for label in labels]),
                [f"{plural(side[label].n_validated, 'cell')} held out" if label in side else "" for label in labels],
            )
            for side, name in zip(rows, names, strict=True)
        ],
    )
    fig.update_xaxes(title_text="held-out loss (nats per cell)", rangemode="tozero")
    return fig


def reliability(source: ScoredModality, target: ScoredModality) -> go.Figure:
    """Confidence against accuracy on held-out cells; on the diagonal, 70% confident means 70% correct."""
    judged = [(escaped(model.modality.name, 24), model.reliability) for model in (source, target)]
    parts = []
    for name, each in judged:
        total = max(int(each.counts.sum()), 1)
        over = float(np.sum(each.counts * (each.confidence - each.hit_rate))) / total
        if not each.counts.sum():
            parts.append(f"{name} has no held-out cells")
        elif each.expected_error <= CALIBRATED:
            parts.append(f"{name} is well calibrated")
        elif abs(over) < each.expected_error / 2:
            parts.append(f"{name} deviates by {each.expected_error:.0%} in both directions")
        else:
            parts.append(f"{name} is {'over' if over > 0 else 'under'}-confident by {abs(over):.0%}")
    fig = figure("; ".join(parts), height=340)
    fig.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        name="perfect",
        hoverinfo="skip",
    )
    for (name, each), color, symbol in zip(judged, (SOURCE_COLOR, TARGET_COLOR), ("circle", "diamond"), strict=True):
        seen = each.counts > 0
        counts = each.counts[seen]
        fig.add_scatter(
            x=each.confidence[seen].astype(np.float32),
            y=each.hit_rate[seen].astype(np.float32),
            mode="lines+markers",
            name=f"{name} (ECE {each.expected_error:.3f})",
            line={"color": color, "width": 2},
            marker={
                "color": color,
                "symbol": symbol,
                "size": (6 + 12 * np.sqrt(counts / max(counts.max(initial=1), 1))).astype(np.float32),
            },
            customdata=counts,
            hovertemplate="confidence %{x:.0%}, correct %{y:.0%} of %{customdata:,} cells",
        )
    fig.update_xaxes(title_text="confidence", range=[0, 1.03], tickformat=".0%")
    fig.update_yaxes(title_text="share of correct predictions", range=[0, 1.05], tickformat=".0%")
    return fig


def confusion(model: ScoredModality) -> go.Figure:
    """Share of the held-out cells of each label (rows) predicted as each label (columns), similar labels together.

    Labels that the classifier cannot distinguish are framed; the title names them.
    """
    counts = model.confusion
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    order = _by_likeness(model.label_separability)
    groups = alike_groups(model.label_separability)
    title = _confusion_title(model, share, groups)
    n_labels, chosen = len(order), _hardest(model.label_separability, groups, order)
    order = order[np.isin(order, chosen)]
    groups = [kept for group in groups if len(kept := [each for each in group if each in chosen]) > 1]
    labels = [model.label_names[index] for index in order]
    z = np.where(totals > 0, share, np.nan)[np.ix_(order, order)].astype(np.float32)
    side = max(300, 17 * len(labels))
    note = "rows: true label; columns: predicted label"
    if groups:
        note += "; framed: labels hardly distinguished from each other"
    if len(labels) < n_labels:
        note += (
            f"; the {len(labels)} of {n_labels:,} labels that are hardest to distinguish, the table lists their pairs"
        )
    fig = figure(title, height=side, note=note)
    x, y = label_axis(fig, labels, "x"), label_axis(fig, labels, "y")
    names = [hover_text(label) for label in labels]
    fig.add_heatmap(
        z=z,
        x=x,
        y=y,
        zmin=0,
        zmax=1,
        colorscale=COLOR_SCALE,
        customdata=counts[np.ix_(order, order)].astype(np.int32),
        hovertext=[[f"{one}<br>predicted as {other}" for other in names] for one in names],
        hovertemplate="%{hovertext}: %{z:.0%} (%{customdata:,} cells)<extra></extra>",
        colorbar={**color_bar(fig), "tickvals": [0, 0.5, 1], "ticktext": ["0%", "50%", "100%"]},
    )
    place = {int(label): at for at, label in enumerate(order)}
    for group in groups:
        first, last = min(place[each] for each in group) - 0.5, max(place[each] for each in group) + 0.5
        fig.add_shape(
            type="rect", x0=first, x1=last, y0=first, y1=last, line={"color": TARGET_COLOR, "width": 2.5}, layer="above"
        )
    is_many = len(labels) > MOST_TICKS
    fig.update_xaxes(
        title_text="predicted label, same order as the rows" if is_many else "predicted label",
        title_standoff=12 if is_many else 6,
        tickangle=-90,
        showticklabels=not is_many,
    )
    return fig


def _hardest(area: np.ndarray, groups: list[list[int]], order: np.ndarray) -> np.ndarray:
    """The labels to draw if there are too many: those in groups first, then those hardest to distinguish."""
    if len(area) <= MOST_LABELS_DRAWN:
        return order
    nearest = np.nanmin(np.where(np.eye(len(area), dtype=bool) | np.isnan(area), np.inf, area), axis=1)
    grouped = [index for group in groups for index in group]
    return np.array(list(dict.fromkeys([*grouped, *np.argsort(nearest, kind="stable").tolist()]))[:MOST_LABELS_DRAWN])


def _by_likeness(area: np.ndarray) -> np.ndarray:
    """An order of the labels with those that are hardest to distinguish next to each other, ``(n_labels,)``."""
    from scipy.cluster.hierarchy import leaves_list

    return np.arange(len(area)) if len(area) < 3 else np.asarray(leaves_list(likeness_tree(area)))


def _confusion_title(model: ScoredModality, share: np.ndarray, groups: list[list[int]]) -> str:
    name = escaped(model.modality.name, 24)
    if not model.confusion.sum():
        return f"{name} has no held-out cells"
    if groups:
        return f"{name} cannot distinguish {_in_words(model, groups)}"
    mutual = np.where(np.eye(len(share), dtype=bool), 0, share)
    label, other = (int(index) for index in np.unravel_index(mutual.argmax(), mutual.shape))
    if mutual[label, other] >= WORTH_A_TITLE:
        one, two = (escaped(model.label_names[index], LABEL_WIDTH) for index in (label, other))
        cells = one if one.endswith("cells") else f"{one} cells"
        return f"{name} predicts {two} for {mutual[label, other]:.0%} of {cells}, its most frequent error"
    return f"{name} distinguishes all labels (accuracy {model.accuracy:.0%})"


def _in_words(model: ScoredModality, groups: list[list[int]]) -> str:
    """The largest group as text, and the number of other groups."""
    first = groups[0]
    if len(first) == len(model.label_names):
        return f"any of its {len(first)} labels"
    names = [escaped(model.label_names[index], LABEL_WIDTH) for index in first]
    if len(names) == 2:
        text = f"{names[0]} from {names[1]}"
    elif len(names) <= MOST_NAMED:
        text = f"{', '.join(names[:-1])} and {names[-1]}"
    else:
        text = f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more labels"
    return text + (f", and {plural(len(groups) - 1, 'other group')}" if len(groups) > 1 else "")
