"""The figures of many runs side by side, and how one ranks with another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core import results
from psmatch_core.folder import DONE, RunFolder
from psmatch_core.sweeps.folder import SweepFolder
from psmatch_core.sweeps.points import short

FEWEST_RUNS = 5  # with fewer the interval of a rank correlation reaches from −1 to 1


@dataclass(frozen=True)
class Figure:
    """What a figure of a run is called, its unit, and whether it needs known pairs."""

    title: str
    unit: str = ""
    is_truth: bool = False


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "loss": Figure("Loss, calibrated", "share of entropy"),
        "raw_loss": Figure("Loss, raw", "share of entropy"),
        "loss_source": Figure("Loss of the source", "nats per cell"),
        "loss_target": Figure("Loss of the target", "nats per cell"),
        "raw_loss_source": Figure("Raw loss of the source", "nats per cell"),
        "raw_loss_target": Figure("Raw loss of the target", "nats per cell"),
        "entropy_source": Figure("Label entropy of the source", "nats per cell"),
        "entropy_target": Figure("Label entropy of the target", "nats per cell"),
        "accuracy_source": Figure("Accuracy of the source", "share of cells"),
        "accuracy_target": Figure("Accuracy of the target", "share of cells"),
        "stability": Figure("Match stability", "correlation"),
        "shared_mass": Figure("Shared mass", "share"),
        "n_effective": Figure("Effective matches", "cells"),
        "plan_entropy": Figure("Entropy of the plan", "nats per cell"),
        "cost": Figure("Cost of the plan", "share of a uniform plan's"),
        "foscttm": Figure("FOSCTTM", "share of cells", True),
        "rank": Figure("Rank of the true partner", "share of cells", True),
        "trace_fold": Figure("Weight on the true partner", "× uniform", True),
        "trace": Figure("Weight on the true partner, absolute", "share", True),
    }
)


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation of two figures over runs, with a 95 % interval; NaN where it does not exist.

    Source of the interval: Bonett and Wright 2000, Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations: Fisher's transform with variance (1 + rho² / 2) / (n − 3). It takes the runs for independent
    draws, which the points of a grid are not: read it as a lower bound of the uncertainty.
    """

    rho: float
    n: int
    low: float
    high: float


def rank_correlation(x: Iterable[float], y: Iterable[float]) -> RankCorrelation:
    """Spearman's rank correlation over the runs that have both figures."""
    pairs = pd.DataFrame({"x": np.asarray(list(x), dtype=float), "y": np.asarray(list(y), dtype=float)}).dropna()
    n = len(pairs)
    if n < 3 or pairs["x"].nunique() < 2 or pairs["y"].nunique() < 2:
        return RankCorrelation(float("nan"), n, float("nan"), float("nan"))
    ranks = pairs.rank()
    rho = float(np.clip(np.corrcoef(ranks["x"], ranks["y"])[0, 1], -1, 1))
    if n < FEWEST_RUNS or abs(rho) == 1:
        return RankCorrelation(rho, n, float("nan"), float("nan"))
    half = 1.96 * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return RankCorrelation(rho, n, math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half))


def sweep_table(sweep: SweepFolder) -> pd.DataFrame:
    """One row a run: its number, name, state, what was varied, and its figures, NaN where it has none yet."""
    rows = []
    names = sweep.names
    for index, (run, status, point) in enumerate(zip(sweep.runs, sweep.statuses(), sweep.sweep.points, strict=True)):
        row: dict[str, Any] = {"run": index + 1, "name": names[index], "state": status.state if status else "waiting"}
        row["problem"] = status.problem if status else ""
        row |= {short(name): _cell(value) for name, value in point.items()}
        rows.append(row | (results.load_observables(run) if status is not None and status.state == DONE else {}))
    return pd.DataFrame(rows)


def history(runs: Iterable[tuple[RunFolder, str]], like: RunFolder) -> tuple[pd.DataFrame, int]:
    """Figures of the finished runs on the same data as a run, one row each.

    Parameters
    ----------
    runs
        Folders with what each run is called.
    like
        The run on whose data they must be.

    Returns
    -------
    The rows (``id``, ``name``, figures), and how many finished runs on these data have no figures, since an older
    version made them.
    """
    rows, without = [], 0
    data = _data_of(like)
    for run, name in runs:
        if run.status().state != DONE or not results.has_coupling(run) or _data_of(run) != data:
            continue
        figures = results.load_observables(run)
        if figures:
            rows.append({"id": run.id, "name": name, **figures})
        else:
            without += 1
    return pd.DataFrame(rows), without


def _data_of(run: RunFolder) -> Any:
    """What a run saw: both matrices after the labels were brought together."""
    inputs = results.load_facts(run, "inputs") or {}
    return [inputs.get(side, {}).get("fingerprint") for side in ("source", "target")]


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else str(value)
