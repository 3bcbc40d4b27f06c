"""Many labels at once: small ones in batches of one compiled call each, large ones one by one, largest first."""

from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.transport.batch import small
from psmatch_core.transport.cancellation import Stopped, Watch
from psmatch_core.transport.entropic.finish import Outcome
from psmatch_core.transport.entropic.solve import result_of, solve
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.problem import Executor
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.validation import Question, ask, positive

# Up to this many pairs a label is cheaper dense in one compiled call: 256 × 256.
_SMALL_PAIRS = 65_536
# Pairs in one batch: some 0.2 s of work, so that a stop is obeyed in time.
_BATCH_PAIRS = 2_500_000

Group = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None]


def solve_many(
    groups: Sequence[Group],
    epsilon: float | Sequence[float],
    *,
    cost: str = "euclidean",
    tolerance: float = 1e-3,
    max_iterations: int = 10_000,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> tuple[TransportResult, ...]:
    """Solve every group for itself; what comes back is what :func:`solve` gives for each, to the tolerance.

    Parameters
    ----------
    groups
        ``(x, y)`` or ``(x, y, a, b)`` each; any sizes, one number of coordinates within a group.
    epsilon
        Regularisation, units of cost: one for all or one a group.
    cost, tolerance, max_iterations, memory_budget_mb, seed, progress, should_stop
        As in :func:`solve`.
    executor
        Where batches of small groups and single large ones are worked out, largest first; here if None.

    Raises
    ------
    PsmatchError
        Where a group's points or weights cannot be: before any is solved.
    """
    questions = [ask(*_filled(group), cost) for group in groups]
    epsilons = np.broadcast_to(np.asarray(epsilon, dtype=np.float64), (len(questions),))
    for value in epsilons:
        positive(float(value), "epsilon")
    positive(tolerance, "tolerance")
    watch = Watch(progress, should_stop)
    results: dict[int, TransportResult] = {}
    is_small = [question.problem.geometry.n_pairs <= _SMALL_PAIRS for question in questions]
    order = sorted(range(len(questions)), key=lambda k: -questions[k].problem.geometry.n_pairs)
    options = {
        "cost": cost, "tolerance": tolerance, "max_iterations": max_iterations,
        "memory_budget_mb": memory_budget_mb, "seed": seed,
    }  # fmt: skip

    # here a large group reports for itself; in a worker it cannot, and this loop does
    single: Callable[..., TransportResult] = _solve_one
    if executor is None:
        single = functools.partial(_solve_one, progress=progress, should_stop=should_stop)

    batches = _batches([k for k in order if is_small[k]], questions)
    jobs: list[tuple[list[int], Callable[..., Any], tuple[Any, ...]]] = []
    for k in order:
        if not is_small[k]:
            jobs.append(([k], single, (_filled(groups[k]), float(epsilons[k]), options)))
    jobs.extend(
        (batch, _solve_batch, _batch_arguments(batch, questions, epsilons, cost, tolerance, max_iterations))
        for batch in batches
    )
    try:
        for members, outcome in _carried_out(jobs, executor, watch):
            if isinstance(outcome, TransportResult):
                results[members[0]] = outcome
                continue
            for k, (f, g, error, passes, seconds) in zip(members, outcome, strict=True):
                if error > tolerance:
                    results[k] = single(_filled(groups[k]), float(epsilons[k]), options)
                    continue
                results[k] = result_of(
                    questions[k],
                    Outcome(f, g, 0.0, error, 0.0, None, "dense", "converged"),
                    float(epsilons[k]),
                    tolerance,
                    iterations=passes,
                    full_passes=0,
                    seconds=seconds,
                )
            watch.fraction = len(results) / max(len(questions), 1)
    except Stopped:
        pass
    for k, question in enumerate(questions):
        if k not in results:
            nothing = Outcome(
                np.zeros(question.problem.a.size), np.zeros(question.problem.b.size), np.inf, np.inf, np.inf, None,
                "", "stopped",
            )  # fmt: skip
            results[k] = result_of(
                question, nothing, float(epsilons[k]), tolerance, iterations=0, full_passes=0, seconds=0.0
            )
    progress(Event("transport", len(results) / max(len(questions), 1)))
    return tuple(results[k] for k in range(len(questions)))


def _filled(group: Group) -> tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None]:
    x, y, *weights = group
    a, b = weights if weights else (None, None)
    return x, y, a, b


