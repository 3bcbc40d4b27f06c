"""Iterations at one epsilon until the marginals are right, and the certificate.

The plan is held sparse if few entries matter, dense if many do and memory allows it, and otherwise not at all.
"""

from __future__ import annotations

import numpy as np

from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import iteration, repair
from psmatch_core.transport.entropic.all_pairs import iterate_dense, iterate_matrix_free
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import SolveOptions
from psmatch_core.transport.problem import Potentials, Problem

SHARE_FOR_KERNEL = 0.3  # of the tolerance: the error to which a kernel is iterated before the certificate
# Bytes of a sparse entry while a support is built: index, reduced cost, value, and copies.
ENTRY_BYTES = 20
# Entries visited in one compiled call, about 0.2 s, between two checks whether the caller wants to stop.
_VISITS_SPARSE = 100_000_000
# Relative error of a support entry, in units of the rounding of its type: exponents stay below about 30 there.
_VALUE_ROUNDING = 16.0
# What storing a dense kernel in float32, and sums of 64 of its entries in float32, add to the error of the marginals.
_SINGLE_SUMS = 1e-5
# A support is given up if its error is still this large after this many passes.
_PATIENCE = 90
_HOPELESS = 5e-3
# Ratio of successive errors above which a call with several passes has made no progress.
_STANDSTILL = 0.9999
_REPAIRS = 3
_EXACT_BELOW = 5e-5  # tolerance below which reduced costs need float64
_RELEVANT = float(np.exp(-7.0))  # share of its row above which an entry counts as relevant


def support_theta(tolerance: float) -> float:
    """Theta of a support whose complement holds well less mass than the tolerance.

    Entries are left out by their share of their row. As n grows, their number per row grows and their share falls at
    the same rate; measured at a tolerance of 1e-3, a tenth of it is lost at n = 2,000 and a fifth at n = 10,000. If
    more is lost, the certificate shows it and theta grows.
    """
    return float(np.log(1 / tolerance) + 4.0)


def widening(dropped: float, tolerance: float) -> float:
    """What theta must gain for the dropped mass to fit the tolerance; 0 if it does."""
    return float(np.log(2 * dropped / (0.2 * tolerance))) if 2 * dropped > 0.4 * tolerance else 0.0


def needs_double(tolerance: float) -> bool:
    """Whether a support needs reduced costs in float64."""
    return tolerance < _EXACT_BELOW


def largest_support(options: SolveOptions) -> int:
    """Number of entries that fit the memory budget."""
    return options.memory_budget // ENTRY_BYTES


def allowed_rounding(
    problem: Problem, epsilon: float, tolerance: float, *, is_measured: bool = False
) -> tuple[float, float]:
    """(relative error allowed for the entries of a dense kernel, the error that they then add to the marginals).

    It may be three times as large where the plan will be measured in float64 at the end: the kernel only leads there.
    """
    allowed = (0.15 if is_measured else 0.05) * tolerance
    if full_pass.precision(problem, epsilon, allowed) == np.float32:
        return allowed, 2 * problem.geometry.rounding_bound(epsilon) + _SINGLE_SUMS
    # computed in float64, rounded when it is stored in float32
    double = 2 * problem.geometry.rounding_bound(epsilon, np.dtype(np.float64))
    return allowed, double + (_SINGLE_SUMS if allowed >= 1e-6 else 1e-12)


def fits_dense(problem: Problem, options: SolveOptions, allowed: float) -> bool:
    """Whether the dense kernel fits the memory budget."""
    n, m = problem.shape
    return n * m * (8 if allowed < 1e-6 else 4) <= options.memory_budget


def iterate_sparse(
    problem: Problem,
    state: SolveState,
    support: Support,
    context: SolveContext,
    *,
    tolerance: float,
    max_passes: int,
) -> tuple[bool, Support]:
    """Newton iterations on a support until the column error is within tolerance, and the support they ended on.

    A support that cannot carry the marginals is repaired if few cells cause it. False if it still cannot. Nothing
    happens if no iterations are left.
    """
    first = context.counts.iterations
    for n_repairs in range(_REPAIRS + 1):
        left = min(max_passes - (context.counts.iterations - first), context.iterations_left) - 1
        if left < 1:
            return True, support
        start = support.log_sinkhorn(problem, state.potentials)
        context.counts.iterations += 1
        state.f, state.g = start.f, start.g
        if iterate_on_support(problem, state, support, context, tolerance=tolerance, max_passes=left):
            return True, support
        repaired = repair.reconnect(problem, state, support, context) if n_repairs < _REPAIRS else None
        if repaired is None:
            break
        support = repaired
    # Undo the excess of the steps. They point in the right direction, towards entries left out, but have no end; and
    # beyond about theta those entries would hold all the mass.
    furthest = 0.7 * support.theta * state.epsilon
    state.f = start.f + np.clip(state.f - start.f, -furthest, furthest)
    state.g = start.g + np.clip(state.g - start.g, -furthest, furthest)
    return False, support


