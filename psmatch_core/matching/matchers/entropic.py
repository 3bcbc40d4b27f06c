"""Entropic transport between two clouds of points: what every matcher shares that calls the engine so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from psmatch_core.base.progress import Event, Progress
from psmatch_core.matching.blocks import PotentialBlock, uniform_block
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.matchers.base import Answer, CurvePoint, LabelProblem
from psmatch_core.transport.options import SolveOptions

if TYPE_CHECKING:
    from psmatch_core.transport import TransportResult

BATCHED_PAIRS = 65_536  # labels up to this many pairs are solved many in one call
COMPILING = "compiling the transport engine: once on this machine, some 15 s"
ONE_CELL = "one cell on a side: it goes with all others"


class Entropic(Protocol):
    """The options that the engine asks for."""

    @property
    def epsilon(self) -> float: ...
    @property
    def epsilon_unit(self) -> str: ...
    @property
    def cost(self) -> str: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def max_iterations(self) -> int: ...
    @property
    def memory_mb(self) -> int: ...


@dataclass(frozen=True, eq=False)
class _Posed:
    """Points ``(n, d)``, ``(m, d)`` and regularisation, units of cost, of one label."""

    x: np.ndarray
    y: np.ndarray
    epsilon: float


def couple_points(
    problem: LabelProblem, x: np.ndarray, y: np.ndarray, options: Entropic, *, what: str, progress: Progress
) -> Answer:
    """Plan and status between ``x (n, d)`` and ``y (m, d)``.

    Parameters
    ----------
    what
        What the points are, such as ``scores``, for the message where all are equal.
    """
    from psmatch_core.transport import solve  # brings numba, which a config must not

    posed = _posed(problem, x, y, options, what, progress)
    if not isinstance(posed, _Posed):
        return posed
    result = solve(
        posed.x, posed.y, posed.epsilon, cost=options.cost, options=_solve_options(options, progress, seed=problem.seed)
    )
    return _answer(problem, posed, options, result)


def couple_small(
    problems: Sequence[LabelProblem],
    points: Sequence[tuple[np.ndarray, np.ndarray]],
    options: Entropic,
    *,
    what: str,
    progress: Progress,
    executor: Executor | None,
) -> Iterator[Answer]:
    """The same for labels too small to be worth a call each, all in one."""
    from psmatch_core.transport import solve_many

    posed = [_posed(problem, *each, options, what, progress) for problem, each in zip(problems, points, strict=True)]
    asked = [each for each in posed if isinstance(each, _Posed)]
    results = iter(
        solve_many(
            [(each.x, each.y) for each in asked],
            [each.epsilon for each in asked],
            cost=options.cost,
            options=_solve_options(options, progress, executor=executor),
        )
        if asked
        else ()
    )
    for problem, each in zip(problems, posed, strict=True):
        yield _answer(problem, each, options, next(results)) if isinstance(each, _Posed) else each


def trace_points(
    problem: LabelProblem,
    x: np.ndarray,
    y: np.ndarray,
    epsilons: Sequence[float],
    options: Entropic,
    *,
    what: str,
    progress: Progress,
) -> Iterator[CurvePoint]:
    """The L-curve of one label, each epsilon from the potentials and the support of the one above it."""
    n, m = x.shape[0], y.shape[0]
    typical, simple = _typical(problem, x, y, options, what, progress)
    if simple is not None:
        for epsilon in epsilons:
            yield CurvePoint.of(epsilon, typical, np.full(n, 1 / n), np.full(n, np.log(m)), simple)
        return
    from psmatch_core.transport import solve_path

    found = solve_path(
        x,
        y,
        [_in_cost(epsilon, typical, options) for epsilon in epsilons],
        cost=options.cost,
        options=_solve_options(options, progress),
    )
    for epsilon, result in zip(epsilons, found, strict=True):
        status = solved_status(problem, result.converged, result.marginal_error, result.iterations, result.epsilon)
        mass = result.marginals()[0]
        yield CurvePoint.of(epsilon, result.transport_cost / float(mass.sum()), mass, result.row_entropies, status)


def couple_path(
    problem: LabelProblem,
    x: np.ndarray,
    y: np.ndarray,
    epsilons: Sequence[float],
    options: Entropic,
    *,
    what: str,
    progress: Progress,
) -> Iterator[tuple[float, Answer]]:
    """Plan and status at every epsilon, the largest first, each from the one before; only one is held at a time."""
    typical, simple = _typical(problem, x, y, options, what, progress)
    if simple is not None:
        for epsilon in sorted(epsilons, reverse=True):
            yield epsilon, (uniform_block(x.shape[0], y.shape[0]), simple)
        return
    from psmatch_core.transport import resolve, solve

    solve_options = _solve_options(options, progress, seed=problem.seed)
    last: TransportResult | None = None
    for epsilon in sorted(epsilons, reverse=True):
        asked = _Posed(x, y, _in_cost(epsilon, typical, options))
        if last is None:
            last = solve(x, y, asked.epsilon, cost=options.cost, options=solve_options)
        else:
            last = resolve(last, asked.epsilon, options=solve_options)
        yield epsilon, _answer(problem, asked, options, last)


def solved_status(
    problem: LabelProblem, converged: bool, error: float, iterations: int, epsilon: float, message: str = ""
) -> Status:
    """How the engine's solve ended, in the words of every table."""
    if not converged:
        late = f"error {error:.2g} after {iterations:,} iterations"
        message = f"{late}; {message}" if message else late
    return problem.status(
        Outcome.CONVERGED if converged else Outcome.NOT_CONVERGED,
        message,
        iterations=iterations,
        marginal_error=error,
        epsilon=epsilon,
    )


