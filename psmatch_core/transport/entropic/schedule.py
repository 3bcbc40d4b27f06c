"""The way from coarse to fine: which cells at which level, which epsilon after which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.randomness import stream
from psmatch_core.transport.kernels.full_pass import mean_cost
from psmatch_core.transport.problem import Problem


@dataclass(frozen=True)
class Schedule:
    """The numbers that steer the way from coarse to fine; none changes what is solved, only how fast.

    Parameters
    ----------
    coarsest
        Largest side of the coarsest level, cells.
    ratio
        Cells of a level to those of the one below.
    start
        First epsilon, in mean costs: there a handful of iterations solve any problem.
    step
        Largest factor between two epsilons: past about 4 Newton's method loses its way.
    entries
        Entries a row that matter (e^-7 of the row) at which a level hands over to the next.
    rough
        L1 error at which an epsilon on the way is left for the next.
    theta
        Threshold of supports on the way: entries under e^−theta of their row are left out.
    further
        How much further the first support of all cells reaches: potentials carried over from fewer cells are off by
        several epsilon for some, and a support found again costs more than a wide one.
    sparse_under
        Density under which the plan is held sparse: a sparse pass costs 1.2 ns an entry, a dense one 0.15 a pair.
    """

    coarsest: int = 1100
    ratio: float = 4.0
    start: float = 0.1
    step: float = 4.0
    entries: float = 100.0
    rough: float = 0.04
    theta: float = 8.0
    further: float = 4.0
    sparse_under: float = 0.12


def levels(problem: Problem, schedule: Schedule, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Nested random samples of both sides, coarsest first; the last is all cells in their own order."""
    n, m = problem.shape
    if max(n, m) <= schedule.coarsest:
        return [(np.arange(n), np.arange(m))]
    order_x = stream(seed, "transport", "source").permutation(n)
    order_y = stream(seed, "transport", "target").permutation(m)
    samples: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = [(np.arange(n), np.arange(m))]
    share = 1.0
    while max(n, m) * share > schedule.coarsest:
        share /= schedule.ratio
        n_some, m_some = (max(min(side, 32), int(side * share)) for side in (n, m))
        samples.append((np.sort(order_x[:n_some]), np.sort(order_y[:m_some])))
    return samples[::-1]


def descent(start: float, end: float, step: float) -> list[float]:
    """Epsilons from start (left out) to end in equal factors of at most step."""
    if start <= end * (1 + 1e-9):
        return []
    count = int(np.ceil(np.log(start / end) / np.log(step) - 1e-9))
    return [*(start * (end / start) ** (k / count) for k in range(1, count)), end]


def sampled_mean_cost(problem: Problem) -> float:
    """Mean cost of at most 32 sources, spread evenly, to all targets: for choosing where to begin."""
    return mean_cost(problem.spread_rows)
