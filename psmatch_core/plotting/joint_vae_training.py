"""Training of the joint VAE by epoch: reconstruction, KL, label loss, and accuracy of the discriminator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from psmatch_core.classification.baselines import HISTORY
from psmatch_core.plotting.style import GREY, PALETTE, SOURCE_COLOR, TARGET_COLOR, apply_style, escaped, short_number

PANELS = {
    "reconstruction": "reconstruction (squared error)",
    "kl": "KL (nats per cell)",
    "validation_loss": "label loss (nats per cell)",
    "discriminator_accuracy": "discriminator accuracy",
}
GUESSED_SHARE = 0.5
LAST = 5  # epochs over which the title averages the discriminator's accuracy, which fluctuates


def joint_training(history: Mapping[str, np.ndarray]) -> go.Figure:
    """Four small panels: values on held-out cells by epoch.

    Parameters
    ----------
    history
        By modality, source first: ``(n_epochs, 5)``, columns as in ``HISTORY`` of the joint VAE. The accuracy of the
        discriminator is the same for both modalities and drawn once; the goal is 0.5, which is chance.
    """
    from plotly.subplots import make_subplots

    fig = make_subplots(rows=2, cols=2, horizontal_spacing=0.16, vertical_spacing=0.12)
    apply_style(fig, _title(history), height=520, legend=True)
    for place, column in enumerate(PANELS):
        at = {"row": place // 2 + 1, "col": place % 2 + 1}
        shared = column == "discriminator_accuracy"
        for index, (name, rows) in enumerate(list(history.items())[: 1 if shared else None]):
            values = rows[:, HISTORY.index(column)].astype(np.float32)
            fig.add_trace(
                go.Scatter(
                    x=np.arange(1, len(values) + 1, dtype=np.float32),
                    y=values,
                    mode="lines",
                    name="both" if shared else escaped(name, 24),
                    legendgroup=escaped(name, 24),
                    showlegend=place == 0,
                    line={"color": PALETTE[2] if shared else (SOURCE_COLOR, TARGET_COLOR)[index], "width": 2},
                    hovertemplate="epoch %{x}: %{y:.3f}",
                ),
                **at,
            )
        fig.update_yaxes(title_text=PANELS[column], title_font={"size": 12}, **at)
    fig.add_hline(y=GUESSED_SHARE, line={"color": GREY, "dash": "dash", "width": 1.5}, row=2, col=2)
    fig.update_yaxes(range=[0, 1.02], tickformat=".0%", row=2, col=2)
    for row, col in ((1, 1), (1, 2), (2, 1)):
        fig.update_yaxes(rangemode="tozero", row=row, col=col)
    fig.update_xaxes(title_text="epoch", row=2)
    return fig


def _title(history: Mapping[str, np.ndarray]) -> str:
    rows = next(iter(history.values()), np.zeros((0, len(HISTORY))))
    if not len(rows):
        return "Joint VAE: waiting for the first epoch"
    right = float(rows[-LAST:, HISTORY.index("discriminator_accuracy")].mean())
    losses = [
        f"{escaped(name, 24)} {short_number(float(each[:, HISTORY.index('validation_loss')].min()))} nats"
        for name, each in history.items()
    ]
    return (
        f"The discriminator recognizes the modality of {right:.0%} of held-out cells (chance 50%); {', '.join(losses)}"
    )
