"""Many problems at once: small ones in batches of one compiled call each, large ones one by one, largest first."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.base.progress import Event, silent
from psmatch_core.transport.batch import small
from psmatch_core.transport.cancellation import ProgressMonitor, StopRequested
from psmatch_core.transport.context import PassCounts, SolveContext
from psmatch_core.transport.entropic.outcome import SolveOutcome, to_result
from psmatch_core.transport.entropic.solve import solve_prepared
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions, require_positive
from psmatch_core.transport.problem import Potentials
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import PreparedProblem, prepare_problem

# Up to this many pairs, 256 × 256, a problem is cheaper dense in one compiled call.
_SMALL_PAIRS = 65_536
# Pairs in one batch: about 0.2 s of work, so that a solve stops promptly.
_BATCH_PAIRS = 2_500_000
_OVERHEAD_PAIRS = 500  # what a problem costs besides its pairs, in pairs
_SINGLE_ABOVE = 2e-5  # tolerance from which a kernel in float32 suffices

Group = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None]
_Call = tuple[list[int], Callable[..., Any], tuple[Any, ...]]  # groups, function, arguments


def solve_many(
    groups: Sequence[Group],
    epsilon: float | Sequence[float],
    *,
    cost: str = "euclidean",
    options: SolveOptions = DEFAULT_OPTIONS,
) -> tuple[TransportResult, ...]:
    """Solve each group on its own; the results are those of :func:`solve` to within the tolerance.

    Parameters
    ----------
    groups
        ``(x, y)`` or ``(x, y, a, b)`` each, of any size.
    epsilon
        Regularisation, units of cost: one for all groups, or one per group.
    cost, options
        As in :func:`solve`. An executor runs batches of small groups and single large ones, largest first.

    Raises
    ------
    PsmatchError
        If the points or weights of a group are not valid; no group is solved then.
    """
    prepared = [_prepare(group, cost) for group in groups]
    epsilons = np.broadcast_to(np.asarray(epsilon, dtype=np.float64), (len(prepared),))
    for value in epsilons:
        require_positive(float(value), "epsilon")
    monitor = ProgressMonitor(options.progress, options.should_stop)
    # here a large group reports by itself; in a worker it cannot, and the loop below does
    alone = options if options.executor is None else replace(options, progress=silent, should_stop=None, executor=None)
    n_groups = max(len(prepared), 1)
    results: dict[int, TransportResult] = {}
    try:
        for members, found in _run_calls(_plan_calls(prepared, epsilons, alone), options.executor, monitor):
            if isinstance(found, TransportResult):
                results[members[0]] = found
                continue
            for k, one in zip(members, found, strict=True):
                done = _batch_result(prepared[k], one, float(epsilons[k]), options)
                left = options.max_iterations - done.iterations
                if done.converged or left < 1:
                    results[k] = done
                else:
                    again = solve_prepared(prepared[k], float(epsilons[k]), replace(alone, max_iterations=left))
                    results[k] = replace(again, iterations=again.iterations + done.iterations)
            monitor.fraction = len(results) / n_groups
    except StopRequested:
        pass
    for k, problem in enumerate(prepared):
        if k not in results:
            context = SolveContext.start(options)
            outcome = SolveOutcome.stopped(*map(np.zeros, problem.problem.shape))
            results[k] = to_result(problem, outcome, float(epsilons[k]), context, seconds=0.0)
    options.progress(Event("transport", len(results) / n_groups))
    return tuple(results[k] for k in range(len(prepared)))


def _prepare(group: Group, cost: str) -> PreparedProblem:
    x, y, *weights = group
    a, b = weights if weights else (None, None)
    return prepare_problem(x, y, a=a, b=b, cost=cost)


def _plan_calls(prepared: Sequence[PreparedProblem], epsilons: Array, options: SolveOptions) -> list[_Call]:
    """Large groups one by one, largest first, then batches of small ones."""
    n_pairs = [problem.problem.geometry.n_pairs for problem in prepared]
    inner = np.array([each.inner_epsilon(float(epsilon)) for each, epsilon in zip(prepared, epsilons, strict=True)])
    is_small = [
        pairs <= _SMALL_PAIRS and problem.problem.geometry.scale > 0 and problem.problem.geometry.is_resolved(epsilon)
        for pairs, problem, epsilon in zip(n_pairs, prepared, inner, strict=True)
    ]
    order = sorted(range(len(prepared)), key=lambda k: -n_pairs[k])
    calls: list[_Call] = [
        ([k], solve_prepared, (prepared[k], float(epsilons[k]), options)) for k in order if not is_small[k]
    ]
    for members in _batches([k for k in order if is_small[k]], prepared):
        batch = _Batch.join([prepared[k] for k in members], inner[members])
        calls.append((members, _solve_batch, (batch, options.tolerance, options.max_iterations)))
    return calls


def _batches(members: list[int], prepared: Sequence[PreparedProblem]) -> list[list[int]]:
    """Groups with the same number of coordinates together, in batches of limited work."""
    batches: list[list[int]] = []
    work = 0
    for k in sorted(members, key=lambda k: prepared[k].x.shape[1]):
        pairs = prepared[k].problem.geometry.n_pairs + _OVERHEAD_PAIRS
        is_new = not batches or prepared[batches[-1][0]].x.shape[1] != prepared[k].x.shape[1]
        if is_new or work + pairs > _BATCH_PAIRS:
            batches.append([])
            work = 0
        batches[-1].append(k)
        work += pairs
    return batches


@dataclass(frozen=True, eq=False)
class _Batch:
    """Small problems one after the other; problem k has rows starts[k] to starts[k + 1] on each side."""

    x: Array
    y: Array
    a: Array
    b: Array
    starts_x: NDArray[np.int64]
    starts_y: NDArray[np.int64]
    epsilons: Array
    squared: bool

    @classmethod
    def join(cls, prepared: Sequence[PreparedProblem], epsilons: Array) -> _Batch:
        problems = [each.problem for each in prepared]
        starts = [np.cumsum([0, *(problem.shape[side] for problem in problems)]).astype(np.int64) for side in (0, 1)]
        return cls(
            np.concatenate([problem.geometry.x for problem in problems]),
            np.concatenate([problem.geometry.y for problem in problems]),
            np.concatenate([problem.a for problem in problems]),
            np.concatenate([problem.b for problem in problems]),
            starts[0],
            starts[1],
            epsilons,
            problems[0].geometry.squared,
        )


@dataclass(frozen=True, eq=False)
class _Solved:
    """Potentials of one problem of a batch, their measured error, kernel passes and wall time."""

    f: Array
    g: Array
    error: float
    passes: int
    seconds: float


def _solve_batch(batch: _Batch, tolerance: float, max_iterations: int) -> list[_Solved]:
    """Solve a batch in one compiled call."""
    started = time.perf_counter()
    is_single = tolerance >= _SINGLE_ABOVE
    rounding = 2e-6 if is_single else 1e-12
    n_groups = batch.epsilons.size
    f, g = np.empty(batch.a.size), np.empty(batch.b.size)
    errors, passes = np.empty(n_groups), np.empty(n_groups, dtype=np.int64)
    small.solve_groups(
        batch.x, batch.y, batch.a, batch.b, batch.starts_x, batch.starts_y, batch.epsilons, batch.squared,
        0.8 * (tolerance - rounding), max_iterations, np.empty(0, dtype=np.float32 if is_single else np.float64),
        f, g, errors, passes,
    )  # fmt: skip
    seconds = (time.perf_counter() - started) / n_groups
    return [
        _Solved(
            f[batch.starts_x[k] : batch.starts_x[k + 1]],
            g[batch.starts_y[k] : batch.starts_y[k + 1]],
            float(errors[k]),
            int(passes[k]),
            seconds,
        )
        for k in range(n_groups)
    ]


def _batch_result(prepared: PreparedProblem, one: _Solved, epsilon: float, options: SolveOptions) -> TransportResult:
    potentials = Potentials(one.f, one.g, prepared.inner_epsilon(epsilon))
    rounding = full_pass.rounding_error(prepared.problem, potentials, 0.0)
    error = one.error + rounding
    status = SolveStatus.from_error(rounding + error, options.tolerance)
    outcome = SolveOutcome(one.f, one.g, rounding, error, 0.0, None, SolvePath.DENSE, status)
    monitor = ProgressMonitor(options.progress, options.should_stop)
    context = SolveContext(options, monitor, PassCounts(iterations=one.passes))
    return to_result(prepared, outcome, epsilon, context, seconds=one.seconds)


def _run_calls(
    calls: Sequence[_Call], executor: concurrent.futures.Executor | None, monitor: ProgressMonitor
) -> Iterator[tuple[list[int], Any]]:
    """(groups, result) of each call: in order here, or as they come from an executor."""
    if executor is None:
        for members, function, arguments in calls:
            monitor.check()
            yield members, function(*arguments)
        return
    futures = {executor.submit(function, *arguments): members for members, function, arguments in calls}
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = concurrent.futures.wait(waiting, timeout=0.1)
            monitor.check()
            for future in done:
                yield futures[future], future.result()
    finally:
        for future in waiting:
            future.cancel()
