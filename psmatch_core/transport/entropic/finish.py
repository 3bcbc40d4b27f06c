"""The last stretch, with all cells: down to the epsilon asked for, and a certificate over all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.transport.cancellation import Stopped
from psmatch_core.transport.entropic import fixed_epsilon, repair
from psmatch_core.transport.entropic.schedule import Schedule, descent
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Run

_FAR_OFF = 0.2  # L1 error of a fresh support up to which it is taken for nearly the right one
_WIDENED = 3.0  # added to theta where a support could not carry the marginals
_ATTEMPTS = 10  # supports found at the last epsilon before the plan is taken for not sparse


@dataclass(frozen=True, eq=False)
class Outcome:
    """Where a solve ended: potentials, certificate, support if the plan is sparse, and why it ended there."""

    f: Array
    g: Array
    row_error: float
    column_error: float
    dropped: float
    support: Support | None
    path: str
    status: str


def finish(
    problem: Problem,
    state: State,
    epsilon: float,
    tolerance: float,
    max_iterations: int,
    run: Run,
    schedule: Schedule,
) -> Outcome:
    """From potentials near the solution at the state's epsilon to the certified solution at epsilon."""
    try:
        steps = descent(state.epsilon, epsilon, schedule.step)
        if steps and not state.settled:
            fixed_epsilon.settle_on_the_way(problem, state, schedule.rough, run, schedule, schedule.further)
        for step in steps[:-1]:
            run.watch.stage(0.7, f"epsilon {step:.3g}")
            state.epsilon = step
            if not _settle_on_narrowed(problem, state, schedule.theta, schedule.rough, run):
                fixed_epsilon.settle_on_the_way(problem, state, schedule.rough, run, schedule, schedule.further)
        state.epsilon = epsilon
        run.watch.stage(0.8, f"epsilon {epsilon:.3g}")
        return _certified(problem, state, tolerance, max_iterations, run, schedule)
    except Stopped:
        return Outcome(state.f, state.g, np.inf, np.inf, np.inf, None, state.path, "stopped")


def _settle_on_narrowed(problem: Problem, state: State, theta: float, tolerance: float, run: Run) -> bool:
    """Settle at a lower epsilon on the part of the last support that matters there; False if it cannot.

    A support found at a larger epsilon reaches further than the smaller one needs, so no pass over all pairs is due;
    what it missed, the certificate will find.
    """
    if state.support is None:
        return False
    support = state.support.narrowed(problem, state.f, state.g, state.epsilon, theta)
    support = repair.complete(problem, state, support, state.epsilon, theta, run)
    return fixed_epsilon.settle_sparse(problem, state, support, tolerance, 150, run)[0]


def _certified(
    problem: Problem, state: State, tolerance: float, max_iterations: int, run: Run, schedule: Schedule
) -> Outcome:
    """The last epsilon: iterate, certify by a pass over all pairs, and again where that finds too much."""
    theta = fixed_epsilon.threshold(tolerance)
    exact = tolerance < 5e-5
    inner = 0.3 * tolerance
    share = full_pass.density(problem, state.f, state.g, state.epsilon, theta)
    if state.support is not None and share < schedule.sparse_under:
        # roughly first: with better potentials fewer entries matter, and most iterations run on those
        for aim in (schedule.rough, inner):
            if not _settle_on_narrowed(problem, state, theta, aim, run):
                theta += _WIDENED
    limit = run.memory_budget // fixed_epsilon.ENTRY_BYTES
    outcome: Outcome | None = None
    for attempt in range(_ATTEMPTS):
        share = full_pass.density(problem, state.f, state.g, state.epsilon, theta)
        if share >= schedule.sparse_under:
            break
        support = full_pass.find_support(problem, state.f, state.g, state.epsilon, theta, run, exact=exact, limit=limit)
        if support is None:
            break
        row, column, dropped = fixed_epsilon.certify(problem, support, state.f, state.g, state.epsilon)
        status = "converged" if row + column <= tolerance else "not converged"
        outcome = Outcome(state.f, state.g, row, column, dropped, support, "sparse", status)
        left = max_iterations - run.tally.iterations
        if status == "converged" or left <= 0:
            return outcome
        run.watch.stage(0.8 + 0.02 * attempt, f"marginal error {row + column:.1e}")
        support = repair.complete(problem, state, support, state.epsilon, theta, run)
        if 2 * dropped > 0.4 * tolerance and row + column < _FAR_OFF:
            theta += float(np.log(2 * dropped / (0.2 * tolerance)))
        carries, _ = fixed_epsilon.settle_sparse(problem, state, support, inner, left, run)
        if not carries:
            theta += _WIDENED
    else:
        assert outcome is not None
        if 4 * problem.geometry.n_pairs > run.memory_budget:
            return outcome
        # no truncation carries these marginals in a few attempts; all pairs do
        state.f = full_pass.soft_transform(problem, state.g, state.epsilon, run)
        state.g = full_pass.soft_transform(problem.transposed, state.f, state.epsilon, run)
    return _certified_dense(problem, state, tolerance, max_iterations, run)


def _certified_dense(problem: Problem, state: State, tolerance: float, max_iterations: int, run: Run) -> Outcome:
    """The same where the plan is not sparse; the kernel passes cover all pairs, so they certify by themselves."""
    n, m = problem.shape
    left = max(1, max_iterations - run.tally.iterations)
    allowed = 0.05 * tolerance
    single = full_pass.arithmetic(problem, state.epsilon, allowed) == np.float32
    # a kernel worked out in float64 is rounded when stored, unless the tolerance asks for float64 there too
    slack = 2 * problem.geometry.rounding(state.epsilon) if single else (2e-6 if allowed >= 1e-6 else 1e-12)
    inner = 0.8 * (tolerance - slack)
    if n * m * (8 if allowed < 1e-6 else 4) <= run.memory_budget:
        fixed_epsilon.settle_dense(problem, state, inner, left, run, allowed)
        path = "dense"
    else:
        fixed_epsilon.settle_unstored(problem, state, inner, left, run, allowed)
        path = "unstored"
    error = state.error + slack
    status = "converged" if error <= tolerance else "not converged"
    return Outcome(state.f, state.g, slack / 2, error - slack / 2, 0.0, None, path, status)
