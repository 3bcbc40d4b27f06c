"""Evidence for and against a matching: losses and entropy, agreement by label, and the null."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from psmatch_core.base.errors import plural
from psmatch_core.monitor import THRESHOLDS, LabelEvidence, MonitorReport, Null, Verdict
from psmatch_core.plotting.loss_rows import LossRows, add_losses
from psmatch_core.plotting.style import (
    GREY,
    PALETTE,
    SOURCE_COLOR,
    both_ends,
    escaped,
    figure,
    height_of,
    hover_text,
    label_axis,
    short_number,
)

LOOK = {  # colour and shape, so that the verdicts can be distinguished without colour
    Verdict.USE: (PALETTE[2], "circle"),
    Verdict.CAUTION: (PALETTE[4], "diamond"),
    Verdict.LABEL_ONLY: (PALETTE[1], "x"),
    Verdict.NOT_MATCHED: (GREY, "square"),
}
FARTHEST = 8.0  # end of the axis, in standard deviations of the shuffles; values beyond are drawn as arrows


def loss_evidence(report: MonitorReport, *, raw: bool = False) -> go.Figure:
    """Held-out loss of each label in both modalities next to its baseline, with all labels together on top.

    Parameters
    ----------
    raw
        Losses of the uncalibrated scores, without temperature (the monitor of the paper).

    The baseline of a label is −log of its share; that of all labels is the label entropy (nats per cell).
    """
    rows = sorted(report.labels, key=lambda row: -np.nan_to_num(row.source.gain + row.target.gain, nan=-np.inf))
    shown, cut = both_ends(len(rows), "best distinguished", "worst distinguished")
    rows = [rows[index] for index in shown]
    kind = "raw" if raw else "calibrated"
    names = ["all labels", *(row.label for row in rows)]
    pairs = [report.sides, *((row.source, row.target) for row in rows)]
    fig = figure(
        "; ".join(
            f"{escaped(name, 24)}: loss {short_number(side.raw_loss if raw else side.loss)}, "
            f"entropy {short_number(side.baseline)} nats"
            for name, side in zip(report.names, report.sides, strict=True)
        ),
        height=height_of(len(names), 24),
        note="; ".join(filter(None, [f"{kind} held-out loss", "tick: loss of the label frequencies alone", cut])),
    )
    y = label_axis(fig, names)
    add_losses(
        fig,
        y,
        names,
        [
            LossRows(
                escaped(report.names[side], 24),
                np.array([pair[side].raw_loss if raw else pair[side].loss for pair in pairs]),
                np.array([pair[side].baseline for pair in pairs]),
                [plural(pair[side].n_validated, "held-out cell") for pair in pairs],
            )
            for side in range(2)
        ],
    )
    fig.add_hline(y=0.5, line={"color": GREY, "dash": "dot", "width": 1})
    fig.update_xaxes(title_text="loss (nats per cell)", rangemode="tozero")
    return fig


def agreement_bars(report: MonitorReport) -> go.Figure:
    """Agreement of each label: the mean as a mark, cells and features as the ends of a line; thresholds dashed."""
    rows = sorted(report.labels, key=lambda row: -np.nan_to_num(row.agreement, nan=-2.0))
    n_reproduced = sum(row.agreement >= THRESHOLDS.use for row in rows)
    shown, cut = both_ends(len(rows), "most reproducible", "least reproducible")
    rows = [rows[index] for index in shown]
    fig = figure(
        f"The matches of {n_reproduced} of {plural(len(report.labels), 'label')} are reproduced by other halves",
        height=height_of(len(rows), 24),
        note="; ".join(filter(None, [f"all labels: {short_number(report.agreement)}", "1 same, 0 unrelated", cut])),
    )
    y = label_axis(fig, [row.label for row in rows])
    for verdict, (color, symbol) in LOOK.items():
        mine = [index for index, row in enumerate(rows) if row.verdict is verdict and np.isfinite(row.agreement)]
        if not mine:
            continue
        x = np.array([rows[index].agreement for index in mine], dtype=np.float32)
        ends = np.array([_ends(rows[index]) for index in mine], dtype=np.float32)  # (n, 2)
        fig.add_scatter(
            x=x,
            y=y[mine],
            mode="markers",
            name=verdict.value,
            marker={"color": color, "symbol": symbol, "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": ends[:, 1] - x,
                "arrayminus": x - ends[:, 0],
                "width": 4,
                "thickness": 1.5,
                "color": color,
            },
            hovertext=[
                f"{hover_text(rows[index].label)}: halves of the cells {short_number(rows[index].agreement_cells)}, "
                f"of the features {short_number(rows[index].agreement_features)}"
                for index in mine
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    for limit in (THRESHOLDS.caution, THRESHOLDS.use):
        fig.add_vline(x=limit, line={"color": GREY, "dash": "dash", "width": 1.5})
    known = [end for row in rows if np.isfinite(row.agreement) for end in _ends(row)]
    fig.update_xaxes(title_text="agreement of the matches", range=[min([0.0, *known]) - 0.05, 1.05])
    return fig


def _ends(row: LabelEvidence) -> tuple[float, float]:
    """The smaller and the larger of the two agreements; twice the same where one was measured."""
    known = [value for value in (row.agreement_cells, row.agreement_features) if np.isfinite(value)]
    return min(known), max(known)


def null_strips(null: Null) -> go.Figure:
    """Each statistic with the true labels, next to its values with shuffled labels, on the scale of the shuffles.

    The unit of a row is the standard deviation of its shuffles, so that statistics of different units fit in one
    figure: 0 is the mean of the shuffles. Values beyond the end of the axis, as losses often are, are drawn as arrows.
    """
    rows = list(null.statistics)
    beaten = [row for row in rows if row.p_value <= max(THRESHOLDS.chance, null.smallest_p)]
    words = ", ".join(row.statistic.title for row in beaten)
    fig = figure(
        f"Better than chance: {words}" if beaten else "Nothing is better than with shuffled labels",
        height=height_of(len(rows), 46),
        note=f"{plural(null.n_shuffles, 'shuffle')}; smallest possible p {null.smallest_p:.2g}; arrows: off the axis",
    )
    y = label_axis(fig, [row.statistic.title for row in rows])
    shuffled_x: list[float] = []
    shuffled_y: list[float] = []
    texts: list[str] = []
    observed: list[float] = []
    for at, row in zip(y, rows, strict=True):
        values = np.array(row.shuffled, dtype=np.float64)
        known = values[np.isfinite(values)]
        mean = known.mean() if known.size else 0.0
        spread = known.std() if known.size > 1 and known.std() > 0 else 1.0
        sign = -1.0 if row.statistic.is_small_good else 1.0
        observed.append(sign * (row.observed - mean) / spread)
        shuffled_x += (sign * (known - mean) / spread).tolist()
        shuffled_y += [float(at) + 0.12 * (-1) ** index for index in range(known.size)]
        unit = row.statistic.unit
        texts += [f"shuffled: {short_number(float(value))} {unit}" for value in known]
    fig.add_scatter(
        x=np.array(shuffled_x, dtype=np.float32),
        y=np.array(shuffled_y, dtype=np.float32),
        mode="markers",
        name="shuffled labels",
        marker={"color": GREY, "size": 7, "opacity": 0.6},
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.add_scatter(
        x=np.clip(np.array(observed, dtype=np.float32), -FARTHEST, FARTHEST),
        y=y,
        mode="markers",
        name="true labels",
        marker={
            "color": SOURCE_COLOR,
            "size": 12,
            "symbol": [_arrow(value) for value in observed],
        },
        hovertext=[
            f"true labels: {short_number(row.observed)} {row.statistic.unit}, p = {row.p_value:.2g}" for row in rows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_xaxes(
        title_text="standard deviations of the shuffles (right: better)",
        zeroline=True,
        range=[-FARTHEST - 0.7, FARTHEST + 0.7],
    )
    return fig


def _arrow(value: float) -> str:
    if abs(value) <= FARTHEST or np.isnan(value):
        return "diamond"
    return "triangle-right" if value > 0 else "triangle-left"
