"""From a solved epsilon to a neighbouring one if the plan is dense: the exponents of all pairs are kept.

Distances and their roots take most of the time of a dense kernel. Kept exponents ``(f + g − C) / epsilon`` at reference
potentials give the plan at any other potentials and epsilon, by one product and one exponential per pair. A sample of
the sources predicts the new potentials: the change between its own two solutions is nearly the change of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import iteration
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.entropic.row_sample import RowSample, sampled_rows, step_by_sample
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import dense_pass, kept_exponents
from psmatch_core.transport.plan import DenseReference
from psmatch_core.transport.problem import Positions, Potentials, Problem
from psmatch_core.transport.status import SolvePath, SolveStatus

_BUDGET_SHARE = 0.5  # of the memory budget, for the exponents
_LARGEST_FACTOR = 2.5  # between two epsilons
_SAMPLE_ERROR = 0.005  # of the sample's two solutions, whose difference is what counts
_SAMPLE_PASSES = 60
_RESERVE = 2 * _SAMPLE_PASSES + 32
# Exponents are below 50 in size where there is mass. Five roundings of them, and seven of their shifts, each 2⁻²⁴.
_ROUNDINGS_OF_MASS, _ROUNDINGS_OF_SHIFTS = 250.0, 8.0
_LOG2E = math.log2(math.e)
_MOST_ROUNDING = 0.2  # of the tolerance


def find_dense_reference(problem: Problem, potentials: Potentials, context: SolveContext) -> DenseReference | None:
    """The exponents of all pairs of a solved problem; None if they do not fit, or the problem is too small to gain."""
    n, m = problem.shape
    budget = context.options.memory_budget
    if 4 * n * m > _BUDGET_SHARE * budget or sampled_rows(problem, budget) is None:
        return None
    return DenseReference(dense_pass.dense_exponents(problem, potentials, context), potentials.copy())


@dataclass(frozen=True, eq=False)
class _Shifted:
    """The plan at other potentials and another epsilon, as kept exponents give it: powers of two of the exponents."""

    kept: Floats
    ratio: np.float32
    rows: NDArray[np.float32]
    columns: Array
    a: Array

    @classmethod
    def at(
        cls,
        reference: DenseReference,
        potentials: Potentials,
        problem: Problem,
        *,
        rows: Positions | slice,
        kept: Floats,
    ) -> _Shifted:
        start, epsilon = reference.potentials, potentials.epsilon
        ratio = start.epsilon / epsilon
        shifts = (potentials.f / epsilon - start.f[rows] / epsilon) + problem.log_a
        columns = (potentials.g - start.g) / epsilon + problem.log_b
        return cls(kept, np.float32(_LOG2E * ratio), (_LOG2E * shifts).astype(np.float32), _LOG2E * columns, problem.a)

    def reach(self) -> float:
        """Largest shift of an exponent, to base e."""
        return float(np.abs(self.rows).max() + np.abs(self.columns).max()) / _LOG2E

    def sums(self, logs: Array) -> tuple[Array, Array]:
        """Row sums after columns are scaled by exp(logs), and the column sums after rows are corrected."""
        sums, out = np.empty(self.a.size), np.empty(self.columns.size)
        columns = (self.columns + _LOG2E * logs).astype(np.float32)
        kept_exponents.exponents_pass(self.kept, self.ratio, self.rows, columns, self.a, sums, out)
        return sums, out

    def matrix(self) -> Floats:
        """The kernel."""
        out = np.empty_like(self.kept)
        kept_exponents.exponents_to_kernel(self.kept, self.ratio, self.rows, self.columns.astype(np.float32), out)
        return out


def step_dense(
    problem: Problem, state: SolveState, epsilon: float, context: SolveContext, *, reference: DenseReference
) -> SolveOutcome | None:
    """The solution at ``epsilon`` from that of the state; None if the kept exponents cannot give it."""
    rows = sampled_rows(problem, context.options.memory_budget)
    factor = max(reference.potentials.epsilon / epsilon, epsilon / reference.potentials.epsilon)
    if rows is None or factor > _LARGEST_FACTOR or context.iterations_left < _RESERVE:
        return None
    some = problem.select_rows(rows)
    some = Problem(some.geometry, some.a / some.a.sum(), some.b)
    kept = np.ascontiguousarray(reference.exponents[rows])
    f, g = state.f[rows], state.g
    own = reference.sampled.get(state.epsilon)
    if own is None:
        own = _solve_sample(reference, Potentials(f, g, state.epsilon), some, rows, kept, context)[1]
    sample, moved = _solve_sample(reference, Potentials(f, own, epsilon), some, rows, kept, context)
    reference.remember(state.epsilon, own)
    reference.remember(epsilon, moved)
    predicted = Potentials(state.f, g + moved - own, epsilon)
    plan = _Shifted.at(reference, predicted, problem, rows=slice(None), kept=reference.exponents)
    tolerance = context.options.tolerance
    entries = (_ROUNDINGS_OF_MASS + _ROUNDINGS_OF_SHIFTS * plan.reach()) * 2.0**-24
    slack = 2 * (entries + problem.geometry.rounding_bound(epsilon, np.dtype(np.float64)))
    if not slack <= _MOST_ROUNDING * tolerance:
        return None
    aim = 0.8 * (tolerance - slack)
    logs, sums, error = step_by_sample(
        problem.b, plan.sums, sample, context, tolerance=aim, most=context.iterations_left
    )
    if sums is None or not error <= aim:
        return None
    found = predicted.f + epsilon * np.log(problem.a / sums)
    return SolveOutcome(
        f=found,
        g=predicted.g + epsilon * logs,
        row_error=slack / 2,
        column_error=error + slack / 2,
        dropped=0.0,
        support=None,
        path=SolvePath.DENSE_STEP,
        status=SolveStatus.from_error(error + slack, tolerance),
    )


def _solve_sample(
    reference: DenseReference, start: Potentials, some: Problem, rows: Positions, kept: Floats, context: SolveContext
) -> tuple[RowSample, Array]:
    """The sample's solution from given potentials, and its g, units of cost."""
    matrix = _Shifted.at(reference, start, some, rows=rows, kept=kept).matrix()
    v, _u, _, passes, _ = iteration.newton(
        (matrix,), some.a, some.b, np.ones(some.b.size), _SAMPLE_ERROR, _SAMPLE_PASSES, _SAMPLE_PASSES, 1, 0
    )
    context.counts.iterations += passes
    context.monitor.check()
    sample = RowSample.at(some, matrix, v, context)
    return sample, start.g + start.epsilon * np.log(np.maximum(v, 1e-280))
