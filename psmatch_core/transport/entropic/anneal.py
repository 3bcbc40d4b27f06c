"""From coarse to fine in cells and in epsilon at once: how a solve finds its potentials.

Few cells at a large epsilon are cheap. A soft c-transform turns their potentials into good potentials of all cells.
So epsilon falls with few cells until the plan is sparse, then the number of cells grows at that epsilon, then epsilon
falls again, and so on. A step from a sample straight to all cells at a small epsilon stalls: the potentials of a
sample are right to about the distance between its points, and epsilon must not be far below that when cells are added.
"""

from __future__ import annotations

import numpy as np

from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.finish import finish
from psmatch_core.transport.entropic.fixed_epsilon import iterate_roughly, support_theta
from psmatch_core.transport.entropic.one_call import solve_in_one_call
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.entropic.row_sample import sampled_rows
from psmatch_core.transport.entropic.schedule import (
    epsilon_steps,
    has_reached,
    nested_samples,
    sampled_mean_cost,
)
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.problem import Positions, Problem

# Density of a coarse level, in units of that of a sparse plan, from which all cells will not have a sparse plan either.
_CLEARLY_DENSE = 2.0
_LARGEST_EXPONENT = 70.0  # float32 carries it, with room for a Sinkhorn step


def anneal(problem: Problem, epsilon: float, context: SolveContext) -> SolveOutcome:
    """Solve without a start; epsilon in the problem's units of cost."""
    if not problem.geometry.is_resolved(epsilon):
        return SolveOutcome.unresolved(problem)
    if problem.geometry.scale == 0:
        return SolveOutcome.without_cost(problem)
    samples = nested_samples(problem, context.options)
    state: SolveState | None = None
    coarse: tuple[Positions, Positions] | None = None
    skips_to_last = False
    try:
        small = solve_in_one_call(problem, epsilon, support_theta(context.options.tolerance), context)
        if small is not None:
            return small
        for number, fine in enumerate(samples):
            is_last = number == len(samples) - 1
            if skips_to_last and not is_last:
                continue
            level = problem if is_last else problem.subset(*fine)
            context.monitor.start_stage(number / len(samples) * 0.6, f"level {number + 1} of {len(samples)}")
            if state is None or coarse is None:
                state = _start(level, epsilon, context)
            else:
                state = _refine(problem, fine, coarse, state, context)
            if is_last:
                if coarse is not None and has_reached(state.epsilon, epsilon):
                    _iterate_if_sparse(level, state, context)
                return finish(level, state, epsilon, context)
            _lower_epsilon(level, state, epsilon, context, is_coarsest=number == 0)
            coarse, skips_to_last = fine, _skips_to_last(problem, level, state, epsilon, context)
    except StopRequested:
        pass
    if state is not None and (state.f.size, state.g.size) == problem.shape:
        return SolveOutcome.stopped(state.f, state.g)
    return SolveOutcome.stopped(*map(np.zeros, problem.shape))


def _start(problem: Problem, epsilon: float, context: SolveContext) -> SolveState:
    """Potentials at a large epsilon: one iteration in logarithms."""
    mean = sampled_mean_cost(problem)
    large = max(epsilon, context.options.schedule.first_epsilon * mean)
    if problem.geometry.scale / large < _LARGEST_EXPONENT:
        # the kernel of constant potentials fits float32, and so does the first iteration
        return SolveState(np.full(problem.a.size, mean / 2), np.full(problem.b.size, mean / 2), large)
    f = full_pass.soft_transform(problem, np.zeros(problem.b.size), large, context)
    return SolveState(f, full_pass.soft_transform(problem.transposed, f, large, context), large)


def _refine(
    problem: Problem,
    fine: tuple[Positions, Positions],
    coarse: tuple[Positions, Positions],
    state: SolveState,
    context: SolveContext,
) -> SolveState:
    """The coarse potentials at more cells: each side by a soft c-transform of the coarse cells of the other side."""
    forward = problem.subset(fine[0], coarse[1])
    backward = problem.subset(coarse[0], fine[1]).transposed
    f = full_pass.soft_transform(forward, state.g, state.epsilon, context)
    g = full_pass.soft_transform(backward, state.f, state.epsilon, context)
    return SolveState(f, g, state.epsilon)


def _iterate_if_sparse(problem: Problem, state: SolveState, context: SolveContext) -> None:
    """Improve potentials that come from a coarser level at the last epsilon, on a wide support.

    A narrow support of such potentials cannot carry the marginals; it would be widened again and again.
    """
    schedule = context.options.schedule
    if full_pass.density(problem, state.potentials, schedule.theta + schedule.extra_theta) < schedule.sparse_below:
        iterate_roughly(problem, state, context, tolerance=schedule.rough_error, extra_theta=schedule.extra_theta)


def _skips_to_last(problem: Problem, level: Problem, state: SolveState, epsilon: float, context: SolveContext) -> bool:
    """Whether all cells can follow a coarse level at once: at the last epsilon, if the plan will not be sparse.

    A sample of the rows then improves the potentials of all columns, and levels in between would only do the same.
    """
    if not has_reached(state.epsilon, epsilon) or sampled_rows(problem, context.options.memory_budget) is None:
        return False
    theta = support_theta(context.options.tolerance)
    return full_pass.density(level, state.potentials, theta) >= _CLEARLY_DENSE * context.options.schedule.sparse_below


def _lower_epsilon(
    problem: Problem, state: SolveState, epsilon: float, context: SolveContext, *, is_coarsest: bool
) -> None:
    """Lower epsilon at a coarse level as far as the next level can follow.

    The coarsest level goes down until few enough entries matter. A level in between takes at most one step, and only
    if the next level would have too many entries otherwise.
    """
    schedule = context.options.schedule
    enough = schedule.entries_per_row / (1 if is_coarsest else schedule.level_ratio)
    while True:
        is_at_goal = has_reached(state.epsilon, epsilon)
        rough = schedule.rough_error / (2 if is_at_goal else 1)
        entries_per_row = iterate_roughly(problem, state, context, tolerance=rough)
        if is_at_goal or entries_per_row < enough:
            return
        state.epsilon = epsilon_steps(state.epsilon, epsilon, schedule.largest_step)[0]
        if not is_coarsest:
            iterate_roughly(problem, state, context, tolerance=schedule.rough_error)
            return
