"""Exact transport between clouds with uniform weights: an assignment where the sides are equal, a plan where not.

The entropic solve at a small epsilon says which pairs can matter and gives potentials that are nearly right; the
exact problem is then solved on those pairs alone. A pass over all pairs tells whether a pair left out would pay: its
reduced cost is then negative. Such pairs join and the solve goes on from where it was, until the gap between the
plan's cost and the dual bound, which holds for all pairs, is as small as asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.transport.cancellation import Stopped, Watch
from psmatch_core.transport.entropic import anneal
from psmatch_core.transport.entropic.schedule import Schedule, sampled_mean_cost
from psmatch_core.transport.exact import flow
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Executor, Problem, Run
from psmatch_core.transport.result import SolveStatus
from psmatch_core.transport.validation import Question, ask, positive

# Entropic start, in mean costs: lower leaves fewer paths to find and costs more iterations.
_START = 0.002
_START_TOLERANCE = 0.02
# Pairs that join: reduced cost up to this many of the start's epsilon.
_REACH = 8.0
_EDGES = 20_000_000  # looked at in one compiled call: some 0.2 s


@dataclass(frozen=True, eq=False)
class ExactResult:
    """An optimal plan, or one with a known distance from it.

    Parameters
    ----------
    matrix
        The plan, sparse ``(n, m)``, rows summing to 1 / n and columns to 1 / m.
    f, g
        Potentials with ``f_i + g_j ≤ C_ij`` for all pairs, ``(n,)`` and ``(m,)``, units of cost.
    cost
        ``⟨P, C⟩``, units of cost.
    gap
        The cost less the dual value: no plan is cheaper than ``cost − gap``.
    status
        ``converged`` where the gap is as small as asked for.
    rounds
        Times pairs had to join.
    seconds
        Wall time.
    """

    matrix: sparse.csr_matrix
    f: Array
    g: Array
    cost: float
    gap: float
    status: SolveStatus
    rounds: int
    seconds: float

    @property
    def converged(self) -> bool:
        return self.status == "converged"

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the cost; 0 where both are nothing."""
        return self.gap / self.cost if self.cost > 0 else 0.0

    @cached_property
    def matches(self) -> NDArray[np.int64]:
        """The target that holds most of every source's mass, ``(n,)``; the permutation where n = m."""
        best = np.asarray(self.matrix.argmax(axis=1)).ravel()
        return best.astype(np.int64)

    def pull(self, values: ArrayLike) -> Array:
        """``P values``: features of targets ``(m, d)`` summed at the sources by mass."""
        return np.asarray(self.matrix @ np.asarray(values, dtype=np.float64))

    def push(self, values: ArrayLike) -> Array:
        """``Pᵀ values``: features of sources ``(n, d)`` summed at the targets by mass."""
        return np.asarray(self.matrix.T @ np.asarray(values, dtype=np.float64))


@dataclass
class _Flow:
    """Mass on a support, and what is left to send and to receive, in whole units."""

    support: Support
    amounts: Array
    supply: Array
    demand: Array
    f: Array
    g: Array


