"""The last part of a solve, with all cells: down to the requested epsilon, and a certificate over all pairs."""

from __future__ import annotations

from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import all_pairs, fixed_epsilon, repair
from psmatch_core.transport.entropic.measure import MEASURED_PAIRS, measure
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.entropic.schedule import epsilon_steps
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.problem import Problem
from psmatch_core.transport.status import SolvePath, SolveStatus

_NEARLY_RIGHT = 0.2  # L1 error up to which a fresh support only misses entries just below its threshold
_WIDENED = 3.0  # added to theta if a support could not carry the marginals
_MOST_DROPPED = 0.35  # of the tolerance, on each side: what iterations leave comes on top
_ATTEMPTS = 10  # supports found at the last epsilon before all pairs are used
_INTERMEDIATE_PASSES = 150


def finish(problem: Problem, state: SolveState, epsilon: float, context: SolveContext) -> SolveOutcome:
    """From potentials near the solution at the epsilon of the state to the certified solution at ``epsilon``."""
    schedule = context.options.schedule
    rough, extra = schedule.rough_error, schedule.extra_theta
    try:
        steps = epsilon_steps(state.epsilon, epsilon, schedule.largest_step)
        if steps and not state.is_solved:
            fixed_epsilon.iterate_roughly(problem, state, context, tolerance=rough, extra_theta=extra)
        for step in steps[:-1]:
            if context.is_exhausted:
                break
            context.monitor.start_stage(0.7, f"epsilon {step:.3g}")
            state.epsilon = step
            if not _iterate_on_narrowed(problem, state, context, schedule.theta, rough):
                fixed_epsilon.iterate_roughly(problem, state, context, tolerance=rough, extra_theta=extra)
        state.epsilon = epsilon
        context.monitor.start_stage(0.8, f"epsilon {epsilon:.3g}")
        outcome = _iterate_and_certify(problem, state, context)
        return outcome if context.is_rough else measure(problem, outcome, epsilon, context)
    except StopRequested:
        return SolveOutcome.stopped(state.f, state.g)


def _iterate_on_narrowed(
    problem: Problem, state: SolveState, context: SolveContext, theta: float, tolerance: float
) -> bool:
    """Iterate at a lower epsilon on the part of the last support that matters there; False if that fails.

    A support found at a larger epsilon reaches further than the smaller one needs, so that no pass over all pairs is
    necessary. The certificate will find what it misses.
    """
    if state.support is None:
        return False
    support = state.support.narrow(problem, state.potentials, theta)
    support = repair.fill_empty(problem, state, support, context, theta=theta)
    return fixed_epsilon.iterate_sparse(
        problem, state, support, context, tolerance=tolerance, max_passes=_INTERMEDIATE_PASSES
    )[0]


def _iterate_and_certify(problem: Problem, state: SolveState, context: SolveContext) -> SolveOutcome:
    """At the last epsilon: iterate, certify with a pass over all pairs, and repeat if the error is too large."""
    options = context.options
    tolerance, sparse_below = options.tolerance, options.schedule.sparse_below
    theta = fixed_epsilon.support_theta(tolerance)
    inner = fixed_epsilon.SHARE_FOR_KERNEL * tolerance
    if context.is_exhausted:
        return SolveOutcome.unfinished(state.f, state.g)
    if state.support is not None and full_pass.density(problem, state.potentials, theta) < sparse_below:
        # roughly first: better potentials need fewer entries, and most iterations then run on those
        for aim in (options.schedule.rough_error, inner):
            if not _iterate_on_narrowed(problem, state, context, theta, aim):
                theta += _WIDENED
    theta = _wide_enough(problem, state, theta, tolerance, sparse_below)
    outcome: SolveOutcome | None = None
    for attempt in range(_ATTEMPTS):
        if full_pass.density(problem, state.potentials, theta) >= sparse_below:
            break
        support = full_pass.find_support(
            problem,
            state.potentials,
            theta,
            context,
            exact=fixed_epsilon.needs_double(tolerance),
            limit=fixed_epsilon.largest_support(options),
        )
        if support is None:
            break
        row, column, dropped = fixed_epsilon.certify(problem, support, state.potentials)
        status = SolveStatus.from_error(row + column, tolerance)
        outcome = SolveOutcome(state.f, state.g, row, column, dropped, support, SolvePath.SPARSE, status)
        left = context.iterations_left
        if status == SolveStatus.CONVERGED or context.is_exhausted:
            return outcome
        context.monitor.start_stage(0.8 + 0.02 * attempt, f"marginal error {row + column:.1e}")
        support = repair.fill_empty(problem, state, support, context, theta=theta)
        if row + column < _NEARLY_RIGHT:
            theta += fixed_epsilon.widening(dropped, tolerance)
        if not fixed_epsilon.iterate_sparse(problem, state, support, context, tolerance=inner, max_passes=left)[0]:
            theta += _WIDENED
        elif context.is_rough:
            return SolveOutcome.unfinished(state.f, state.g)
    else:
        assert outcome is not None
        if 4 * problem.geometry.n_pairs > options.memory_budget:
            return outcome
        # no support carries these marginals after several attempts; all pairs do
        all_pairs.balance_in_logarithms(problem, state, context)
    return _iterate_on_all_pairs(problem, state, context)


def _wide_enough(problem: Problem, state: SolveState, theta: float, tolerance: float, sparse_below: float) -> float:
    """Theta at which a support can be certified, judging by a few rows: of many cells, too much lies outside at first.

    A support that is too narrow would be found out by a pass over all pairs, and another one would follow.
    """
    dropped = full_pass.dropped_mass(problem, state.potentials, theta)
    if dropped <= _MOST_DROPPED * tolerance:
        return theta
    wider = theta + min(fixed_epsilon.widening(dropped, tolerance), _WIDENED)
    return wider if full_pass.density(problem, state.potentials, wider) < sparse_below else theta


def _iterate_on_all_pairs(problem: Problem, state: SolveState, context: SolveContext) -> SolveOutcome:
    """The same if the plan is not sparse; iterations over all pairs are their own certificate."""
    if context.is_exhausted:
        return SolveOutcome.unfinished(state.f, state.g)
    tolerance = context.options.tolerance
    is_measured = problem.geometry.n_pairs <= MEASURED_PAIRS
    allowed, slack = fixed_epsilon.allowed_rounding(problem, state.epsilon, tolerance, is_measured=is_measured)
    aim = 0.8 * (tolerance - slack)
    sample = all_pairs.solve_on_rows(problem, state, context)
    left = context.iterations_left
    if fixed_epsilon.fits_dense(problem, context.options, allowed):
        all_pairs.iterate_dense(problem, state, context, tolerance=aim, max_passes=left, allowed=allowed, sample=sample)
        path = SolvePath.DENSE
    else:
        all_pairs.iterate_matrix_free(
            problem, state, context, tolerance=aim, max_passes=left, allowed=allowed, sample=sample
        )
        path = SolvePath.MATRIX_FREE
    error = state.error + slack
    status = SolveStatus.from_error(error, tolerance)
    return SolveOutcome(state.f, state.g, slack / 2, error - slack / 2, 0.0, None, path, status)
