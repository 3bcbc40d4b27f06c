"""From coarse to fine in cells and in epsilon at once: how a solve finds its potentials.

Few cells at a large epsilon are cheap, and their potentials, carried over by a soft c-transform, are nearly those of
all cells. Then epsilon falls with few cells until the plan is sparse, the number of cells grows at that epsilon,
epsilon falls again, and so on. Going from a sample straight to all cells at a small epsilon stalls: the sample's
potentials are right to about the spacing of its points, so epsilon must not be far below that when cells are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psmatch_core.randomness import stream
from psmatch_core.transport import fullpass, settling
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.iteration import n_above
from psmatch_core.transport.problem import Problem, Run
from psmatch_core.transport.settling import State
from psmatch_core.transport.support import Support
from psmatch_core.transport.watch import Stopped

_FAR_OFF = 0.2  # L1 error of a fresh support up to which it is taken for nearly the right one
_WIDENED = 3.0  # added to theta where a support could not carry the marginals
_CARRIED = 70.0  # exponents that float32 carries, with room for a Sinkhorn step
_ATTEMPTS = 10  # supports found at the last epsilon before the plan is taken for not sparse


@dataclass(frozen=True)
class Schedule:
    """The numbers that steer the way from coarse to fine; none changes what is solved, only how fast.

    Parameters
    ----------
    coarsest
        Largest side of the coarsest level, cells.
    ratio
        Cells of a level to those of the one below.
    start
        First epsilon, in mean costs: there a handful of iterations solve any problem.
    step
        Largest factor between two epsilons: past about 4 Newton's method loses its way.
    entries
        Entries a row that matter (e^-7 of the row) at which a level hands over to the next.
    rough
        L1 error at which an epsilon on the way is left for the next.
    theta
        Threshold of supports on the way: entries under e^−theta of their row are left out.
    further
        How much further the first support of all cells reaches: potentials carried over from fewer cells are off by
        several epsilon for some, and a support found again costs more than a wide one.
    sparse_under
        Density under which the plan is held sparse.
    """

    coarsest: int = 900
    ratio: float = 4.0
    start: float = 0.1
    step: float = 4.0
    entries: float = 100.0
    rough: float = 0.04
    theta: float = 8.0
    further: float = 4.0
    sparse_under: float = settling.SPARSE_UNDER


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


def levels(problem: Problem, schedule: Schedule, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Nested random samples of both sides, coarsest first; the last is all cells in their own order."""
    n, m = problem.shape
    order_x = stream(seed, "transport", "source").permutation(n)
    order_y = stream(seed, "transport", "target").permutation(m)
    samples: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = [(np.arange(n), np.arange(m))]
    share = 1.0
    while max(n, m) * share > schedule.coarsest:
        share /= schedule.ratio
        n_some, m_some = (max(min(side, 32), int(side * share)) for side in (n, m))
        samples.append((np.sort(order_x[:n_some]), np.sort(order_y[:m_some])))
    return samples[::-1]


def descent(start: float, end: float, step: float) -> list[float]:
    """Epsilons from start (left out) to end in equal factors of at most step."""
    if start <= end * (1 + 1e-9):
        return []
    count = int(np.ceil(np.log(start / end) / np.log(step) - 1e-9))
    return [*(start * (end / start) ** (k / count) for k in range(1, count)), end]


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
    f = fullpass.soft_transform(problem, g, large, run)
    g = fullpass.soft_transform(problem.transposed, f, large, run)
    return State(f, g, large)


def sampled_mean_cost(problem: Problem) -> float:
    """Mean cost over at most 64 × 512 pairs spread evenly, for choosing where to begin."""
    n, m = problem.shape
    rows = problem.geometry.x[np.linspace(0, n - 1, min(n, 64)).astype(np.intp)]
    columns = problem.geometry.y[np.linspace(0, m - 1, min(m, 512)).astype(np.intp)]
    squares = ((rows[:, None] - columns[None]) ** 2).sum(2)  # (64, 512)
    return float((squares if problem.geometry.squared else np.sqrt(squares)).mean())


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
    f = fullpass.soft_transform(forward, state.g, state.epsilon, run)
    g = fullpass.soft_transform(backward, state.f, state.epsilon, run)
    return State(f, g, state.epsilon)


def _approach(problem: Problem, state: State, epsilon: float, run: Run, schedule: Schedule, first: bool) -> None:
    """Bring a coarse level down in epsilon as far as the next level can follow.

    The coarsest goes down until few enough entries matter; a level between takes one step at most, and only where
    the next would have too many entries otherwise.
    """
    while True:
        at_goal = state.epsilon <= epsilon * (1 + 1e-9)
        relevant = _settle_on_the_way(problem, state, schedule.rough / (2 if at_goal else 1), run, schedule)
        few = relevant < (schedule.entries if first else schedule.entries / schedule.ratio)
        if at_goal or few:
            return
        state.epsilon = descent(state.epsilon, epsilon, schedule.step)[0]
        if not first:
            _settle_on_the_way(problem, state, schedule.rough, run, schedule)
            return


