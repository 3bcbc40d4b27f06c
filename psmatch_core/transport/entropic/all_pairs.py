"""Iterations over all pairs at one epsilon, for plans of which most entries matter, with or without a stored kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.context import MatrixBuffer, SolveContext
from psmatch_core.transport.entropic import iteration
from psmatch_core.transport.entropic.anderson import AndersonMixing
from psmatch_core.transport.entropic.row_sample import MOST_LEFT, RESERVE, RowSample, sampled_rows, step_by_sample
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import dense_pass, full_pass, in_memory
from psmatch_core.transport.problem import Problem

_VISITS_DENSE = 800_000_000  # entries visited in one compiled call, about 0.2 s, between two checks for a stop
_VANISHED = 1e-300  # sums below this are those of entries that were too small to compute
# Logarithm to which scalings may grow before they are absorbed into the potentials and the kernel is recomputed.
_ABSORB = 25.0
# A sample of the sources is solved to this error: further, it would only follow its own noise.
_SAMPLE_ERROR = 0.02
_SAMPLE_ROUNDING = 0.01
_SAMPLE_PASSES = 60


def solve_on_rows(problem: Problem, state: SolveState, context: SolveContext) -> RowSample | None:
    """Improve g on a sample of the sources; None, and nothing done, if the problem would not gain from it."""
    budget = context.options.memory_budget
    rows = sampled_rows(problem, budget)
    if rows is None or context.iterations_left < 2 * _SAMPLE_PASSES + RESERVE:
        return None
    some = problem.select_rows(rows)
    some = Problem(some.geometry, some.a / some.a.sum(), some.b)
    start = SolveState(state.f[rows], state.g, state.epsilon)
    own = replace(context, buffer=MatrixBuffer())
    matrix, _, v = iterate_dense(
        some, start, own, tolerance=_SAMPLE_ERROR, max_passes=_SAMPLE_PASSES, allowed=_SAMPLE_ROUNDING
    )
    if not start.error <= 2 * _SAMPLE_ERROR:
        return None
    state.g = start.g
    return RowSample.at(some, matrix, v, context)


def iterate_dense(
    problem: Problem,
    state: SolveState,
    context: SolveContext,
    *,
    tolerance: float,
    max_passes: int,
    allowed: float,
    sample: RowSample | None = None,
) -> tuple[Floats, Array, Array]:
    """Newton iterations on the stored kernel, which is recomputed when the scalings have grown.

    Returns the kernel, and the scalings of its rows and columns that turn it into the plan. Takes at most
    ``max_passes`` of those that are left, which are at least 1. With a sample, its directions serve as long as they
    help.
    """
    used, n_sinkhorn = 0, 2
    segment = max(6, _VISITS_DENSE // max(problem.geometry.n_pairs, 1))
    max_passes = min(max_passes, context.iterations_left)
    first = context.counts.iterations
    while True:
        matrix = dense_pass.dense_kernel(problem, state.potentials, context, allowed)
        u, v, error = np.ones(problem.a.size), np.ones(problem.b.size), np.inf
        if sample is not None:
            u, v, error = _scale_by_sample(problem, matrix, sample, context, tolerance, max_passes - used)
            sample, n_sinkhorn = None, 0
            used = context.counts.iterations - first
        while True:
            if not error <= tolerance and used < max_passes:
                v, u, error, passes, _ = iteration.newton(
                    (matrix,), problem.a, problem.b, v, tolerance, segment, max_passes - used, n_sinkhorn, 0
                )
                n_sinkhorn = 0
                used += passes
                context.counts.iterations += passes
            if not np.isfinite(error):  # the start was so poor that the kernel overflows
                u, v = np.ones(problem.a.size), np.ones(problem.b.size)
                balance_in_logarithms(problem, state, context)
                grown = np.inf
                break
            state.error = float(error)
            context.monitor.check(state.error)
            grown = max(_largest_log(u), _largest_log(v))
            if error <= tolerance or used >= max_passes or grown > _ABSORB:
                break
        state.scale(u, v)
        if (error <= tolerance and grown <= _ABSORB) or used >= max_passes:
            return matrix, u, v


def _scale_by_sample(
    problem: Problem, matrix: Floats, sample: RowSample, context: SolveContext, tolerance: float, most: int
) -> tuple[Array, Array, float]:
    """Row and column scalings from steps with the sample's Hessian, and the L1 error of the column sums."""
    a, b = problem.a, problem.b

    def sums_at(logs: Array) -> tuple[Array, Array]:
        v, sums, u, columns = np.exp(logs), np.empty(a.size), np.empty(a.size), np.empty(b.size)
        in_memory.run_pass((matrix,), v, a, -1.0, sums, u, columns)
        return sums, v * columns

    logs, sums, error = step_by_sample(b, sums_at, sample, context, tolerance=tolerance, most=most)
    return np.ones(a.size) if sums is None else a / sums, np.exp(logs), error


def balance_in_logarithms(problem: Problem, state: SolveState, context: SolveContext) -> None:
    """One iteration over all pairs with the largest term factored out, which is right for any start."""
    state.f = full_pass.soft_transform(problem, state.g, state.epsilon, context)
    state.g = full_pass.soft_transform(problem.transposed, state.f, state.epsilon, context)


def _largest_log(scaling: Array) -> float:
    return float(np.abs(np.log(np.maximum(scaling, 1e-280))).max())


def iterate_matrix_free(
    problem: Problem,
    state: SolveState,
    context: SolveContext,
    *,
    tolerance: float,
    max_passes: int,
    allowed: float,
    sample: RowSample | None = None,
) -> None:
    """Sinkhorn iterations without a stored kernel, with Anderson acceleration and the Hessian of a sample, if given."""
    epsilon = state.epsilon
    mixing = AndersonMixing(problem.b)
    last = np.inf
    for _ in range(min(max_passes, context.iterations_left)):
        if context.iterations_left < 1:  # directions of the sample count as well
            return
        sums, columns = full_pass.sinkhorn_pass(problem, state.potentials, context, allowed)
        context.counts.iterations += 1
        if not (np.isfinite(sums).all() and sums.min() > _VANISHED and columns.min() > _VANISHED):
            # sums overflow or vanish without the largest term factored out
            balance_in_logarithms(problem, state, context)
            mixing.clear()
            continue
        state.f = state.f + epsilon * np.log(problem.a / sums)
        state.error = float(np.abs(columns - problem.b).sum())
        context.monitor.check(state.error)
        if state.error <= tolerance:
            return
        if sample is not None and state.error < last * MOST_LEFT and context.iterations_left > RESERVE:
            residual = epsilon * sample.direction(problem.b - columns, context)
        else:
            sample, residual = None, epsilon * np.log(problem.b / columns)
        last = state.error
        image = state.g + residual
        state.g = mixing.next(image, residual, state.error)
        if not np.ptp(state.g) <= 2 * problem.geometry.scale:  # potentials of a plan differ by the costs at most
            mixing.clear()
            state.g = image
