"""Training of a translator: its loss by epoch on training cells and on held-out cells."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.plotting.style import GREY, SOURCE_COLOR, figure, short_number


def translator_curves(curves: Sequence[LossCurve]) -> go.Figure:
    """Loss by epoch: held-out cells solid, training cells dotted, with the kept epoch marked.

    Parameters
    ----------
    curves
        Squared error per feature, in squared standard deviations; the two-sample loss can be negative.
    """
    judged = [curve for curve in curves if curve.validation]
    title = "Loss by epoch"
    if judged:
        best = judged[0]
        title = (
            f"Held-out loss reaches {short_number(best.validation[best.best])} in epoch {best.best + 1}, which is kept"
        )
    fig = figure(title, height=320, note="1: prediction by the mean, for a network trained on sampled pairs")
    for curve in curves:
        epochs = list(range(1, len(curve.training) + 1))
        for kind, values, look, opacity in (
            ("held-out cells", curve.validation, {"width": 2}, 1.0),
            ("training", curve.training, {"width": 1.5, "dash": "dot"}, 0.45),
        ):
            fig.add_scatter(
                x=epochs[: len(values)],
                y=list(values),
                mode="lines",
                name=kind,
                line={"color": SOURCE_COLOR, **look},
                opacity=opacity,
                hovertemplate="epoch %{x}: %{y:.3f}",
            )
        fig.add_vline(x=curve.best + 1, line={"color": GREY, "dash": "dash", "width": 1})
    fig.update_xaxes(title_text="epoch", rangemode="tozero")
    fig.update_yaxes(title_text="squared error (variances)")
    return fig