def iterate_on_support(
    problem: Problem,
    state: SolveState,
    support: Support,
    context: SolveContext,
    *,
    tolerance: float,
    max_passes: int,
) -> bool:
    """Newton iterations on a support as it is until the column error is within tolerance; rows are then exact.

    False if it gave up because the support cannot carry the marginals: the steps grow without gain, or the error
    stands still. The potentials have then moved, too far, towards those for which a fresh support will carry them. It
    also gives up if the error is still large after ``_PATIENCE`` passes, since a wrong support is then more likely
    than a hard problem, and if numbers overflow. It takes at most ``max_passes``, which is at least 1.
    """
    last = np.inf
    used, n_sinkhorn, n_stalled = 0, 1, 0
    segment = min(_PATIENCE, max(6, _VISITS_SPARSE // max(support.n_entries, 1)))
    while True:
        kernel = (support.indptr, support.unsigned, support.values(problem, state.potentials))
        v, u, error, passes, n_stalled = iteration.newton(
            kernel, problem.a, problem.b, np.ones(problem.b.size), tolerance, segment, max_passes - used,
            n_sinkhorn, n_stalled,
        )  # fmt: skip
        n_sinkhorn = 0
        used += passes
        context.counts.iterations += passes
        if not np.isfinite(error):
            return False
        state.scale(u, v)
        state.error = float(error)
        context.monitor.check(state.error)
        gave_up = n_stalled >= iteration.MOST_STALLED or tolerance < error >= _STANDSTILL * last
        last = float(error)
        if gave_up or (used >= _PATIENCE and error > _HOPELESS):
            return False
        if error <= tolerance or used >= max_passes:
            return True


def iterate_roughly(
    problem: Problem, state: SolveState, context: SolveContext, *, tolerance: float, extra_theta: float = 0.0
) -> float:
    """Iterate at the epsilon of the state to a rough tolerance; returns the number of relevant entries per row.

    Parameters
    ----------
    extra_theta
        Added to theta if smaller epsilons are to be solved on parts of the support.

    Where no iterations are left, nothing happens and no entry counts as relevant.
    """
    state.support = None
    if context.is_exhausted:
        return 0.0
    n, m = problem.shape
    schedule, limit = context.options.schedule, largest_support(context.options)
    theta = schedule.theta + extra_theta
    share = full_pass.density(problem, state.potentials, theta)
    if extra_theta and (share >= schedule.sparse_below or share * n * m > 0.7 * limit):
        theta = schedule.theta
        share = full_pass.density(problem, state.potentials, theta)
    for _ in range(4 if share < schedule.sparse_below else 0):
        support = full_pass.find_support(
            problem, state.potentials, theta, context, exact=False, limit=limit, bounded=False
        )
        if support is None:
            break
        support = repair.fill_empty(problem, state, support, context, theta=theta)
        _, support = iterate_sparse(problem, state, support, context, tolerance=tolerance, max_passes=100)
        state.support = support
        if state.error <= tolerance or context.is_exhausted:
            return in_memory.count_above(support.values(problem, state.potentials), _RELEVANT / n) / n
    if n * m * 4 <= context.options.memory_budget:
        matrix, u, v = iterate_dense(problem, state, context, tolerance=tolerance, max_passes=100, allowed=0.01)
        return in_memory.count_scaled_above(matrix, u, v, _RELEVANT / n) / n
    iterate_matrix_free(problem, state, context, tolerance=tolerance, max_passes=30, allowed=0.01)
    return share * m


def certify(problem: Problem, support: Support, potentials: Potentials) -> tuple[float, float, float]:
    """Upper bounds (row error, column error, dropped mass) of the full plan, from a support found at the potentials.

    The plan is the support plus the dropped entries, so that its row sums are off by at most |support − a| + dropped,
    and its column sums likewise.
    """
    rows, columns = support.marginals(problem, potentials)
    dropped = float(support.dropped.sum())
    per_mass = _VALUE_ROUNDING * float(np.finfo(support.reduced.dtype).eps)
    rounding = float(rows.sum()) * (per_mass + full_pass.rounding_error(problem, potentials, 0.0))
    return (
        float(np.abs(rows - problem.a).sum()) + dropped + rounding,
        float(np.abs(columns - problem.b).sum()) + dropped + rounding,
        dropped,
    )
