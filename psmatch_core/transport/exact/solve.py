"""Exact transport between clouds with uniform weights: an assignment if the sides are equal, otherwise a plan.

The entropic solve at a small epsilon shows which pairs can matter and gives potentials that are nearly right; the exact
problem is then solved on these pairs alone. A pass over all pairs shows whether a pair that was left out would lower
the cost: its reduced cost is then negative. Such pairs are added and the solve continues, until the gap between the
cost of the plan and the dual bound, which holds for all pairs, is as small as required.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from psmatch_core.base.arrays import Array
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.rowwise import SparsePlan
from psmatch_core.transport.cancellation import StopRequested
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.anneal import anneal
from psmatch_core.transport.entropic.schedule import sampled_mean_cost
from psmatch_core.transport.exact import flow
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions, require_positive
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.status import SolveStatus
from psmatch_core.transport.validation import PreparedProblem, prepare_problem

# Epsilon of the entropic start, in mean costs: a lower one leaves fewer paths to find and needs more iterations.
_START_EPSILON = 0.002
_START_TOLERANCE = 0.02
_START_ITERATIONS = 3000
# A pair is a candidate if its reduced cost is below this many times the epsilon of the start.
_REACH = 8.0
_ROUNDS = 60
_EDGES_PER_CALL = 20_000_000  # about 0.2 s
_PAIR_BYTES = 32


@dataclass(frozen=True, eq=False)
class ExactResult(SparsePlan):
    """An optimal plan, or one whose cost is at most a known gap above the optimum.

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
        Converged if the gap is as small as required.
    rounds
        Number of rounds of candidate pairs.
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
        return self.status == SolveStatus.CONVERGED

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the cost; 0 if both are 0."""
        return self.gap / self.cost if self.cost > 0 else 0.0

    @cached_property
    def matches(self) -> NDArray[np.int64]:
        """The target with most of each source's mass, ``(n,)``; the permutation if n = m."""
        best = np.asarray(self.matrix.argmax(axis=1)).ravel()
        return best.astype(np.int64)

    def to_csr(self) -> sparse.csr_matrix:
        return self.matrix