def assign(
    x: ArrayLike,
    y: ArrayLike,
    *,
    cost: str = "euclidean",
    gap: float = 1e-9,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> ExactResult:
    """The cheapest plan with uniform marginals: one partner each where n = m, shares of few where not.

    Parameters
    ----------
    x, y
        Points, ``(n, T)`` and ``(m, T)``.
    cost
        ``euclidean`` distance or its square, ``sqeuclidean``.
    gap
        Relative gap between cost and dual bound at which the plan counts as optimal.
    memory_budget_mb, seed, progress, should_stop, executor
        As in :func:`solve`.

    Raises
    ------
    PsmatchError
        Where points cannot be, or the pairs that matter do not fit the memory budget.
    """
    began = time.perf_counter()
    question = ask(x, y, None, None, cost)
    positive(gap, "gap")
    run = Run(Watch(progress, should_stop), executor, int(positive(memory_budget_mb, "memory_budget_mb") * 1e6), seed)
    problem = question.problem
    n, m = problem.shape
    units = math.lcm(n, m)
    scale = sampled_mean_cost(problem)
    state = _Flow(
        _empty(problem), np.zeros(0), np.full(n, float(units // n)), np.full(m, float(units // m)),
        np.zeros(n), np.zeros(m),
    )  # fmt: skip
    status: SolveStatus = "not converged"
    rounds = 0
    bound = -np.inf
    try:
        epsilon = _START * scale or 1.0
        start = anneal.anneal(problem, epsilon, _START_TOLERANCE, 3000, run, Schedule())
        if start.status == "stopped":
            raise Stopped
        state.f, state.g = start.f.copy(), start.g.copy()
        reach = _REACH * epsilon
        for rounds in range(1, 60):
            run.watch.stage(0.5 + 0.5 * rounds / (rounds + 3), f"exact, round {rounds}")
            found = _pairs(problem, state.f, state.g, reach, epsilon, run)
            lowered = _least(found, state.f, state.g)
            bound = float((state.f + np.minimum(lowered, 0)).mean() + state.g.mean())
            if rounds > 1 and not state.supply.any():
                paid = _cost(state, units)
                if paid - bound <= gap * max(paid, 1e-300) + 1e-13 * (problem.geometry.scale + epsilon):
                    state.f += np.minimum(lowered, 0)
                    status = "converged"
                    break
            _move(state, found)
            if not _send(state, run):
                reach *= 3
    except Stopped:
        status = "stopped"
    offset = float(question.offset_x.mean() + question.offset_y.mean())
    complete = not state.supply.any()
    paid = _cost(state, units) if complete else np.inf
    return _answer(question, state, units, paid + offset, paid - bound, status, rounds, time.perf_counter() - began)


def _answer(
    question: Question, state: _Flow, units: int, cost: float, gap: float, status: SolveStatus, rounds: int,
    seconds: float,
) -> ExactResult:  # fmt: skip
    in_use = np.flatnonzero(state.amounts > 0)
    rows = np.repeat(np.arange(state.f.size), np.diff(state.support.indptr))[in_use]
    columns = state.support.indices[in_use]
    placed = question.sources[rows], question.targets[columns]
    used = sparse.csr_matrix((state.amounts[in_use] / units, placed), shape=question.shape)
    f, g = question.offset_x.copy(), question.offset_y.copy()
    f[question.sources] += state.f
    g[question.targets] += state.g
    return ExactResult(used, f, g, cost, gap, status, rounds, seconds)


def _empty(problem: Problem) -> Support:
    n, m = problem.shape
    return Support(
        np.zeros(n + 1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros(n), np.zeros(m), 1.0, 0.0,
        np.zeros(n),
    )  # fmt: skip


def _pairs(problem: Problem, f: Array, g: Array, reach: float, epsilon: float, run: Run) -> Support:
    """All pairs with reduced cost under ``reach`` at these potentials, exact to float64."""
    # a pair is kept where (f + g − C) / epsilon > −theta − max(log a, log b)
    theta = reach / epsilon - max(float(problem.log_a.max()), float(problem.log_b.max()))
    limit = run.memory_budget // 32
    found = full_pass.find_support(problem, f, g, epsilon, theta, run, exact=True, limit=limit)
    if found is None:
        raise PsmatchError(
            f"Exact matching of {problem.shape[0]:,} × {problem.shape[1]:,} cells needs more than "
            f"{limit:,} candidate pairs, which the memory budget does not hold.",
            hint="Raise the memory budget, or match with a small epsilon instead.",
        )
    return found


def _costs(support: Support) -> Array:
    """Costs of the entries, float64."""
    rows = np.repeat(np.arange(support.f.size), np.diff(support.indptr))
    return np.asarray(support.reduced + support.f[rows] + support.g[support.indices])


def _least(support: Support, f: Array, g: Array) -> Array:
    """Smallest reduced cost of every row at the support's own potentials; infinite for an empty one."""
    out = np.full(f.size, np.inf)
    some = np.diff(support.indptr) > 0
    if support.reduced.size:
        out[some] = np.minimum.reduceat(support.reduced, support.indptr[:-1][some])
    return out


def _cost(state: _Flow, units: int) -> float:
    return float(state.amounts @ _costs(state.support)) / units


def _move(state: _Flow, found: Support) -> None:
    """Take the flow over to a new support; entries in use that it lacks join it."""
    shape = (state.f.size, state.g.size)
    old = state.support
    in_use = np.flatnonzero(state.amounts > 0)
    rows = np.repeat(np.arange(shape[0]), np.diff(old.indptr))[in_use]
    old_keys = rows * shape[1] + old.indices[in_use].astype(np.int64)
    new_rows = np.repeat(np.arange(shape[0]), np.diff(found.indptr))
    new_keys = new_rows * shape[1] + found.indices.astype(np.int64)
    lacking = ~np.isin(old_keys, new_keys)
    if lacking.any():
        costs = np.concatenate([_costs(found), _costs(old)[in_use[lacking]]])
        keys = np.concatenate([new_keys, old_keys[lacking]])
        order = np.argsort(keys, kind="stable")
        keys, costs = keys[order], costs[order]
        rows, columns = keys // shape[1], (keys % shape[1]).astype(np.int32)
        indptr = np.zeros(shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=shape[0]), out=indptr[1:])
        reduced = costs - found.f[rows] - found.g[columns]
        found = Support(indptr, columns, reduced, found.f, found.g, found.epsilon, found.theta, found.dropped)
        new_keys = keys
    amounts = np.zeros(new_keys.size)
    amounts[np.searchsorted(new_keys, old_keys)] = state.amounts[in_use]
    state.support, state.amounts = found, amounts


def _send(state: _Flow, run: Run) -> bool:
    """Send all that is left along shortest paths; False where this support cannot carry it."""
    support = state.support
    rows = np.repeat(np.arange(state.f.size, dtype=np.int32), np.diff(support.indptr))
    order = np.argsort(support.indices, kind="stable")
    starts = np.zeros(state.g.size + 1, dtype=np.int64)
    np.cumsum(np.bincount(support.indices, minlength=state.g.size), out=starts[1:])
    # reduced costs at the support's potentials serve as costs, so that small differences keep their digits
    f, g = state.f - support.f, state.g - support.g
    costs = np.asarray(support.reduced, dtype=np.float64)
    flow.tighten(support.indptr, support.unsigned, costs, f, g, state.amounts, state.supply, state.demand)
    row = 0
    while 0 <= row < f.size:
        run.watch.look()
        row = flow.send(
            support.indptr, support.unsigned, costs, starts, order, rows, f, g,
            state.amounts, state.supply, state.demand, row, _EDGES,
        )  # fmt: skip
    state.f, state.g = f + support.f, g + support.g
    return row >= 0