def announce_compiling(progress: Progress) -> None:
    """Say it where the engine is compiled first: else a page would seem to hang."""
    from psmatch_core.transport import is_compiled

    if not is_compiled():
        progress(Event("transport", 0.0, COMPILING))


def _typical(
    problem: LabelProblem, x: np.ndarray, y: np.ndarray, options: Entropic, what: str, progress: Progress
) -> tuple[float, Status | None]:
    """The mean cost, and a status where the uniform plan is the answer whatever epsilon."""
    from psmatch_core.transport import mean_cost

    announce_compiling(progress)
    typical = mean_cost(x, y, options.cost)
    if min(x.shape[0], y.shape[0]) == 1:
        return typical, problem.status(Outcome.CLOSED_FORM, ONE_CELL)
    if typical == 0:
        message = f"all {what} are equal: every pair is as good as any other"
        return typical, problem.status(Outcome.CLOSED_FORM, message)
    return typical, None


def _posed(
    problem: LabelProblem, x: np.ndarray, y: np.ndarray, options: Entropic, what: str, progress: Progress
) -> _Posed | Answer:
    """What the engine is asked about a label, or the answer where there is nothing to ask."""
    typical, simple = _typical(problem, x, y, options, what, progress)
    if simple is not None:
        return uniform_block(x.shape[0], y.shape[0]), simple
    return _Posed(x, y, _in_cost(options.epsilon, typical, options))


def _answer(problem: LabelProblem, posed: _Posed, options: Entropic, result: TransportResult) -> Answer:
    block = PotentialBlock(
        posed.x, posed.y, result.f, result.g, posed.epsilon, result.a, result.b, cost=options.cost
    )  # fmt: skip
    return block, solved_status(problem, result.converged, result.marginal_error, result.iterations, posed.epsilon)


def _solve_options(
    options: Entropic, progress: Progress, *, seed: int = 0, executor: Executor | None = None
) -> SolveOptions:
    return SolveOptions(
        tolerance=options.tolerance,
        max_iterations=options.max_iterations,
        memory_budget_mb=options.memory_mb,
        seed=seed,
        progress=progress,
        executor=executor,
    )


def _in_cost(epsilon: float, typical: float, options: Entropic) -> float:
    return epsilon * typical if options.epsilon_unit == "mean cost" else epsilon
