"""Hidden labels found again: a matrix of label pairs."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.monitor import THRESHOLDS, HiddenLabels
from psmatch_core.plotting.style import COLOR_SCALE, color_bar, escaped, figure, height_of, hover_text, label_axis

MOST_SHOWN = 40  # labels in the matrix


def hidden_label_matrix(hidden: HiddenLabels) -> go.Figure:
    """For every pair of labels, how much of the way from chance to certainty its cells found their own label again.

    Labels that are found least come first, so that confused ones are in one corner; at most :data:`MOST_SHOWN`.
    """
    names = sorted({name for pair in hidden.pairs for name in (pair.first, pair.second)})
    mean = {name: float(np.mean([pair.score for pair in hidden.of_label(name)])) for name in names}
    shown = sorted(names, key=lambda name: mean[name])[:MOST_SHOWN]
    place = {name: index for index, name in enumerate(shown)}
    scores = np.full((len(shown), len(shown)), np.nan, dtype=np.float32)
    texts = np.full(scores.shape, "", dtype=object)
    for pair in hidden.pairs:
        if pair.first not in place or pair.second not in place:
            continue
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            scores[place[one], place[other]] = pair.score
            texts[place[one], place[other]] = (
                f"{hover_text(one)} and {hover_text(other)}: {pair.share:.2f} of the weight finds its own label, "
                f"{pair.chance:.2f} by chance"
            )
    notes = ["0 chance, 1 all found", "least found first"]
    if len(shown) < len(names):
        notes.append(f"{len(shown)} of {len(names)} labels")
    if hidden.n_left_out:
        notes.append(f"{plural(hidden.n_left_out, 'pair')} not asked")
    fig = figure(_finding(hidden), height=height_of(len(shown), 22), note="; ".join(notes), legend=False)
    fig.add_heatmap(
        z=scores,
        x=label_axis(fig, shown, "x"),
        y=label_axis(fig, shown),
        zmin=0,
        zmax=1,
        colorscale=COLOR_SCALE,
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorbar={**color_bar(fig), "tickvals": [0, 0.5, 1]},
    )
    fig.update_xaxes(tickangle=-60)
    return fig


def _finding(hidden: HiddenLabels) -> str:
    confused = [pair for pair in hidden.pairs if pair.score < THRESHOLDS.hidden_pair]
    if not confused:
        return f"All {plural(len(hidden.pairs), 'pair')} of labels are found again when their names are hidden"
    worst = min(confused, key=lambda pair: pair.score)
    return (
        f"{len(confused):,} of {plural(len(hidden.pairs), 'pair')} not found again, such as "
        f"{escaped(worst.first, 20)} and {escaped(worst.second, 20)}: {worst.share:.2f}, chance {worst.chance:.2f}"
    )