def _settle_on_the_way(
    problem: Problem, state: State, tolerance: float, run: Run, schedule: Schedule, further: float = 0.0
) -> float:
    """Iterate at the state's epsilon to a rough tolerance; returns the entries a row that matter.

    The support reaches ``further`` than theta where smaller epsilons are to be settled on parts of it.
    """
    n, m = problem.shape
    theta = schedule.theta + further
    share = fullpass.density(problem, state.f, state.g, state.epsilon, theta)
    if further and share >= schedule.sparse_under:
        theta = schedule.theta
        share = fullpass.density(problem, state.f, state.g, state.epsilon, theta)
    state.support = None
    level = float(np.exp(-7.0))
    limit = run.memory_budget // settling.ENTRY_BYTES
    for _ in range(4 if share < schedule.sparse_under else 0):
        support = fullpass.find_support(
            problem, state.f, state.g, state.epsilon, theta, run, exact=False, limit=limit, bounded=False
        )
        if support is None:
            break
        support = settling.complete(problem, state, support, state.epsilon, theta, run)
        settling.settle_sparse(problem, state, support, tolerance, 100, run)
        state.support = support
        if state.error <= tolerance:
            values = support.values(problem, state.f, state.g, state.epsilon)
            return n_above(values, level / n) / n
    if n * m * 4 <= run.memory_budget:
        matrix = settling.settle_dense(problem, state, tolerance, 100, run, 0.01)
        return n_above(matrix.reshape(-1), level / n) / n
    settling.settle_unstored(problem, state, tolerance, 30, run, 0.01)
    return share * m


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
            _settle_on_the_way(problem, state, schedule.rough, run, schedule, schedule.further)
        for step in steps[:-1]:
            run.watch.stage(0.7, f"epsilon {step:.3g}")
            state.epsilon = step
            if not _settle_on_narrowed(problem, state, schedule.theta, schedule.rough, run):
                _settle_on_the_way(problem, state, schedule.rough, run, schedule, schedule.further)
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
    support = settling.complete(problem, state, support, state.epsilon, theta, run)
    return settling.settle_sparse(problem, state, support, tolerance, 150, run)


def _certified(
    problem: Problem, state: State, tolerance: float, max_iterations: int, run: Run, schedule: Schedule
) -> Outcome:
    """The last epsilon: iterate, certify by a pass over all pairs, and again where that finds too much."""
    theta = settling.threshold(tolerance)
    exact = tolerance < 5e-5
    inner = 0.3 * tolerance
    share = fullpass.density(problem, state.f, state.g, state.epsilon, theta)
    if state.support is not None and share < schedule.sparse_under:
        # roughly first: with better potentials fewer entries matter, and most iterations run on those
        for aim in (schedule.rough, inner):
            if not _settle_on_narrowed(problem, state, theta, aim, run):
                theta += _WIDENED
    limit = run.memory_budget // settling.ENTRY_BYTES
    outcome: Outcome | None = None
    for attempt in range(_ATTEMPTS):
        share = fullpass.density(problem, state.f, state.g, state.epsilon, theta)
        if share >= schedule.sparse_under:
            break
        support = fullpass.find_support(
            problem, state.f, state.g, state.epsilon, theta, run, exact=exact, limit=limit
        )
        if support is None:
            break
        row, column, dropped = settling.certify(problem, support, state.f, state.g, state.epsilon)
        status = "converged" if row + column <= tolerance else "not converged"
        outcome = Outcome(state.f, state.g, row, column, dropped, support, "sparse", status)
        left = max_iterations - run.tally.iterations
        if status == "converged" or left <= 0:
            return outcome
        run.watch.stage(0.8 + 0.02 * attempt, f"marginal error {row + column:.1e}")
        support = settling.complete(problem, state, support, state.epsilon, theta, run)
        if 2 * dropped > 0.4 * tolerance and row + column < _FAR_OFF:
            theta += float(np.log(2 * dropped / (0.2 * tolerance)))
        if not settling.settle_sparse(problem, state, support, inner, left, run):
            theta += _WIDENED
    else:
        assert outcome is not None
        if 4 * problem.geometry.n_pairs > run.memory_budget:
            return outcome
        # no truncation carries these marginals in a few attempts; all pairs do
        state.f = fullpass.soft_transform(problem, state.g, state.epsilon, run)
        state.g = fullpass.soft_transform(problem.transposed, state.f, state.epsilon, run)
    return _certified_dense(problem, state, tolerance, max_iterations, run)


def _certified_dense(problem: Problem, state: State, tolerance: float, max_iterations: int, run: Run) -> Outcome:
    """The same where the plan is not sparse; the kernel passes cover all pairs, so they certify by themselves."""
    n, m = problem.shape
    left = max(1, max_iterations - run.tally.iterations)
    allowed = 0.05 * tolerance
    single = fullpass.arithmetic(problem, state.epsilon, allowed) == np.float32
    # a kernel worked out in float64 is rounded when stored, unless the tolerance asks for float64 there too
    slack = 2 * problem.geometry.rounding(state.epsilon) if single else (2e-6 if allowed >= 1e-6 else 1e-12)
    inner = 0.8 * (tolerance - slack)
    if n * m * (8 if allowed < 1e-6 else 4) <= run.memory_budget:
        settling.settle_dense(problem, state, inner, left, run, allowed)
        path = "dense"
    else:
        settling.settle_unstored(problem, state, inner, left, run, allowed)
        path = "unstored"
    error = state.error + slack
    status = "converged" if error <= tolerance else "not converged"
    return Outcome(state.f, state.g, slack / 2, error - slack / 2, 0.0, None, path, status)

