"""How precise the metrics of an evaluation are, and whether confident cells are matched better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream
from psmatch_core.evaluation.evaluate import PAIR_METRICS
from psmatch_core.matching.coupling import Coupling

RESAMPLES = 1000
LEVEL = 0.95
POINTS = 40  # coverages at which the curve is drawn
FEWEST = 20  # the curve starts here: a mean over fewer cells says nothing


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


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Quality among the most confident cells.

    Parameters
    ----------
    coverage
        Share of the evaluated cells that are kept, the most confident first, ``(k,)``; the last is 1.
    quality, low, high
        Mean of the metric among them, and its 95% interval (normal), ``(k,)``.
    confidence
        The confidence of the last cell that is kept, ``(k,)``: the threshold for this coverage.
    overall
        The mean over all evaluated cells, which an uninformative confidence would give at every coverage.
    area
        Mean of ``quality`` over all coverages.
    """

    metric: str
    n_cells: int
    coverage: np.ndarray
    quality: np.ndarray
    low: np.ndarray
    high: np.ndarray
    confidence: np.ndarray
    overall: float
    area: float

    def at(self, share: float) -> float:
        """The mean over the given share of most confident cells."""
        return float(np.interp(share, self.coverage, self.quality))


def risk_coverage(confidence: np.ndarray, values: np.ndarray, *, metric: str = "") -> RiskCoverage:
    """Quality among the most confident cells, for every share of cells that is kept.

    Cells of equal confidence are averaged, so that their order does not matter: a constant confidence gives a flat
    line.

    Parameters
    ----------
    confidence
        Of each cell, ``(n,)``; larger is more confident.
    values
        The metric of each cell, ``(n,)``; cells where either is NaN are left out.

    Raises
    ------
    PsmatchError
        If no cell has both.

    Source: El-Yaniv and Wiener 2010, On the Foundations of Noise-free Selective Classification, section 2; the area is
    that of Geifman, Uziel and El-Yaniv 2019, section 2.
    """
    known = ~(np.isnan(confidence) | np.isnan(values))
    confidence, values = confidence[known], np.asarray(values[known], dtype=np.float64)
    n = values.size
    if not n:
        raise PsmatchError("No evaluated cell has a confidence.", hint="Match first, with known pairs.")
    order = np.argsort(-confidence, kind="stable")
    confidence, values = confidence[order], values[order]
    _, tied, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    values_of_ties = np.bincount(tied, values) / sizes
    squares_of_ties = np.bincount(tied, values**2) / sizes
    kept = np.arange(1, n + 1)
    mean = np.cumsum(values_of_ties[tied]) / kept
    spread = np.sqrt(np.maximum(np.cumsum(squares_of_ties[tied]) / kept - mean**2, 0) / kept)
    at = np.unique(np.linspace(min(FEWEST, n), n, POINTS).round().astype(int)) - 1
    return RiskCoverage(
        metric=metric,
        n_cells=n,
        coverage=(at + 1) / n,
        quality=mean[at],
        low=mean[at] - 1.96 * spread[at],
        high=mean[at] + 1.96 * spread[at],
        confidence=confidence[at],
        overall=float(values.mean()),
        area=float(mean.mean()),
    )


def coverage_by_confidence(coupling: Coupling, cells: pd.DataFrame, metric: str) -> dict[str, RiskCoverage]:
    """A metric among the most confident cells, for each measure of confidence.

    Parameters
    ----------
    cells
        The cells of the evaluation: ``cell``, ``label`` and the metric.
    """
    model = coupling.source
    row = {name: at for at, name in enumerate(model.modality.obs_names.tolist())}
    at = np.array([row[name] for name in cells["cell"].astype(str).tolist()])
    spread = np.log(np.maximum(coupling.n_effective[at], 1e-12))
    size = np.log([coupling.target_cells[label].size for label in cells["label"].astype(str).tolist()])
    of_confidence = {"few effective matches": size - spread, "confidence of the classifier": model.confidence[at]}
    values = cells[metric].to_numpy(dtype=np.float64)
    known = {name: each for name, each in of_confidence.items() if (~np.isnan(each) & ~np.isnan(values)).any()}
    return {name: risk_coverage(each, values, metric=metric) for name, each in known.items()}
