"""The figures of many runs side by side, and how one ranks with another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.errors import plural
from psmatch_core.monitor.run_figures import FIGURES
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.sweeps.points import short

FEWEST_RUNS = 5  # with fewer the interval of a rank correlation reaches from −1 to 1


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


def in_words(x: str, y: str, found: RankCorrelation) -> str:
    """How two figures move together over runs, for a title: what it means, the correlation, the number of runs."""
    names = f"{FIGURES[x].title()} and {FIGURES[y].title()}"
    if not math.isfinite(found.rho):
        return f"{names}: too few different values for a rank correlation over {plural(found.n, 'run')}"
    said = f"rank correlation {found.rho:+.2f} over {plural(found.n, 'run')}"
    if found.n < FEWEST_RUNS:
        return f"{names}: {said}, too few to rely on"
    if math.isfinite(found.low):
        said += f", 95% interval {found.low:+.2f} to {found.high:+.2f}"
        if found.low <= 0 <= found.high:
            return f"{names} show no clear relation: {said}"
    if not FIGURES[x].better or not FIGURES[y].better:
        moves = "rise and fall together" if found.rho > 0 else "move against each other"
        return f"{names} {moves}: {said}"
    falls = FIGURES[x].better == "small"  # x is told as it gets better
    way = "lower" if falls == (found.rho > 0) else "higher"
    judged = "better" if (way == "lower") == (FIGURES[y].better == "small") else "worse"
    told = f"{'Lower' if falls else 'Higher'} {_lower(FIGURES[x].title())} goes with {way} {_lower(FIGURES[y].title())}"
    return f"{told}, which is {judged}: {said}"


def rank_matrix(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Rank correlations of all these figures with each other, NaN where one does not move."""
    rows = [[rank_correlation(table[x], table[y]).rho for y in names] for x in names]
    return pd.DataFrame(rows, index=list(names), columns=list(names), dtype=float)


def moving(table: pd.DataFrame) -> list[str]:
    """The figures in which the runs of a table differ, apart from the time taken, which other work changes too."""
    return [name for name in FIGURES if name != "seconds" and name in table and table[name].nunique() > 1]


def sweep_table(sweep: SweepJob) -> pd.DataFrame:
    """One row a run: its number, name, state, what was varied, and its figures, NaN where it has none yet."""
    rows = []
    names = sweep.names
    for index, (run, status, point) in enumerate(zip(sweep.runs, sweep.statuses(), sweep.sweep.points, strict=True)):
        row: dict[str, Any] = {"run": index + 1, "name": names[index]}
        row["state"] = status.state.value if status else "waiting"
        row["problem"] = status.problem if status else ""
        row |= {short(name): _cell(value) for name, value in point.items()}
        figures = results.load_figures(run) if status is not None and status.state == DONE else None
        rows.append(row | (figures.to_dict() if figures is not None else {}))
    return pd.DataFrame(rows)


def compared(sweeps: Sequence[SweepJob]) -> pd.DataFrame:
    """The runs of some sweeps in one table; the column ``sweep`` says which they are of."""
    tables = [sweep_table(each).assign(sweep=each.name) for each in sweeps]
    return pd.concat(tables, ignore_index=True)


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
        figures = results.load_figures(run)
        if figures is None:
            without += 1
        else:
            rows.append({"id": run.id, "name": name, **figures.to_dict()})
    return pd.DataFrame(rows), without


def _data_of(run: RunFolder) -> tuple[str, ...]:
    """What a run saw: both matrices after the labels were brought together."""
    inputs = files.INPUTS.read(run)
    return () if inputs is None else tuple(inputs[side].fingerprint for side in files.BOTH_SIDES)


def _lower(title: str) -> str:
    """A title within a sentence; an acronym stays."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else str(value)
