"""How precise the metrics of an evaluation are: bootstrap intervals by label and over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from psmatch_core.base.randomness import stream
from psmatch_core.evaluation.evaluate import PAIR_METRICS

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval: where it would be if other cells of the same labels had been measured."""

    mean: float
    low: float
    high: float


def bootstrap_intervals(
    cells: pd.DataFrame, metrics: Sequence[str] = PAIR_METRICS, *, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, dict[str, Interval]]]:
    """Bootstrap intervals of the means of an evaluation: by label, over cells (micro) and over labels (macro).

    True pairs are resampled within each label, and the plan stays fixed: the intervals show how much the choice of
    cells matters, not how much the result of another training would differ.

    Parameters
    ----------
    cells
        One row per true pair: ``label`` and the metrics, as in ``Evaluation.per_cell``.

    Returns
    -------
    table
        One row per label: ``label``, and for each metric its mean, ``<metric>_low`` and ``<metric>_high``.
    means
        ``micro`` and ``macro``, an interval of each metric.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
    """
    ends = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    rows: list[dict[str, object]] = []
    drawn, weights = [], []
    for label, group in cells.groupby("label", sort=False):
        values = group[list(metrics)].to_numpy(dtype=np.float64)  # (n, metrics)
        n = len(values)
        rng = stream(seed, "bootstrap", str(label))
        again = np.empty((RESAMPLES, len(metrics)))
        known, filled = (~np.isnan(values)).astype(np.float64), np.nan_to_num(values)
        for at in range(0, RESAMPLES, 100):  # a hundred at a time, so that the counts of 5,000 cells take a few MB
            times = rng.multinomial(n, np.full(n, 1 / n), size=100).astype(np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                again[at : at + 100] = (times @ filled) / (times @ known)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = filled.sum(axis=0) / known.sum(axis=0)
        low, high = np.nanpercentile(again, ends, axis=0) if n and known.any() else np.full((2, len(metrics)), np.nan)
        row: dict[str, object] = {"label": label}
        for index, metric in enumerate(metrics):
            row |= {metric: mean[index], f"{metric}_low": low[index], f"{metric}_high": high[index]}
        rows.append(row)
        drawn.append(again)
        weights.append(known.sum(axis=0))
    names = [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high")]
    table = pd.DataFrame(rows, columns=["label", *names])
    if not rows:
        nothing = Interval(float("nan"), float("nan"), float("nan"))
        return table, {over: dict.fromkeys(metrics, nothing) for over in ("micro", "macro")}
    stacked, weight = np.stack(drawn), np.stack(weights)  # (labels, resamples, metrics), (labels, metrics)
    means = {}
    for over, share in (("micro", weight), ("macro", (weight > 0).astype(np.float64))):
        share = share / share.sum(axis=0)
        pooled = np.einsum("lm,lrm->rm", share, np.nan_to_num(stacked))
        center = np.nansum(share * table[list(metrics)].to_numpy(dtype=np.float64), axis=0)
        low, high = np.percentile(pooled, ends, axis=0)
        means[over] = {
            metric: Interval(float(center[at]), float(low[at]), float(high[at])) for at, metric in enumerate(metrics)
        }
    return table, means
