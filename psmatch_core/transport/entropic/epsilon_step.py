"""From a solved epsilon to a neighbouring one, as for a slider, with passes over all pairs only where necessary.

A *wide* support, found once, reaches far beyond what any single epsilon needs. A step narrows it to what the new
epsilon needs, iterates there, and certifies on the wide support. The mass outside the wide support is bounded by the
sum that was known when it was found (``Support.leakage``). A full pass is made only if that bound is too weak.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import fixed_epsilon
from psmatch_core.transport.entropic.anneal import anneal
from psmatch_core.transport.entropic.dense_step import step_dense
from psmatch_core.transport.entropic.finish import finish
from psmatch_core.transport.entropic.measure import measure
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.plan import DenseReference
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.status import SolvePath, SolveStatus

# Entries of the wide support hold more than e^−this of their row or column: room for epsilon to double or halve.
_WIDE_THETA = 24.0
_BUDGET_SHARE = 0.5  # of the memory budget, for one wide support
_DENSEST = 0.3
_LARGEST_FACTOR = 2.5  # for a larger factor between two epsilons, the steps of a solve are faster
_ATTEMPTS = 4
_MEASURED_PAIRS = 250_000  # pairs up to which a step is measured: half a millisecond


def find_wide_support(problem: Problem, potentials: Potentials, context: SolveContext) -> Support | None:
    """The wide support of a solved problem; None if the plan is too dense for it."""
    largest = int(context.options.memory_budget * _BUDGET_SHARE) // fixed_epsilon.ENTRY_BYTES
    for theta in (_WIDE_THETA, 0.75 * _WIDE_THETA):
        share = full_pass.density(problem, potentials, theta)
        n_entries = int(1.2 * share * problem.geometry.n_pairs)
        if share < _DENSEST and n_entries * fixed_epsilon.ENTRY_BYTES < _BUDGET_SHARE * context.options.memory_budget:
            return full_pass.find_support(problem, potentials, theta, context, exact=False, limit=2 * largest)
    return None


def step_epsilon(
    problem: Problem,
    state: SolveState,
    epsilon: float,
    context: SolveContext,
    *,
    wide: Support | None,
    dense: DenseReference | None = None,
) -> SolveOutcome:
    """The solution at ``epsilon`` from that of the state; on what is kept, if the step is small enough."""
    geometry = problem.geometry
    if geometry.scale == 0 or not (geometry.is_resolved(state.epsilon) and geometry.is_resolved(epsilon)):
        return anneal(problem, epsilon, context)
    factor = max(state.epsilon / epsilon, epsilon / state.epsilon)
    if wide is not None and factor <= _LARGEST_FACTOR and not fixed_epsilon.needs_double(context.options.tolerance):
        start = SolveState(state.f, state.g, epsilon)
        try:
            outcome = _solve_on(wide, problem, start, context)
        except StopRequested:
            return SolveOutcome.stopped(start.f, start.g)
        if outcome is not None:
            return outcome
    if dense is not None and state.is_solved:
        try:
            outcome = step_dense(problem, state, epsilon, context, reference=dense)
        except StopRequested:
            return SolveOutcome.stopped(state.f, state.g)
        if outcome is not None:
            return outcome
    return finish(problem, state, epsilon, context)


def _solve_on(wide: Support, problem: Problem, state: SolveState, context: SolveContext) -> SolveOutcome | None:
    """Iterate on narrowed supports; None if the wide one cannot certify the tolerance."""
    tolerance = context.options.tolerance
    theta = fixed_epsilon.support_theta(tolerance)
    start = wide.log_sinkhorn(problem, state.potentials)
    state.f, state.g = start.f, start.g
    inner = fixed_epsilon.SHARE_FOR_KERNEL * tolerance
    for _ in range(_ATTEMPTS):
        narrow = wide.narrow(problem, state.potentials, theta)
        most = context.iterations_left
        fixed_epsilon.iterate_sparse(problem, state, narrow, context, tolerance=inner, max_passes=most)
        leaked = wide.leakage(problem, state.potentials)
        if 2 * leaked.sum() > 0.5 * tolerance:
            return None
        row, column, _ = fixed_epsilon.certify(problem, replace(wide, dropped=leaked), state.potentials)
        if row + column <= tolerance:
            kept = wide.narrow(problem, state.potentials, theta)
            outside_kept = wide.marginals(problem, state.potentials)[0] - kept.marginals(problem, state.potentials)[0]
            kept = replace(kept, dropped=leaked + np.maximum(outside_kept, 0))
            outcome = SolveOutcome(
                f=state.f,
                g=state.g,
                row_error=row,
                column_error=column,
                dropped=float(kept.dropped.sum()),
                support=kept,
                path=SolvePath.SPARSE_STEP,
                status=SolveStatus.CONVERGED,
            )
            return measure(problem, outcome, state.epsilon, context, most_pairs=_MEASURED_PAIRS)
        if context.is_exhausted:
            return None
    return None
