"""A sample of the sources with all targets: a cheap Hessian and a start for plans too large to be read often.

The semi-dual is a mean over the sources. A mean over every eighth of them has nearly the same Hessian, at an eighth of
the price. So Newton's directions come from the sample, and passes over all pairs only show what is still wrong. Each
such step divides the error by about six at epsilon = 0.05 × mean cost, where a Sinkhorn iteration divides it by two.

The idea of subsampled Newton: Roosta-Khorasani & Mahoney, Math. Program. 174 (2019). There the gradient can be sampled
too; here it never is, so that the solution is that of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import iteration
from psmatch_core.transport.entropic.anderson import AndersonMixing
from psmatch_core.transport.kernels import in_memory
from psmatch_core.transport.problem import Positions, Problem

ONE_IN = 8  # sources
_FEWEST_PAIRS = 20_000_000  # below, the kernel of all pairs lies in the processor's cache and passes cost little
_FEWEST_ROWS = 256
_MEMORY_SHARE = 0.5  # of the memory budget
# A direction from a sample is right to about a tenth, so that more digits of it mean nothing.
_FORCING = 0.1
_MOST_PASSES = 12
_LONGEST_STEP = 4.0
RESERVE = 16  # passes that one step may take
MOST_LEFT = 0.7  # share of the error left by a step, above which steps by the sample end


def sampled_rows(problem: Problem, budget: int) -> Positions | None:
    """Sources spread evenly over the order of the cells, ``(n_rows,)``.

    None if the problem is too small to gain from a sample, or if its kernel does not fit the budget, bytes. Cells that
    are close together are neighbours in the order, so that each region has its share.
    """
    n, m = problem.shape
    step = max(ONE_IN, int(np.ceil(4 * n * m / (_MEMORY_SHARE * budget))))
    rows = np.arange(step // 2, n, step)
    return rows if n * m >= _FEWEST_PAIRS and rows.size >= _FEWEST_ROWS else None


@dataclass(frozen=True, eq=False)
class RowSample:
    """A solved problem between some sources and all targets.

    Parameters
    ----------
    problem
        The sampled sources with their weights, which sum to one, and all targets.
    matrix
        Its kernel, ``(n_rows, ≥ m)``.
    u, v
        Scalings of rows ``(n_rows,)`` and columns ``(m,)`` that turn it into a plan.
    columns
        Column sums of this plan, ``(m,)``.
    """

    problem: Problem
    matrix: Floats
    u: Array
    v: Array
    columns: Array

    @classmethod
    def at(cls, problem: Problem, matrix: Floats, v: Array, context: SolveContext) -> RowSample:
        """The sample at given column scalings, by one pass."""
        sums, u, columns = np.empty(problem.a.size), np.empty(problem.a.size), np.empty(v.size)
        in_memory.run_pass((matrix,), v, problem.a, -1.0, sums, u, columns)
        context.counts.iterations += 1
        return cls(problem, matrix, u, v, v * columns)

    def direction(self, residual: Array, context: SolveContext) -> Array:
        """What to add to g / epsilon so that the column sums change by ``residual``, ``(m,)`` each."""
        found, passes = iteration.newton_direction(
            (self.matrix,), self.problem.a, self.problem.b, self.v, self.u, self.columns, residual.copy(), _FORCING,
            min(_MOST_PASSES, max(1, context.iterations_left)),
        )  # fmt: skip
        context.counts.iterations += passes
        return np.clip(found, -_LONGEST_STEP, _LONGEST_STEP)


def step_by_sample(
    b: Array,
    sums_at: Callable[[Array], tuple[Array, Array]],
    sample: RowSample,
    context: SolveContext,
    *,
    tolerance: float,
    most: int,
) -> tuple[Array, Array | None, float]:
    """Steps with the sample's Hessian as long as each reduces the error well.

    Parameters
    ----------
    b
        Column sums to reach, ``(m,)``.
    sums_at
        One pass over all pairs: the row sums ``(n,)`` where columns are scaled by exp of its argument ``(m,)``, and the
        column sums ``(m,)`` after rows are corrected.
    most
        Most passes, those over the sample included; at least ``RESERVE``.

    Returns the logarithms of the column scalings, the row sums, and the L1 error of the column sums of the best
    iterate; the error is infinite if the start overflows.
    """
    logs = np.zeros(b.size)
    best: tuple[Array, Array | None, float] = logs, None, np.inf
    mixing = AndersonMixing(b)
    last = context.counts.iterations + most - RESERVE
    while context.counts.iterations <= last:
        sums, columns = sums_at(logs)
        context.counts.iterations += 1
        residual = b - columns
        error = float(np.abs(residual).sum())
        context.monitor.check(min(error, best[2]))
        if not error < best[2]:  # NaN included
            break
        gain, best = error / best[2] if best[2] < np.inf else 0.0, (logs, sums, error)
        if error <= tolerance or gain > MOST_LEFT:
            break
        direction = sample.direction(residual, context)
        logs = mixing.next(logs + direction, direction, error)
    return best
