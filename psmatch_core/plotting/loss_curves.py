"""Loss by epoch, during training and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.plotting.style import PALETTE, SOURCE_COLOR, TARGET_COLOR, escaped, figure, short_number

STAGE_PREFIX = "propensity: "
NEAR = 0.6  # × the highest loss: if all losses are above it, the axis does not start at 0
LINES_APART = 0.08  # × the higher line: if two lines are closer, their texts would overlap
NO_ENTROPIES: Mapping[str, float] = MappingProxyType({})


def fitted_curves(models: Sequence[ScoredModality]) -> dict[str, dict[int, np.ndarray]]:
    """Loss curves of trained models, in the form that :func:`loss_curves` takes.

    Returns
    -------
    By modality name and network: ``(n_epochs, 3)`` with epoch, training and validation loss (nats per cell).
    Models without epochs, such as ridge regression, have no entry.
    """
    found: dict[str, dict[int, np.ndarray]] = {}
    for model in models:
        for network, curve in enumerate(model.curves):
            epochs = len(curve.training)
            if not epochs:
                continue
            validation = np.full(epochs, np.nan)
            validation[: len(curve.validation)] = curve.validation
            found.setdefault(model.modality.name, {})[network] = np.column_stack(
                [np.arange(1, epochs + 1), curve.training, validation]
            )
    return found


def loss_curves(
    curves: Mapping[str, Mapping[int, np.ndarray]], *, entropies: Mapping[str, float] = NO_ENTROPIES
) -> go.Figure:
    """Cross-entropy by epoch of both modalities on one axis: validation solid, training dotted.

    Parameters
    ----------
    curves
        By stage (``propensity: RNA``) or modality and network: ``(n_epochs, 3)`` with epoch, training and
        validation loss (nats per cell). A smaller epoch number starts another network.
    entropies
        Label entropy (nats per cell) by the same keys or by modality name: the loss of a classifier that knows only
        the label frequencies. With a validation loss above it, nothing was learned. Their order, source first, gives
        the colours, whichever modality is trained first.
    """
    named = {key.removeprefix(STAGE_PREFIX): value for key, value in entropies.items()}
    stages = {stage.removeprefix(STAGE_PREFIX): networks for stage, networks in curves.items()}
    hues = cycle([SOURCE_COLOR, TARGET_COLOR, *PALETTE[2:]])
    colors = dict(zip({**named, **stages}, hues, strict=False))
    fig = figure(_title(stages, named), height=340)
    for stage in sorted(stages, key=list(colors).index):
        pieces = [piece for rows in stages[stage].values() for piece in _networks(rows)]
        for column, kind, look in ((2, "validation", {"width": 2}), (1, "training", {"width": 1.5, "dash": "dot"})):
            joined = _joined(pieces, column)
            fig.add_scatter(
                x=joined[:, 0],
                y=joined[:, 1],
                mode="lines",
                name=f"{escaped(stage, 24)}, {kind}",
                line={"color": colors[stage], **look},
                opacity=1.0 if kind == "validation" else 0.45,
                connectgaps=False,
                hovertemplate="epoch %{x}: %{y:.3f} nats per cell",
            )
        best = _best(pieces)
        fig.add_scatter(
            x=best[:, 0],
            y=best[:, 1],
            mode="markers",
            name="best epoch (kept)",
            legendgroup="best",
            showlegend=stage == next(iter(sorted(stages, key=list(colors).index))),
            marker={"symbol": "circle-open", "size": 8, "color": colors[stage], "line": {"width": 2}},
            hovertemplate="best epoch %{x}: %{y:.3f} nats per cell<extra></extra>",
        )
    _entropy_lines(fig, colors, named)
    highest = [float(np.nanmax(trace.y)) for trace in fig.data if np.isfinite(trace.y).any()] + list(named.values())
    fig.update_xaxes(title_text="epoch", rangemode="tozero")
    top = max(highest, default=1.0)
    lowest = min((float(np.nanmin(trace.y)) for trace in fig.data if np.isfinite(trace.y).any()), default=0.0)
    # losses close to the entropy would look like one line on an axis that starts at 0
    bottom = lowest - 0.3 * (top - lowest) if lowest > NEAR * top else 0.0
    fig.update_yaxes(title_text="loss (nats per cell)", range=[bottom, top + 0.12 * (top - bottom)])
    return fig


def _entropy_lines(fig: go.Figure, colors: Mapping[str, str], entropies: Mapping[str, float]) -> None:
    """One dashed line per modality; lines that nearly coincide share one text."""
    if not entropies:
        return
    lines = sorted(entropies.items(), key=lambda line: line[1])
    apart = lines[-1][1] - lines[0][1] > LINES_APART * lines[-1][1]
    joint = "label entropy: " + ", ".join(f"{escaped(name, 12)} {entropy:.2f}" for name, entropy in entropies.items())
    for place, (name, entropy) in enumerate(lines):
        text = f"label entropy of {escaped(name, 16)} {entropy:.2f}" if apart else joint
        note = {"annotation": {"text": text, "font": {"size": 11}}, "annotation_position": "top right"}
        line = {"color": colors[name], "dash": "dash", "width": 1.5}
        fig.add_hline(y=entropy, line=line, **(note if apart or place == len(lines) - 1 else {}))


def _networks(rows: np.ndarray) -> list[np.ndarray]:
    """One array per network; networks under the same number are separated where the epoch number decreases."""
    rows = np.asarray(rows, dtype=np.float64)
    if not rows.size:
        return []
    return np.split(rows, np.flatnonzero(np.diff(rows[:, 0]) <= 0) + 1)


def _joined(pieces: list[np.ndarray], column: int) -> np.ndarray:
    """Epoch and one loss of all networks ``(n, 2)``, with gaps so that one trace draws them all."""
    gap = np.full((1, 2), np.nan)
    parts = [part for piece in pieces for part in (piece[:, [0, column]], gap)][:-1]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, 2), dtype=np.float32)


def _best(pieces: list[np.ndarray]) -> np.ndarray:
    """Epoch and validation loss of the best epoch of every network ``(n, 2)``."""
    known = [piece for piece in pieces if not np.isnan(piece[:, 2]).all()]
    found = [piece[np.nanargmin(piece[:, 2])][[0, 2]] for piece in known]
    return np.array(found, dtype=np.float32).reshape(-1, 2)


def _title(curves: Mapping[str, Mapping[int, np.ndarray]], entropies: Mapping[str, float]) -> str:
    parts = []
    for name in [each for each in {**entropies, **curves} if each in curves]:
        best = [
            float(np.nanmin(piece[:, 2]))
            for rows in curves[name].values()
            for piece in _networks(rows)
            if not np.isnan(piece[:, 2]).all()
        ]
        if not best:
            continue
        loss, entropy = float(np.mean(best)), entropies.get(name)
        if entropy is None:
            parts.append(f"{escaped(name, 24)} reaches a validation loss of {short_number(loss)} nats per cell")
        elif loss >= entropy:
            figures = f"validation loss {short_number(loss)} nats, label entropy {short_number(entropy)} nats"
            parts.append(f"{escaped(name, 24)} has learned nothing ({figures})")
        else:
            figures = f"a validation loss of {short_number(loss)} nats (label entropy {short_number(entropy)})"
            parts.append(f"{escaped(name, 24)} reaches {figures}")
    return "; ".join(parts) if parts else "Loss by epoch: waiting for the first epoch"