def _batches(members: list[int], questions: Sequence[Question]) -> list[list[int]]:
    """Groups in order, cut where a batch holds enough work; groups of one number of coordinates together."""
    batches: list[list[int]] = []
    work = 0
    for k in sorted(members, key=lambda k: questions[k].x.shape[1]):
        pairs = questions[k].problem.geometry.n_pairs + 500
        new = not batches or questions[batches[-1][0]].x.shape[1] != questions[k].x.shape[1]
        if new or work + pairs > _BATCH_PAIRS:
            batches.append([])
            work = 0
        batches[-1].append(k)
        work += pairs
    return batches


def _batch_arguments(
    batch: list[int],
    questions: Sequence[Question],
    epsilons: Array,
    cost: str,
    tolerance: float,
    max_iterations: int,
) -> tuple[Any, ...]:
    problems = [questions[k].problem for k in batch]
    starts = [np.cumsum([0, *(problem.shape[side] for problem in problems)]).astype(np.int64) for side in (0, 1)]
    return (
        np.concatenate([problem.geometry.x for problem in problems]),
        np.concatenate([problem.geometry.y for problem in problems]),
        np.concatenate([problem.a for problem in problems]),
        np.concatenate([problem.b for problem in problems]),
        *starts,
        np.array([epsilons[k] for k in batch]),
        cost == "sqeuclidean",
        tolerance,
        max_iterations,
    )


def _solve_batch(
    x: Array, y: Array, a: Array, b: Array, starts_x: Any, starts_y: Any, epsilons: Array, squared: bool,
    tolerance: float, max_iterations: int,
) -> list[tuple[Array, Array, float, int, float]]:  # fmt: skip
    """One compiled call for a batch; (f, g, error, passes, seconds) a group."""
    began = time.perf_counter()
    single = tolerance >= 2e-5
    rounding = 2e-6 if single else 1e-12
    f, g = np.empty(a.size), np.empty(b.size)
    errors, passes = np.empty(epsilons.size), np.empty(epsilons.size, dtype=np.int64)
    small.solve_groups(
        x, y, a, b, starts_x, starts_y, epsilons, squared, 0.8 * (tolerance - rounding), max_iterations,
        np.empty(0, dtype=np.float32 if single else np.float64), f, g, errors, passes,
    )  # fmt: skip
    share = (time.perf_counter() - began) / epsilons.size
    return [
        (
            f[starts_x[k] : starts_x[k + 1]],
            g[starts_y[k] : starts_y[k + 1]],
            float(errors[k]) + rounding,
            int(passes[k]),
            share,
        )
        for k in range(epsilons.size)
    ]


def _solve_one(group: Group, epsilon: float, options: dict[str, Any], **watching: Any) -> TransportResult:
    x, y, a, b = _filled(group)
    return solve(x, y, epsilon, a, b, **options, **watching)


def _carried_out(
    jobs: list[tuple[list[int], Callable[..., Any], tuple[Any, ...]]], executor: Executor | None, watch: Watch
) -> Any:
    """Results of the jobs as (members, result): in order here, as they come from an executor."""
    if executor is None:
        for members, function, arguments in jobs:
            watch.look()
            yield members, function(*arguments)
        return
    futures = {executor.submit(function, *arguments): members for members, function, arguments in jobs}
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = concurrent.futures.wait(waiting, timeout=0.1)
            watch.look()
            for future in done:
                yield futures[future], future.result()
    finally:
        for future in waiting:
            future.cancel()
