"""Transport with relaxed marginals: cells without a counterpart may send or receive less than their weight.

Minimises ⟨C, P⟩ + epsilon KL(P | a bᵀ) + rho1 KL(P 1 | a) + rho2 KL(Pᵀ 1 | b). At the optimum the row sums are
a exp(−f / rho1) and the column sums b exp(−g / rho2), so that the plan solves a balanced problem with these marginals.
The same supports, kernels and passes serve, and the certificate is the L1 difference from these sums over all pairs.

Source: scaling algorithm: Chizat, Peyré, Schmitzer & Vialard, Math. Comp. 87 (2018), section 3; the best common shift
of the potentials, without which large rho are slow: Séjourné, Vialard & Peyré, AISTATS 2022, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.arrays import Array
from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import fixed_epsilon
from psmatch_core.transport.entropic.anderson import AndersonMixing
from psmatch_core.transport.entropic.anneal import anneal
from psmatch_core.transport.entropic.measure import measure_as_is
from psmatch_core.transport.entropic.outcome import SolveOutcome, to_result
from psmatch_core.transport.kernels import dense_pass, full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions, require_positive
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import prepare_problem

_ROUNDS = 20
_START_TOLERANCE = 0.05  # of the balanced problem whose potentials are the start
_START_SHARE = 0.5  # of the iterations, for that problem
_MOST_PASSES = 2000  # on one kernel
_LARGEST_LOG = 40.0  # of the scalings, at which the kernel is recomputed


@dataclass
class _RelaxedState:
    """A problem, the cost of missing mass, and potentials that the solve improves in place."""

    problem: Problem
    epsilon: float
    rho1: float
    rho2: float
    f: Array
    g: Array

    @property
    def potentials(self) -> Potentials:
        return Potentials(self.f, self.g, self.epsilon)

    @property
    def optimal_row_sums(self) -> Array:
        """The row sums that an optimal plan has at f."""
        return np.asarray(self.problem.a * np.exp(-self.f / self.rho1))

    @property
    def optimal_column_sums(self) -> Array:
        """The column sums that an optimal plan has at g."""
        return np.asarray(self.problem.b * np.exp(-self.g / self.rho2))

    def as_balanced(self) -> tuple[Problem, Potentials]:
        """The balanced problem with the optimal sums as marginals, and its potentials; the plan is the same."""
        problem = Problem(self.problem.geometry, self.optimal_row_sums, self.optimal_column_sums)
        f, g = self.f * (1 + self.epsilon / self.rho1), self.g * (1 + self.epsilon / self.rho2)
        return problem, Potentials(f, g, self.epsilon)

    def best_shift(self) -> Array:
        """Potentials g after the shift f + c, g − c that is best for the dual; the plan does not change."""
        if np.isinf(self.rho1) and np.isinf(self.rho2):
            return self.g
        rows, columns = self.optimal_row_sums.sum(), self.optimal_column_sums.sum()
        return np.asarray(self.g - np.log(rows / columns) / (1 / self.rho1 + 1 / self.rho2))


def solve_unbalanced(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    *,
    rho1: float,
    rho2: float,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    cost: str = "euclidean",
    options: SolveOptions = DEFAULT_OPTIONS,
) -> TransportResult:
    """The plan where cells without a counterpart need not be matched in full.

    Parameters
    ----------
    x, y, epsilon, a, b, cost
        As in :func:`solve`.
    rho1, rho2
        Cost of a missing unit of source and of target mass, units of cost; infinity keeps that marginal.
    options
        As in :func:`solve`; the tolerance applies to the L1 difference between the sums of both sides and
        a exp(−f / rho1) and b exp(−g / rho2), which is 0 at the optimum and only there.

    Raises
    ------
    PsmatchError
        If points, weights, epsilon or a rho are not valid.
    """
    require_positive(epsilon, "epsilon")
    for name, rho in (("rho1", rho1), ("rho2", rho2)):
        if not rho > 0:
            raise PsmatchError(
                f"{name} must be above 0, not {rho!r}.", hint=f"Give a positive {name}, or infinity to keep the sums."
            )
    prepared = prepare_problem(x, y, a=a, b=b, cost=cost, shift_together=True)
    context = SolveContext.start(options)
    unit, inner = prepared.unit, epsilon / prepared.unit
    most = max(1, int(_START_SHARE * options.max_iterations))
    rough = replace(options, tolerance=max(_START_TOLERANCE, options.tolerance), max_iterations=most)
    outcome = anneal(prepared.problem, inner, replace(context, options=rough))
    if outcome.path not in (SolvePath.NONE, SolvePath.UNRESOLVED):
        state = _RelaxedState(prepared.problem, inner, rho1 / unit, rho2 / unit, outcome.f, outcome.g)
        try:
            outcome = _solve(state, context)
        except StopRequested:
            outcome = SolveOutcome.stopped(state.f, state.g)
    return replace(to_result(prepared, outcome, epsilon, context), rho1=rho1, rho2=rho2)


def _solve(state: _RelaxedState, context: SolveContext) -> SolveOutcome:
    """Iterate on a kernel, certify over all pairs, and repeat on the kernel of the new potentials."""
    options, tolerance = context.options, context.options.tolerance
    theta = fixed_epsilon.support_theta(tolerance)
    outcome: SolveOutcome | None = None
    _log_iteration(state, context)
    for number in range(_ROUNDS):
        context.monitor.start_stage(0.6 + 0.02 * number, "relaxed marginals")
        problem, potentials = state.as_balanced()
        support = None
        if full_pass.density(problem, potentials, theta) < options.schedule.sparse_below:
            support = full_pass.find_support(
                problem,
                potentials,
                theta,
                context,
                exact=fixed_epsilon.needs_double(tolerance),
                limit=fixed_epsilon.largest_support(options),
            )
        left = context.iterations_left - 1  # one is kept for all pairs
        if support is None:
            return _solve_on_all_pairs(state, context)
        row, column, dropped = fixed_epsilon.certify(problem, support, potentials)
        status = SolveStatus.from_error(row + column, tolerance)
        kept = _with_potentials(support, state)
        outcome = SolveOutcome(state.f, state.g, row, column, dropped, kept, SolvePath.SPARSE, status)
        if status == SolveStatus.CONVERGED or context.is_exhausted:
            return outcome
        theta += fixed_epsilon.widening(dropped, tolerance)
        kernel = (kept.indptr, kept.unsigned, kept.values(state.problem, state.potentials))
        inner = fixed_epsilon.SHARE_FOR_KERNEL * tolerance
        _iterate(state, kernel, context, tolerance=inner, max_passes=min(left, _MOST_PASSES))
    assert outcome is not None
    return outcome


def _with_potentials(support: Support, state: _RelaxedState) -> Support:
    """A support of the balanced problem at the relaxed potentials: C − f − g = (C − f' − g') + (f' − f) + (g' − g)."""
    reference = support.reference
    rows = np.repeat(reference.f - state.f, np.diff(support.indptr))
    moved = support.reduced + rows + (reference.g - state.g)[support.indices]
    return replace(
        support,
        reference=Potentials(state.f.copy(), state.g.copy(), reference.epsilon),
        reduced=moved.astype(support.reduced.dtype),
    )


def _solve_on_all_pairs(state: _RelaxedState, context: SolveContext) -> SolveOutcome:
    """The same on a dense kernel if memory allows it, otherwise in logarithms without a stored kernel."""
    tolerance = context.options.tolerance
    allowed, slack = fixed_epsilon.allowed_rounding(state.problem, state.epsilon, tolerance)
    slack *= max(1.0, float(state.optimal_row_sums.sum()))
    is_dense = fixed_epsilon.fits_dense(state.problem, context.options, allowed)
    error = np.inf
    while (left := context.iterations_left) > 0 and error > tolerance - slack:
        if is_dense:
            matrix = dense_pass.dense_kernel(state.problem, state.potentials, context, allowed)
            error = _iterate(state, (matrix,), context, tolerance=0.8 * (tolerance - slack), max_passes=left)
        else:
            error = _log_iteration(state, context, tolerance=tolerance - slack, allowed=allowed)
    path = SolvePath.DENSE if is_dense else SolvePath.MATRIX_FREE
    if error + slack <= tolerance:
        row, column, status = slack / 2, error + slack / 2, SolveStatus.CONVERGED
    else:  # the error of the last iteration is that of the potentials before it
        row, column = measure_as_is(*state.as_balanced())
        status = SolveStatus.from_error(row + column, tolerance)
    return SolveOutcome(state.f, state.g, row, column, 0.0, None, path, status)


def _log_iteration(
    state: _RelaxedState, context: SolveContext, *, tolerance: float = 0.0, allowed: float = 0.02
) -> float:
    """One iteration over all pairs in logarithms; returns the error of the columns, and keeps g if that is enough."""
    epsilon = state.epsilon
    state.g = state.best_shift()
    balanced = full_pass.soft_transform(state.problem, state.g, epsilon, context, allowed=allowed)
    state.f = _damp(balanced, state.rho1, epsilon)
    balanced = full_pass.soft_transform(state.problem.transposed, state.f, epsilon, context, allowed=allowed)
    context.counts.iterations += 1
    columns = state.problem.b * np.exp((state.g - balanced) / epsilon)
    error = float(np.abs(columns - state.optimal_column_sums).sum())
    context.monitor.check(error)
    if error > tolerance:
        state.g = _damp(balanced, state.rho2, epsilon)
    return error


def _damp(potentials: Array, rho: float, epsilon: float) -> Array:
    """Potentials of a relaxed marginal from those of a kept one: times rho / (rho + epsilon)."""
    return potentials / (1 + epsilon / rho)


def _iterate(state: _RelaxedState, kernel: Any, context: SolveContext, *, tolerance: float, max_passes: int) -> float:
    """Accelerated scaling iterations on the kernel of the state's potentials; returns the error reached.

    Ends early when the scalings have grown so far that the kernel should be recomputed.
    """
    problem, epsilon = state.problem, state.epsilon
    f0, g0 = state.f, state.g
    power1 = -1 / (1 + epsilon / state.rho1)
    # u = exp((f − f0) / epsilon) with f = (f0 − epsilon log(s / a)) damped: a power of s times this
    factor = problem.a ** (-power1) * np.exp(-(1 + power1) * f0 / epsilon)
    s, u, out = np.empty(f0.size), np.empty(f0.size), np.empty(g0.size)
    mixing = AndersonMixing(problem.b)
    error = np.inf
    for _ in range(max_passes):
        v = np.exp((state.g - g0) / epsilon)
        in_memory.run_pass(kernel, v, factor, power1, s, u, out)
        context.counts.iterations += 1
        state.f = f0 + epsilon * np.log(np.maximum(u, 1e-280))
        error = float(np.abs(v * out - state.optimal_column_sums).sum())
        context.monitor.check(error)
        if error <= tolerance:
            break
        shift = state.best_shift() - state.g
        balanced = g0 - epsilon * np.log(np.maximum(out, 1e-280) / problem.b) + shift
        image = _damp(balanced, state.rho2, epsilon)
        mixed = mixing.next(image, image - state.g, error)
        if np.abs((mixed - g0) / epsilon).max() > _LARGEST_LOG:
            state.g = image
            break
        state.g = mixed
    return error
