"""The way from coarse to fine: the cells of each level, and the sequence of epsilons."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.randomness import stream
from psmatch_core.transport.kernels.full_pass import mean_pair_cost
from psmatch_core.transport.options import SolveOptions
from psmatch_core.transport.problem import Positions, Problem

_SAME_EPSILON = 1 + 1e-9  # factor within which two epsilons count as one
_FEWEST_CELLS = 32


def nested_samples(problem: Problem, options: SolveOptions) -> list[tuple[Positions, Positions]]:
    """Nested random samples of both sides, coarsest first; the last one is all cells in their own order."""
    n, m = problem.shape
    schedule = options.schedule
    samples: list[tuple[Positions, Positions]] = [(np.arange(n), np.arange(m))]
    if max(n, m) <= schedule.coarsest_cells:
        return samples
    order_x = stream(options.seed, "transport", "source").permutation(n)
    order_y = stream(options.seed, "transport", "target").permutation(m)
    share = 1.0
    while max(n, m) * share > schedule.coarsest_cells:
        share /= schedule.level_ratio
        n_some, m_some = (max(min(side, _FEWEST_CELLS), int(side * share)) for side in (n, m))
        samples.append((np.sort(order_x[:n_some]), np.sort(order_y[:m_some])))
    return samples[::-1]


def has_reached(epsilon: float, goal: float) -> bool:
    """Whether a falling epsilon has come down to the goal."""
    return epsilon <= goal * _SAME_EPSILON


def epsilon_steps(start: float, goal: float, largest_step: float) -> list[float]:
    """Epsilons from start (exclusive) down to the goal, in equal factors of at most ``largest_step``."""
    if has_reached(start, goal):
        return []
    count = int(np.ceil(np.log(start / goal) / np.log(largest_step) - 1e-9))
    return [*(start * (goal / start) ** (k / count) for k in range(1, count)), goal]


def sampled_mean_cost(problem: Problem) -> float:
    """Mean cost between at most 32 sources, spread evenly, and all targets: for the choice of the first epsilon."""
    return mean_pair_cost(problem.row_sample)