@dataclass
class _Flow:
    """Mass on a support, what remains to be sent and received in whole units, and the potentials."""

    support: Support
    amounts: Array
    supply: Array
    demand: Array
    f: Array
    g: Array

    @classmethod
    def empty(cls, n: int, m: int, units: int) -> _Flow:
        """No mass sent yet, on a support without entries."""
        pointers, indices = np.zeros(n + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        reference = Potentials(np.zeros(n), np.zeros(m), 1.0)
        support = Support(pointers, indices, np.zeros(0), reference, 0.0, np.zeros(n))
        supply, demand = np.full(n, float(units // n)), np.full(m, float(units // m))
        return cls(support, np.zeros(0), supply, demand, np.zeros(n), np.zeros(m))

    @property
    def is_complete(self) -> bool:
        return not self.supply.any()

    def cost(self, units: int) -> float:
        """``⟨P, C⟩`` of the mass sent, units of cost."""
        return float(self.amounts @ self.support.costs()) / units


def assign(
    x: ArrayLike,
    y: ArrayLike,
    *,
    cost: str = "euclidean",
    gap: float = 1e-9,
    options: SolveOptions = DEFAULT_OPTIONS,
) -> ExactResult:
    """The cheapest plan with uniform marginals: one match per cell if n = m, otherwise shares of a few.

    Parameters
    ----------
    x, y
        Points, ``(n, T)`` and ``(m, T)``.
    cost
        ``euclidean`` distance or its square, ``sqeuclidean``.
    gap
        Relative gap between cost and dual bound at which the plan counts as optimal.
    options
        As in :func:`solve`; the gap takes the place of the tolerance and of the limit of iterations.

    Raises
    ------
    PsmatchError
        If points are not valid, or the candidate pairs do not fit the memory budget.
    """
    prepared = prepare_problem(x, y, cost=cost)
    require_positive(gap, "gap")
    context = SolveContext.start(options)
    problem = prepared.problem
    n, m = problem.shape
    units = math.lcm(n, m)
    state = _Flow.empty(n, m, units)
    status = SolveStatus.NOT_CONVERGED
    rounds, bound = 0, -np.inf
    try:
        epsilon = _START_EPSILON * sampled_mean_cost(problem) or 1.0
        state.f, state.g = _entropic_start(problem, epsilon, context)
        reach = _REACH * epsilon
        for rounds in range(1, _ROUNDS):
            context.monitor.start_stage(0.5 + 0.5 * rounds / (rounds + 3), f"exact, round {rounds}")
            candidates = _find_candidates(problem, Potentials(state.f, state.g, epsilon), reach, context)
            lowered = np.minimum(_smallest_reduced_costs(candidates), 0)
            bound = float((state.f + lowered).mean() + state.g.mean())
            if rounds > 1 and state.is_complete:
                paid = state.cost(units)
                if paid - bound <= gap * max(paid, 1e-300) + 1e-13 * (problem.geometry.scale + epsilon):
                    state.f += lowered
                    status = SolveStatus.CONVERGED
                    break
            _change_support(state, candidates)
            if not _send_all(state, context):
                reach *= 3
    except StopRequested:
        status = SolveStatus.STOPPED
    paid = state.cost(units) if state.is_complete else np.inf
    offset = float(prepared.offset_x.mean() + prepared.offset_y.mean())
    f, g = prepared.offset_x.copy(), prepared.offset_y.copy()
    f[prepared.sources] += prepared.unit * state.f
    g[prepared.targets] += prepared.unit * state.g
    matrix = _to_matrix(prepared, state, units)
    total, gap_left = prepared.unit * paid + offset, prepared.unit * (paid - bound)
    return ExactResult(matrix, f, g, total, gap_left, status, rounds, context.seconds)


def _entropic_start(problem: Problem, epsilon: float, context: SolveContext) -> tuple[Array, Array]:
    """Potentials of the entropic problem at a small epsilon."""
    options = replace(context.options, tolerance=_START_TOLERANCE, max_iterations=_START_ITERATIONS)
    start = anneal(problem, epsilon, replace(context, options=options, is_rough=True))
    if start.status == SolveStatus.STOPPED:
        raise StopRequested
    return start.f.copy(), start.g.copy()


def _to_matrix(prepared: PreparedProblem, state: _Flow, units: int) -> sparse.csr_matrix:
    """The plan between the given cells, in their order."""
    in_use = np.flatnonzero(state.amounts > 0)
    rows, columns = state.support.row_of_entry[in_use], state.support.indices[in_use]
    positions = prepared.sources[rows], prepared.targets[columns]
    return sparse.csr_matrix((state.amounts[in_use] / units, positions), shape=prepared.shape)


def _find_candidates(problem: Problem, potentials: Potentials, reach: float, context: SolveContext) -> Support:
    """All pairs with a reduced cost below ``reach`` at these potentials, exact in float64."""
    # a pair is kept if (f + g − C) / epsilon > −theta − max(log a, log b)
    theta = reach / potentials.epsilon - max(float(problem.log_a.max()), float(problem.log_b.max()))
    limit = context.options.memory_budget // _PAIR_BYTES
    found = full_pass.find_support(problem, potentials, theta, context, exact=True, limit=limit)
    if found is None:
        raise PsmatchError(
            f"Exact matching of {problem.shape[0]:,} × {problem.shape[1]:,} cells needs more than "
            f"{limit:,} candidate pairs, which exceeds the memory budget.",
            hint="Raise the memory budget, or use entropic matching with a small epsilon.",
        )
    return found


def _smallest_reduced_costs(support: Support) -> Array:
    """Smallest reduced cost of each row at the reference of the support; infinite for an empty row."""
    n_rows = support.indptr.size - 1
    out = np.full(n_rows, np.inf)
    some = np.diff(support.indptr) > 0
    if support.reduced.size:
        out[some] = np.minimum.reduceat(support.reduced, support.indptr[:-1][some])
    return out


def _change_support(state: _Flow, found: Support) -> None:
    """Move the flow to a new support, which also gets the entries in use that it lacks."""
    n, m = state.f.size, state.g.size
    old = state.support
    in_use = np.flatnonzero(state.amounts > 0)
    if not in_use.size:
        state.support, state.amounts = found, np.zeros(found.n_entries)
        return
    old_keys = old.row_of_entry[in_use] * m + old.indices[in_use].astype(np.int64)
    new_keys = found.row_of_entry * m + found.indices.astype(np.int64)
    lacking = ~np.isin(old_keys, new_keys)
    if lacking.any():
        costs = np.concatenate([found.costs(), old.costs()[in_use[lacking]]])
        keys = np.concatenate([new_keys, old_keys[lacking]])
        order = np.argsort(keys, kind="stable")
        new_keys, costs = keys[order], costs[order]
        rows, columns = new_keys // m, (new_keys % m).astype(np.int32)
        indptr = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
        reduced = costs - found.reference.f[rows] - found.reference.g[columns]
        found = replace(found, indptr=indptr, indices=columns, reduced=reduced)
    amounts = np.zeros(new_keys.size)
    amounts[np.searchsorted(new_keys, old_keys)] = state.amounts[in_use]
    state.support, state.amounts = found, amounts


def _send_all(state: _Flow, context: SolveContext) -> bool:
    """Send all that is left along shortest paths; False if this support cannot carry it."""
    support, n, m = state.support, state.f.size, state.g.size
    rows = support.row_of_entry.astype(np.int32)
    order = np.argsort(support.indices, kind="stable")
    starts = np.zeros(m + 1, dtype=np.int64)
    np.cumsum(np.bincount(support.indices, minlength=m), out=starts[1:])
    # reduced costs at the reference of the support serve as costs, so that small differences keep their digits
    f, g = state.f - support.reference.f, state.g - support.reference.g
    costs = np.asarray(support.reduced, dtype=np.float64)
    flow.make_feasible(support.indptr, support.unsigned, costs, f, g, state.amounts, state.supply, state.demand)
    row = 0
    while 0 <= row < n:
        context.monitor.check()
        row = flow.send_supplies(
            support.indptr, support.unsigned, costs, starts, order, rows, f, g,
            state.amounts, state.supply, state.demand, row, _EDGES_PER_CALL,
        )  # fmt: skip
    state.f, state.g = f + support.reference.f, g + support.reference.g
    return row >= 0
