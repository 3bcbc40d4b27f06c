"""The figures of many runs in one table, and rank correlations between figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.monitor.run_figures import FIGURES
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.sweeps.points import short_names

FEWEST_RUNS = 5  # with fewer the interval of a rank correlation reaches from −1 to 1


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation of two figures over runs, with its 95% interval; NaN if there are too few values.

    Source of the interval: Bonett and Wright 2000, Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations: Fisher's transform with variance (1 + rho² / 2) / (n − 3). It assumes that runs are
    independent draws. The points of a grid are not, so the true uncertainty is larger.
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


def describe_relation(x: str, y: str, found: RankCorrelation) -> str:
    """How two figures are related over runs, for a title: the meaning, the correlation, and the number of runs."""
    names = f"{FIGURES[x].title()} and {FIGURES[y].title()}"
    if not math.isfinite(found.rho):
        return f"{names}: too few different values for a rank correlation over {plural(found.n, 'run')}"
    evidence = f"rank correlation {found.rho:+.2f} over {plural(found.n, 'run')}"
    if found.n < FEWEST_RUNS:
        return f"{names}: {evidence}, too few to rely on"
    if math.isfinite(found.low):
        evidence += f", 95% interval {found.low:+.2f} to {found.high:+.2f}"
        if found.low <= 0 <= found.high:
            return f"{names} show no clear relation: {evidence}"
    if not FIGURES[x].better or not FIGURES[y].better:
        moves = "rise and fall together" if found.rho > 0 else "move in opposite directions"
        return f"{names} {moves}: {evidence}"
    falls = FIGURES[x].better == "small"  # the sentence describes an improving x
    way = "lower" if falls == (found.rho > 0) else "higher"
    judged = "better" if (way == "lower") == (FIGURES[y].better == "small") else "worse"
    finding = (
        f"{'Lower' if falls else 'Higher'} {_lower(FIGURES[x].title())} goes with {way} {_lower(FIGURES[y].title())}"
    )
    return f"{finding}, which is {judged}: {evidence}"


def rank_matrix(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Rank correlations of all pairs of these figures; NaN if one of them does not vary."""
    rows = [[rank_correlation(table[x], table[y]).rho for y in names] for x in names]
    return pd.DataFrame(rows, index=list(names), columns=list(names), dtype=float)


def varying_figures(table: pd.DataFrame) -> list[str]:
    """The figures in which the runs of a table differ; the time taken is left out, since other work changes it too."""
    return [name for name in FIGURES if name != "seconds" and name in table and table[name].nunique() > 1]


def sweep_table(sweep: SweepJob) -> pd.DataFrame:
    """One row per run: number, name, state, varied options, and figures; NaN for figures that are not measured yet."""
    rows = []
    names, short = sweep.names, short_names(axis.name for axis in sweep.sweep.axes)
    for index, (run, status, point) in enumerate(zip(sweep.runs, sweep.statuses(), sweep.sweep.points, strict=True)):
        row: dict[str, Any] = {"run": index + 1, "name": names[index]}
        row["state"] = status.state.value if status else "waiting"
        row["problem"] = status.problem if status else ""
        row |= {short[name]: _cell(value) for name, value in point.items()}
        figures = None
        if status is not None and status.state == DONE:
            try:
                figures = results.load_figures(run)
            except PsmatchError as error:
                row["problem"] = str(error)
        rows.append(row | (figures.to_dict() if figures is not None else {}))
    return pd.DataFrame(rows)


def compared(sweeps: Sequence[SweepJob]) -> pd.DataFrame:
    """The runs of several sweeps in one table, whose column ``sweep`` has the name of the sweep."""
    tables = [sweep_table(each).assign(sweep=each.name) for each in sweeps]
    return pd.concat(tables, ignore_index=True)


def history(runs: Iterable[tuple[RunFolder, str]], like: RunFolder) -> tuple[pd.DataFrame, int]:
    """Figures of the finished runs on the same data as a given run.

    Parameters
    ----------
    runs
        Folders of runs, with their names.
    like
        The given run.

    Returns
    -------
    One row per run (``id``, ``name``, figures), and the number of finished runs on these data that have no figures,
    because an earlier version made them.
    """
    rows, without = [], 0
    data = _data_of(like)
    for run, name in runs:
        try:
            if run.status().state != DONE or not results.has_coupling(run) or _data_of(run) != data:
                continue
            figures = results.load_figures(run)
        except PsmatchError:  # the list of runs tells of a damaged one
            continue
        if figures is None:
            without += 1
        else:
            rows.append({"id": run.id, "name": name, **figures.to_dict()})
    return pd.DataFrame(rows), without


def _data_of(run: RunFolder) -> tuple[str, ...]:
    """Fingerprints of the data of a run: both matrices after their labels were reconciled."""
    inputs = files.INPUTS.read(run)
    return () if inputs is None else tuple(inputs[side].fingerprint for side in files.BOTH_SIDES)


def _lower(title: str) -> str:
    """A title inside a sentence; acronyms stay upper case."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else str(value)
