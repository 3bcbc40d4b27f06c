"""Transport with relaxed marginals: cells without a counterpart may send or receive less than their weight.

Minimises ⟨C, P⟩ + epsilon KL(P | a bᵀ) + rho1 KL(P 1 | a) + rho2 KL(Pᵀ 1 | b). At the optimum the row sums are
a exp(−f / rho1) and the column sums b exp(−g / rho2), so that the plan solves a balanced problem with those marginals:
the same supports, kernels and passes serve, and the certificate is the L1 misfit to those sums over all pairs.

Source: scaling algorithm: Chizat, Peyré, Schmitzer & Vialard, Math. Comp. 87 (2018), section 3; the best common shift
of the potentials, without which large rho are slow: Séjourné, Vialard & Peyré, AISTATS 2022, section 3.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.transport.cancellation import Stopped, Watch
from psmatch_core.transport.entropic import anneal, fixed_epsilon
from psmatch_core.transport.entropic.finish import Outcome
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.solve import result_of
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.problem import Executor, Problem, Run
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.validation import ask, positive

_ROUNDS = 20
_SETTLED = 0.3  # share of the tolerance to which a kernel is iterated before all pairs are looked at


@dataclass
class _Relaxed:
    """A problem with what its marginals may give, and potentials on their way."""

    problem: Problem
    epsilon: float
    rho1: float
    rho2: float
    f: Array
    g: Array

    @property
    def wanted_rows(self) -> Array:
        """The row sums that belong to f."""
        return np.asarray(self.problem.a * np.exp(-self.f / self.rho1))

    @property
    def wanted_columns(self) -> Array:
        """The column sums that belong to g."""
        return np.asarray(self.problem.b * np.exp(-self.g / self.rho2))

    def as_balanced(self) -> tuple[Problem, Array, Array]:
        """The balanced problem with the wanted sums as marginals, and its potentials; the plan is the same."""
        problem = Problem(self.problem.geometry, self.wanted_rows, self.wanted_columns)
        return problem, self.f * (1 + self.epsilon / self.rho1), self.g * (1 + self.epsilon / self.rho2)

    def shifted(self) -> Array:
        """Potentials g after the shift f + c, g − c that is best for the dual; the plan does not change with it."""
        if np.isinf(self.rho1) and np.isinf(self.rho2):
            return self.g
        rows, columns = self.wanted_rows.sum(), self.wanted_columns.sum()
        return np.asarray(self.g - np.log(rows / columns) / (1 / self.rho1 + 1 / self.rho2))


def solve_unbalanced(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    rho1: float,
    rho2: float,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    cost: str = "euclidean",
    tolerance: float = 1e-3,
    max_iterations: int = 10_000,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    schedule: Schedule | None = None,
) -> TransportResult:
    """The plan where cells that fit nothing need not be matched in full.

    Parameters
    ----------
    x, y, epsilon, a, b
        As in :func:`solve`.
    rho1, rho2
        What a missing unit of source and of target mass costs, units of cost; infinity keeps that marginal.
    cost, tolerance, max_iterations, memory_budget_mb, seed, progress, should_stop, executor, schedule
        As in :func:`solve`; the tolerance is on the L1 misfit of both sides' sums to a exp(−f / rho1) and
        b exp(−g / rho2), which is 0 at the optimum and only there.

    Raises
    ------
    PsmatchError
        Where points, weights, epsilon or a rho cannot be.
    """
    began = time.perf_counter()
    question = ask(x, y, a, b, cost, together=True)
    positive(epsilon, "epsilon")
    positive(tolerance, "tolerance")
    for name, rho in (("rho1", rho1), ("rho2", rho2)):
        if not rho > 0:
            raise PsmatchError(
                f"{name} must be above 0, not {rho!r}.", hint=f"Give a positive {name}, or infinity to keep the sums."
            )
    budget = int(positive(memory_budget_mb, "memory_budget_mb") * 1e6)
    run = Run(Watch(progress, should_stop), executor, budget, seed)
    steps = schedule or Schedule()
    problem = question.problem
    start = anneal.anneal(problem, epsilon, max(0.05, tolerance), max_iterations, run, steps)
    state = _Relaxed(problem, epsilon, rho1, rho2, start.f, start.g)
    if start.status == "stopped":
        outcome = start
    else:
        try:
            outcome = _solved(state, tolerance, max_iterations + run.tally.iterations, run, steps)
        except Stopped:
            outcome = Outcome(state.f, state.g, np.inf, np.inf, np.inf, None, "", "stopped")
    result = result_of(
        question,
        outcome,
        epsilon,
        tolerance,
        iterations=run.tally.iterations,
        full_passes=run.tally.full_passes,
        seconds=time.perf_counter() - began,
    )
    return replace(result, rho1=rho1, rho2=rho2)


def _solved(state: _Relaxed, tolerance: float, max_iterations: int, run: Run, schedule: Schedule) -> Outcome:
    """Iterate on a kernel, look at all pairs, and again; the kernel follows the potentials."""
    theta = fixed_epsilon.threshold(tolerance)
    exact = tolerance < 5e-5
    outcome: Outcome | None = None
    _logarithmic(state, run)
    for round_ in range(_ROUNDS):
        run.watch.stage(0.6 + 0.02 * round_, "relaxed marginals")
        problem, f, g = state.as_balanced()
        share = full_pass.density(problem, f, g, state.epsilon, theta)
        support = None
        if share < schedule.sparse_under:
            limit = run.memory_budget // fixed_epsilon.ENTRY_BYTES
            support = full_pass.find_support(problem, f, g, state.epsilon, theta, run, exact=exact, limit=limit)
        left = max_iterations - run.tally.iterations
        if support is None:
            return _not_sparse(state, tolerance, max(1, left), run)
        row, column, dropped = fixed_epsilon.certify(problem, support, f, g, state.epsilon)
        status = "converged" if row + column <= tolerance else "not converged"
        # the same support serves the potentials of the relaxed problem: reduced costs move by their difference
        kept = replace(support, f=state.f.copy(), g=state.g.copy(), reduced=_moved(support, state))
        outcome = Outcome(state.f, state.g, row, column, dropped, kept, "sparse", status)
        if status == "converged" or left <= 0:
            return outcome
        if 2 * dropped > 0.4 * tolerance:
            theta += float(np.log(2 * dropped / (0.2 * tolerance)))
        values = kept.values(state.problem, state.f, state.g, state.epsilon)
        kernel = (kept.indptr, kept.unsigned, values)
        _iterate(state, kernel, _SETTLED * tolerance, min(left, 2000), run)
    assert outcome is not None
    return outcome


def _moved(support: Any, state: _Relaxed) -> Any:
    """Reduced costs at the relaxed potentials: C − f − g = (C − f' − g') + (f' − f) + (g' − g)."""
    rows = np.repeat(support.f - state.f, np.diff(support.indptr))
    moved = support.reduced + rows + (support.g - state.g)[support.indices]
    return moved.astype(support.reduced.dtype)


def _not_sparse(state: _Relaxed, tolerance: float, left: int, run: Run) -> Outcome:
    """The same on a dense kernel where memory allows, else in logarithms with nothing stored."""
    n, m = state.problem.shape
    allowed = 0.05 * tolerance
    single = full_pass.arithmetic(state.problem, state.epsilon, allowed) == np.float32
    slack = 2 * state.problem.geometry.rounding(state.epsilon) if single else (2e-6 if allowed >= 1e-6 else 1e-12)
    slack *= max(1.0, float(state.wanted_rows.sum()))
    stored = n * m * (8 if allowed < 1e-6 else 4) <= run.memory_budget
    error, path = np.inf, "dense" if stored else "unstored"
    while left > 0 and error > tolerance - slack:
        before = run.tally.iterations
        if stored:
            matrix = full_pass.dense_kernel(state.problem, state.f, state.g, state.epsilon, run, allowed)
            error = _iterate(state, (matrix,), 0.8 * (tolerance - slack), left, run)
        else:
            error = _logarithmic(state, run, tolerance - slack, allowed)
        left -= max(1, run.tally.iterations - before)
    status = "converged" if error + slack <= tolerance else "not converged"
    return Outcome(state.f, state.g, slack / 2, error + slack / 2, 0.0, None, path, status)


def _logarithmic(state: _Relaxed, run: Run, enough: float = 0.0, allowed: float = 0.02) -> float:
    """One iteration over all pairs in logarithms; the misfit of the columns, which stay if that is enough."""
    epsilon = state.epsilon
    state.g = state.shifted()
    free = full_pass.soft_transform(state.problem, state.g, epsilon, run, allowed)
    state.f = _damped(free, state.rho1, epsilon)
    free = full_pass.soft_transform(state.problem.transposed, state.f, epsilon, run, allowed)
    run.tally.iterations += 1
    columns = state.problem.b * np.exp((state.g - free) / epsilon)
    error = float(np.abs(columns - state.wanted_columns).sum())
    run.watch.look(error)
    if error > enough:
        state.g = _damped(free, state.rho2, epsilon)
    return error


def _damped(free: Array, rho: float, epsilon: float) -> Array:
    """A soft c-transform as the relaxed marginal lets it be: times rho / (rho + epsilon)."""
    return free / (1 + epsilon / rho)


def _iterate(state: _Relaxed, kernel: Any, tolerance: float, max_passes: int, run: Run) -> float:
    """Accelerated scaling iterations on a kernel made at the state's potentials; the misfit reached.

    Ends early once the scalings have grown so far that the kernel should be made afresh.
    """
    problem, epsilon = state.problem, state.epsilon
    f0, g0 = state.f, state.g
    power1 = -1 / (1 + epsilon / state.rho1)
    # u = exp((f − f0) / epsilon) with f = (f0 − epsilon log(s / a)) damped: a power of s times this
    factor = problem.a ** (-power1) * np.exp(-(1 + power1) * f0 / epsilon)
    s, u, out = np.empty(f0.size), np.empty(f0.size), np.empty(g0.size)
    images: list[Array] = []
    residuals: list[Array] = []
    best = error = np.inf
    for _ in range(max_passes):
        v = np.exp((state.g - g0) / epsilon)
        in_memory.single_pass(kernel, v, factor, power1, s, u, out)
        run.tally.iterations += 1
        state.f = f0 + epsilon * np.log(np.maximum(u, 1e-280))
        error = float(np.abs(v * out - state.wanted_columns).sum())
        run.watch.look(error)
        if error <= tolerance:
            break
        shift = state.shifted() - state.g
        free = g0 - epsilon * np.log(np.maximum(out, 1e-280) / problem.b) + shift
        image = _damped(free, state.rho2, epsilon)
        if error > 3 * best:
            images.clear()
            residuals.clear()
        best = min(best, error)
        images.append(image)
        residuals.append(image - state.g)
        del images[:-6], residuals[:-6]
        moved = fixed_epsilon.mixed(images, residuals, problem.b)
        if np.abs((moved - g0) / epsilon).max() > 40:
            state.g = image
            break
        state.g = moved
    return error
