"""Matched features: their correlations as a heatmap with the best partners along the diagonal."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.matching.match_features import FeatureMatching
from psmatch_core.plotting.style import color_bar, escaped, figure, height_of, label_axis, rounded

SIGNIFICANT = 0.05  # q-value below which the title counts a feature
# Correlations have a sign: blue and orange of the palette, grey in between; all are visible on any background.
SIGNED_SCALE = ((0.0, "#0072B2"), (0.5, "rgba(128,128,128,0.12)"), (1.0, "#D55E00"))


def feature_heatmap(matching: FeatureMatching, *, of: str = "target", top: int = 30) -> go.Figure:
    """Correlations of the best-matched features with their first partners; the best pairs are on the diagonal.

    Parameters
    ----------
    matching
        The matched features.
    of
        ``target``: rows are target features and columns source features; ``source``: the reverse.
    top
        Largest number of features, those with the strongest evidence.

    Colour shows the correlation under the coupling; the hover adds the weight in the plan, × that of a uniform plan.
    """
    table = matching.table(of=of, top=1)
    correlation, plan = matching.correlation, matching.plan
    names, partners = matching.source_features, matching.target_features
    words = matching.source, matching.target
    if of == "target":
        correlation, plan, names, partners, words = correlation.T, plan.T, partners, names, words[::-1]
    shown = table.head(top)
    row_of, column_of = ({name: k for k, name in enumerate(each)} for each in (names, partners))
    rows = [row_of[name] for name in shown["feature"]]
    columns = list(dict.fromkeys(column_of[name] for name in shown["partner"]))
    n_clear = int((table["q_value"] < SIGNIFICANT).sum())
    best = shown.iloc[0]
    finding = f"Best pair: {escaped(best['feature'], 24)} and {escaped(best['partner'], 24)}"
    if len(matching.null_target):
        finding += f"; {n_clear:,} of {plural(len(table), 'feature')} stand out from chance"
    fig = figure(
        finding,
        height=height_of(len(rows)),
        note=f"rows: {escaped(words[0], 24)}, columns: their first partners in {escaped(words[1], 24)}; "
        "colour: correlation over matched cells",
    )
    z = correlation[np.ix_(rows, columns)]
    fold = plan[np.ix_(rows, columns)] * plan.size
    highest = float(np.abs(z).max(initial=1e-12))
    texts = [
        [
            f"{escaped(names[row])} and {escaped(partners[column])}<br>correlation {z[i, j]:.2f}, "
            f"{rounded(fold[i, j])} × the uniform weight"
            for j, column in enumerate(columns)
        ]
        for i, row in enumerate(rows)
    ]
    y = label_axis(fig, [str(names[row]) for row in rows])
    x = label_axis(fig, [str(partners[column]) for column in columns], axis="x")
    fig.add_heatmap(
        z=z.astype(np.float32),
        x=x,
        y=y,
        zmin=-highest,
        zmax=highest,
        colorscale=SIGNED_SCALE,
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
        colorbar=color_bar(fig),
    )
    fig.update_xaxes(tickangle=-60)
    return fig
