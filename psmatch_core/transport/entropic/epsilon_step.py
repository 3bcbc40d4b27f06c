"""From a solved epsilon to a neighbouring one, for a person at a slider: no pass over all pairs where none is due.

A *wide* support, found once, reaches far beyond what any one epsilon needs. A step narrows it to what the new epsilon
needs, iterates there, and certifies on the wide support: what even that leaves out is bounded by the sum known from
when it was found (see ``Support.leakage``). Only where that bound is too weak is a full pass made.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.transport.cancellation import Stopped
from psmatch_core.transport.entropic import finish, fixed_epsilon
from psmatch_core.transport.entropic.finish import Outcome
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Run

# Entries of the wide support hold more than e^−this of their row or column: room for epsilon to double or halve.
_WIDE = 24.0
# One wide support may take this share of the memory budget.
_SHARE = 0.5
_DENSEST = 0.3
_LARGEST_FACTOR = 2.5  # past this factor between two epsilons the steps of a solve are better


def widen(problem: Problem, f: Array, g: Array, epsilon: float, run: Run) -> Support | None:
    """The wide support of a solved problem; None where the plan is too dense for it."""
    for theta in (_WIDE, 0.75 * _WIDE):
        share = full_pass.density(problem, f, g, epsilon, theta)
        n_entries = int(1.2 * share * problem.geometry.n_pairs)
        if share < _DENSEST and n_entries * fixed_epsilon.ENTRY_BYTES < _SHARE * run.memory_budget:
            limit = int(run.memory_budget * _SHARE) // fixed_epsilon.ENTRY_BYTES
            return full_pass.find_support(problem, f, g, epsilon, theta, run, exact=False, limit=2 * limit)
    return None


def slide(
    problem: Problem,
    state: State,
    wide: Support | None,
    epsilon: float,
    tolerance: float,
    max_iterations: int,
    run: Run,
    schedule: Schedule,
) -> Outcome:
    """The solution at epsilon from the state's; through the wide support where that is near enough."""
    factor = max(state.epsilon / epsilon, epsilon / state.epsilon)
    if wide is not None and factor <= _LARGEST_FACTOR and tolerance >= 5e-5:
        begun = State(state.f, state.g, epsilon)
        try:
            outcome = _within(problem, begun, wide, tolerance, max_iterations, run)
        except Stopped:
            return Outcome(begun.f, begun.g, np.inf, np.inf, np.inf, None, "sparse", "stopped")
        if outcome is not None:
            return outcome
    return finish.finish(problem, state, epsilon, tolerance, max_iterations, run, schedule)


def _within(
    problem: Problem, state: State, wide: Support, tolerance: float, max_iterations: int, run: Run
) -> Outcome | None:
    """Iterate on narrowed supports; None where the wide one cannot certify the tolerance."""
    theta = fixed_epsilon.threshold(tolerance)
    epsilon = state.epsilon
    state.f, state.g = wide.balanced(problem, state.f, state.g, epsilon)
    for _ in range(4):
        narrow = wide.narrowed(problem, state.f, state.g, epsilon, theta)
        fixed_epsilon.settle_sparse(problem, state, narrow, 0.3 * tolerance, max_iterations, run)
        leaked = wide.leakage(problem, state.f, state.g, epsilon)
        if 2 * leaked.sum() > 0.5 * tolerance:
            return None
        reaching = replace(wide, dropped=leaked)
        row, column, _ = fixed_epsilon.certify(problem, reaching, state.f, state.g, epsilon)
        if row + column <= tolerance:
            kept = wide.narrowed(problem, state.f, state.g, epsilon, theta)
            held = np.empty(problem.a.size), np.empty(problem.b.size)
            every = np.empty(problem.a.size), np.empty(problem.b.size)
            for support, sums in ((kept, held), (wide, every)):
                values = support.values(problem, state.f, state.g, epsilon)
                in_memory.sparse_marginals(support.indptr, support.unsigned, values, *sums)
            kept = replace(kept, dropped=leaked + np.maximum(every[0] - held[0], 0))
            return Outcome(state.f, state.g, row, column, float(kept.dropped.sum()), kept, "sparse, slid", "converged")
        if run.tally.iterations >= max_iterations:
            return None
    return None
