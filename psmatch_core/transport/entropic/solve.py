"""Entropic transport between two clouds of points: solve one, solve its neighbours, solve a whole curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.progress import Progress, silent
from psmatch_core.transport.cancellation import Watch
from psmatch_core.transport.entropic import anneal, epsilon_step, finish
from psmatch_core.transport.entropic.finish import Outcome
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.geometry import Array, Geometry
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.plan import SupportPlan, TiledPlan
from psmatch_core.transport.problem import Executor, Problem, Run
from psmatch_core.transport.result import SolveStatus, TransportResult
from psmatch_core.transport.validation import Question, ask, positive

_MEMORY_MB = 1024.0
_MAX_ITERATIONS = 10_000


def solve(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    cost: str = "euclidean",
    tolerance: float = 1e-3,
    max_iterations: int = _MAX_ITERATIONS,
    memory_budget_mb: float = _MEMORY_MB,
    initial: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    schedule: Schedule | None = None,
) -> TransportResult:
    """The plan that moves source cells onto target cells at little cost and with some spread.

    Minimises ⟨C, P⟩ + epsilon KL(P | a bᵀ) over plans with marginals a and b, to a certified error of the marginals.
    Never holds n × m numbers unless they fit the budget.

    Parameters
    ----------
    x, y
        Points, ``(n, T)`` and ``(m, T)``.
    epsilon
        Regularisation, units of cost.
    a, b
        Weights of the cells, ``(n,)`` and ``(m,)``, at least 0; each side is scaled to sum to one. Uniform if None.
    cost
        ``euclidean`` distance or its square, ``sqeuclidean``.
    tolerance
        L1 error of both marginals together at which the plan counts as converged.
    max_iterations
        Passes over the kernel after which the best potentials so far are returned as not converged.
    memory_budget_mb
        What may be held beside the input, megabytes.
    initial
        Potentials (f, g) to start from in place of coarse levels, units of cost.
    seed
        Of the samples that make the coarse levels.
    progress
        Hears of the work at least once a second; may raise ``Cancelled``.
    should_stop
        Asked every few tenths of a second; True ends the solve with status ``stopped``.
    executor
        Where tiles of rows of the passes over all pairs are worked out, for large problems; here if None.
    schedule
        Numbers that steer the way from coarse to fine.

    Raises
    ------
    PsmatchError
        Where points, weights, epsilon or tolerance cannot be.
    """
    began = time.perf_counter()
    question = ask(x, y, a, b, cost)
    positive(epsilon, "epsilon")
    positive(tolerance, "tolerance")
    run = _run(progress, should_stop, executor, memory_budget_mb, seed)
    steps = schedule or Schedule()
    if initial is None:
        outcome = anneal.anneal(question.problem, epsilon, tolerance, max_iterations, run, steps)
    else:
        g = np.asarray(initial[1], dtype=np.float64)[question.targets] - question.offset_y[question.targets]
        outcome = _from_potentials(question.problem, g, epsilon, tolerance, max_iterations, run, steps)
    return _result(question, outcome, epsilon, tolerance, run, began)


def resolve(
    result: TransportResult,
    epsilon: float,
    *,
    tolerance: float | None = None,
    max_iterations: int = _MAX_ITERATIONS,
    memory_budget_mb: float = _MEMORY_MB,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> TransportResult:
    """The same problem at another epsilon, from the potentials and the support already there.

    Where the plan is dense, the new result holds on to the memory of its kernel, within the budget, for the next step;
    the one before hands it on.

    Parameters
    ----------
    result
        A solved problem.
    epsilon
        The new regularisation, units of cost.
    tolerance
        As in :func:`solve`; the result's own if None.
    max_iterations, memory_budget_mb, progress, should_stop, executor
        As in :func:`solve`.
    """
    began = time.perf_counter()
    positive(epsilon, "epsilon")
    plan = result.plan
    scratch = plan.reusable.scratch.handed_on()
    run = replace(_run(progress, should_stop, executor, memory_budget_mb, 0), scratch=scratch)
    aim = result.tolerance if tolerance is None else positive(tolerance, "tolerance")
    support = plan.support if isinstance(plan, SupportPlan) else None
    state = State(plan.f, plan.g, result.epsilon, support=support, settled=result.converged)
    if not plan.reusable.is_searched:
        plan.reusable.wide_support = epsilon_step.widen(plan.problem, plan.f, plan.g, result.epsilon, run)
        plan.reusable.is_searched = True
    wide = plan.reusable.wide_support
    outcome = epsilon_step.slide(plan.problem, state, wide, epsilon, aim, max_iterations, run, Schedule())
    found = _result(result.question, outcome, epsilon, aim, run, began)
    if outcome.path == "sparse, slid":
        found.plan.reusable.wide_support, found.plan.reusable.is_searched = (
            wide,
            True,
        )  # the next step starts from it too
    found.plan.reusable.scratch.held = scratch.held
    return found


def path(
    x: ArrayLike, y: ArrayLike, epsilons: Sequence[float], a: ArrayLike | None = None, b: ArrayLike | None = None,
    *, cost: str = "euclidean", tolerance: float = 1e-3, max_iterations: int = _MAX_ITERATIONS,
    memory_budget_mb: float = _MEMORY_MB, progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None, executor: Executor | None = None,
) -> tuple[TransportResult, ...]:  # fmt: skip
    """The same problem at many epsilons, from the largest to the smallest, each from the one before.

    Parameters are those of :func:`solve`; results come in the order of ``epsilons``, units of cost.
    """
    order = sorted(range(len(epsilons)), key=lambda place: -epsilons[place])
    found: dict[int, TransportResult] = {}
    last: TransportResult | None = None
    options = {
        "max_iterations": max_iterations, "memory_budget_mb": memory_budget_mb, "progress": progress,
        "should_stop": should_stop, "executor": executor,
    }  # fmt: skip
    for place in order:
        if last is None or last.status == "stopped":
            last = solve(x, y, epsilons[place], a, b, cost=cost, tolerance=tolerance, **options)  # type: ignore[arg-type]
        else:
            last = resolve(last, epsilons[place], tolerance=tolerance, **options)  # type: ignore[arg-type]
        found[place] = last
    if last is not None:
        last.plan.reusable.scratch.held = None
    return tuple(found[place] for place in range(len(epsilons)))


def mean_cost(x: ArrayLike, y: ArrayLike, cost: str = "euclidean") -> float:
    """The exact mean cost over all pairs, worked out in chunks.

    Parameters
    ----------
    x, y
        Points, ``(n, T)`` and ``(m, T)``.
    cost
        ``euclidean`` or ``sqeuclidean``.
    """
    question = ask(x, y, None, None, cost)
    if cost == "sqeuclidean":
        # E|x − y|² = E|x|² + E|y|² + |mean x − mean y|²; clouds are centred each, offsets carry the rest
        return float(
            (question.x**2).sum(1).mean() + (question.y**2).sum(1).mean() + question.offset_x.mean()
            + question.offset_y.mean()
        )  # fmt: skip
    return full_pass.mean_cost(question.problem)


def _run(
    progress: Progress, should_stop: Callable[[], bool] | None, executor: Executor | None, megabytes: float, seed: int
) -> Run:
    budget = int(positive(megabytes, "memory_budget_mb") * 1e6)
    return Run(Watch(progress, should_stop), executor, budget, seed)


def _from_potentials(
    problem: Problem, g: Array, epsilon: float, tolerance: float, max_iterations: int, run: Run, schedule: Schedule
) -> Outcome:
    f = full_pass.soft_transform(problem, g, epsilon, run)
    g = full_pass.soft_transform(problem.transposed, f, epsilon, run)
    return finish.finish(problem, State(f, g, epsilon), epsilon, tolerance, max_iterations, run, schedule)


def _result(
    question: Question, outcome: Outcome, epsilon: float, tolerance: float, run: Run, began: float
) -> TransportResult:
    return result_of(
        question,
        outcome,
        epsilon,
        tolerance,
        iterations=run.tally.iterations,
        full_passes=run.tally.full_passes,
        seconds=time.perf_counter() - began,
    )


def result_of(
    question: Question,
    outcome: Outcome,
    epsilon: float,
    tolerance: float,
    *,
    iterations: int,
    full_passes: int,
    seconds: float,
) -> TransportResult:
    """The answer to a question, from where a solve of its problem ended."""
    f, g = np.zeros(question.a.size), np.zeros(question.b.size)
    f[question.sources], g[question.targets] = outcome.f, outcome.g
    if not question.is_whole:
        _extend(question, outcome, f, g, epsilon)
    f, g = f + question.offset_x, g + question.offset_y
    for array in (f, g):
        array.flags.writeable = False
    status: SolveStatus = outcome.status  # type: ignore[assignment]
    known = question.problem, outcome.f, outcome.g, epsilon
    return TransportResult(
        f=f,
        g=g,
        a=question.a,
        b=question.b,
        epsilon=epsilon,
        status=status,
        row_error=outcome.row_error,
        column_error=outcome.column_error,
        dropped_mass=outcome.dropped,
        tolerance=tolerance,
        iterations=iterations,
        full_passes=full_passes,
        seconds=seconds,
        path=outcome.path,
        question=question,
        plan=TiledPlan(*known) if outcome.support is None else SupportPlan(*known, outcome.support),
    )


def _extend(question: Question, outcome: Outcome, f: Array, g: Array, epsilon: float) -> None:
    """Potentials of cells without weight, by a soft c-transform, where they would be with a little; in place."""
    problem, geometry = question.problem, question.problem.geometry
    run = _run(silent, None, None, _MEMORY_MB, 0)
    sides = (
        (f, question.x, question.a, geometry.y, problem.b, outcome.g),
        (g, question.y, question.b, geometry.x, problem.a, outcome.f),
    )
    for potentials, points, weights, others, masses, theirs in sides:
        idle = np.flatnonzero(weights == 0)
        if idle.size:
            some = Geometry(np.ascontiguousarray(points[idle]), others, geometry.squared)
            side = Problem(some, np.full(idle.size, 1 / idle.size), masses)
            potentials[idle] = full_pass.soft_transform(side, theirs, epsilon, run)
