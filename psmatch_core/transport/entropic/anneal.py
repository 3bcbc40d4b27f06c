"""From coarse to fine in cells and in epsilon at once: how a solve finds its potentials.

Few cells at a large epsilon are cheap, and their potentials, carried over by a soft c-transform, are nearly those of
all cells. Then epsilon falls with few cells until the plan is sparse, the number of cells grows at that epsilon,
epsilon falls again, and so on. Going from a sample straight to all cells at a small epsilon stalls: the sample's
potentials are right to about the spacing of its points, so epsilon must not be far below that when cells are added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.cancellation import Stopped
from psmatch_core.transport.entropic.finish import Outcome, finish
from psmatch_core.transport.entropic.fixed_epsilon import settle_on_the_way
from psmatch_core.transport.entropic.schedule import Schedule, descent, levels, sampled_mean_cost
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.problem import Problem, Run

_CARRIED = 70.0  # exponents that float32 carries, with room for a Sinkhorn step


def anneal(
    problem: Problem, epsilon: float, tolerance: float, max_iterations: int, run: Run, schedule: Schedule
) -> Outcome:
    """Solve from nothing."""
    samples = levels(problem, schedule, run.seed)
    state: State | None = None
    coarse: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    try:
        for number, (some_x, some_y) in enumerate(samples):
            last = number == len(samples) - 1
            level = problem if last else problem.subset(some_x, some_y)
            run.watch.stage(number / len(samples) * 0.6, f"level {number + 1} of {len(samples)}")
            if state is None or coarse is None:
                state = _first(level, epsilon, run, schedule)
            else:
                state = _carried(problem, (some_x, some_y), coarse, state, run)
            if last:
                if coarse is not None and state.epsilon <= epsilon * (1 + 1e-9):
                    _roughly(level, state, run, schedule)
                return finish(level, state, epsilon, tolerance, max_iterations, run, schedule)
            _approach(level, state, epsilon, run, schedule, first=number == 0)
            coarse = (some_x, some_y)
    except Stopped:
        pass
    n, m = problem.shape
    if state is not None and state.f.size == n and state.g.size == m and coarse is None:
        return Outcome(state.f, state.g, np.inf, np.inf, np.inf, None, state.path, "stopped")
    return Outcome(np.zeros(n), np.zeros(m), np.inf, np.inf, np.inf, None, "", "stopped")


def _first(problem: Problem, epsilon: float, run: Run, schedule: Schedule) -> State:
    """Potentials at a large epsilon from nothing: one iteration in logarithms."""
    mean = sampled_mean_cost(problem)
    large = max(epsilon, schedule.start * mean)
    if problem.geometry.scale / large < _CARRIED:
        # so large that the kernel of constant potentials fits float32, the first iteration included
        return State(np.full(problem.a.size, mean / 2), np.full(problem.b.size, mean / 2), large)
    g = np.zeros(problem.b.size)
    f = full_pass.soft_transform(problem, g, large, run)
    g = full_pass.soft_transform(problem.transposed, f, large, run)
    return State(f, g, large)


def _carried(
    problem: Problem,
    fine: tuple[NDArray[np.intp], NDArray[np.intp]],
    coarse: tuple[NDArray[np.intp], NDArray[np.intp]],
    state: State,
    run: Run,
) -> State:
    """The coarse potentials at more cells: each side by a soft c-transform against the other's coarse cells."""
    forward = problem.subset(fine[0], coarse[1])
    backward = problem.subset(coarse[0], fine[1]).transposed
    f = full_pass.soft_transform(forward, state.g, state.epsilon, run)
    g = full_pass.soft_transform(backward, state.f, state.epsilon, run)
    return State(f, g, state.epsilon)


def _roughly(problem: Problem, state: State, run: Run, schedule: Schedule) -> None:
    """Potentials carried over at the last epsilon, settled roughly where the plan is sparse.

    Their own narrow support could not carry the marginals and would grow until it can.
    """
    theta = schedule.theta + schedule.further
    if full_pass.density(problem, state.f, state.g, state.epsilon, theta) < schedule.sparse_under:
        settle_on_the_way(problem, state, schedule.rough, run, schedule, schedule.further)


def _approach(problem: Problem, state: State, epsilon: float, run: Run, schedule: Schedule, first: bool) -> None:
    """Bring a coarse level down in epsilon as far as the next level can follow.

    The coarsest goes down until few enough entries matter; a level between takes one step at most, and only where
    the next would have too many entries otherwise.
    """
    while True:
        at_goal = state.epsilon <= epsilon * (1 + 1e-9)
        relevant = settle_on_the_way(problem, state, schedule.rough / (2 if at_goal else 1), run, schedule)
        few = relevant < (schedule.entries if first else schedule.entries / schedule.ratio)
        if at_goal or few:
            return
        state.epsilon = descent(state.epsilon, epsilon, schedule.step)[0]
        if not first:
            settle_on_the_way(problem, state, schedule.rough, run, schedule)
            return
