"""Entropic transport between two clouds of points: one epsilon, a neighbouring one, or a whole path of them."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.anneal import anneal
from psmatch_core.transport.entropic.dense_step import find_dense_reference
from psmatch_core.transport.entropic.epsilon_step import find_wide_support, step_epsilon
from psmatch_core.transport.entropic.outcome import to_result
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels.full_pass import mean_pair_cost
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions, require_positive
from psmatch_core.transport.plan import SupportPlan
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import PreparedProblem, prepare_problem


def solve(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    *,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    cost: str = "euclidean",
    options: SolveOptions = DEFAULT_OPTIONS,
) -> TransportResult:
    """The plan that moves source cells onto target cells at a low cost and with some spread.

    Minimises ⟨C, P⟩ + epsilon KL(P | a bᵀ) over the plans with marginals a and b, to a certified error of the
    marginals. Never stores n × m numbers unless they fit the memory budget.

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
    options
        Accuracy, limits, progress and schedule.

    Raises
    ------
    PsmatchError
        If points, weights or epsilon are not valid.
    """
    require_positive(epsilon, "epsilon")
    return solve_prepared(prepare_problem(x, y, a=a, b=b, cost=cost), epsilon, options)


def solve_prepared(prepared: PreparedProblem, epsilon: float, options: SolveOptions) -> TransportResult:
    """:func:`solve` for a problem that is checked already."""
    context = SolveContext.start(options)
    return to_result(prepared, anneal(prepared.problem, prepared.inner_epsilon(epsilon), context), epsilon, context)


def resolve(result: TransportResult, epsilon: float, *, options: SolveOptions | None = None) -> TransportResult:
    """The same problem at another epsilon, from the potentials and the support of a result.

    If the plan is dense, the new result keeps the memory of its kernel, within the budget, for the next step; the
    previous result gives it up.

    Parameters
    ----------
    result
        A solved problem.
    epsilon
        The new regularisation, units of cost.
    options
        As in :func:`solve`; the defaults with the tolerance of the result if None.
    """
    require_positive(epsilon, "epsilon")
    plan = result.plan
    reusable = plan.reusable
    context = SolveContext.start(options or SolveOptions(result.tolerance), buffer=reusable.buffer.hand_over())
    if not reusable.is_searched:
        reusable.wide_support = find_wide_support(plan.problem, plan.potentials, context)
        if reusable.wide_support is None and result.converged:
            reusable.dense_reference = find_dense_reference(plan.problem, plan.potentials, context)
        reusable.is_searched = True
    support = plan.support if isinstance(plan, SupportPlan) else None
    state = SolveState(
        plan.potentials.f, plan.potentials.g, plan.potentials.epsilon, support=support, is_solved=result.converged
    )
    inner = result.prepared.inner_epsilon(epsilon)
    wide, dense = reusable.wide_support, reusable.dense_reference
    outcome = step_epsilon(plan.problem, state, inner, context, wide=wide, dense=dense)
    found = to_result(result.prepared, outcome, epsilon, context)
    found.plan.reusable.buffer = context.buffer
    if outcome.path == SolvePath.SPARSE_STEP:  # the next step starts from the same wide support
        found.plan.reusable.wide_support, found.plan.reusable.is_searched = wide, True
    if outcome.path == SolvePath.DENSE_STEP:
        found.plan.reusable.dense_reference, found.plan.reusable.is_searched = dense, True
    return found


def solve_path(
    x: ArrayLike,
    y: ArrayLike,
    epsilons: Sequence[float],
    *,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    cost: str = "euclidean",
    options: SolveOptions = DEFAULT_OPTIONS,
) -> tuple[TransportResult, ...]:
    """The same problem at many epsilons, from the largest to the smallest, each from the one before.

    Parameters are those of :func:`solve`; results come in the order of ``epsilons``, units of cost.
    """
    found: dict[int, TransportResult] = {}
    last: TransportResult | None = None
    for place in sorted(range(len(epsilons)), key=lambda place: -epsilons[place]):
        if last is None or last.status == SolveStatus.STOPPED:
            last = solve(x, y, epsilons[place], a=a, b=b, cost=cost, options=options)
        else:
            last = resolve(last, epsilons[place], options=options)
        found[place] = last
    for result in found.values():
        result.plan.reusable.release_matrices()
    return tuple(found[place] for place in range(len(epsilons)))


def mean_cost(x: ArrayLike, y: ArrayLike, cost: str = "euclidean") -> float:
    """The exact mean cost over all pairs, computed in chunks.

    Parameters
    ----------
    x, y
        Points, ``(n, T)`` and ``(m, T)``.
    cost
        ``euclidean`` or ``sqeuclidean``.
    """
    prepared = prepare_problem(x, y, cost=cost)
    if cost == "sqeuclidean":
        # E|x − y|² = E|x|² + E|y|² + |mean x − mean y|²; each cloud is centred and the offsets hold the rest
        moments = (prepared.x**2).sum(1).mean() + (prepared.y**2).sum(1).mean()
        return float(prepared.unit * moments + prepared.offset_x.mean() + prepared.offset_y.mean())
    return prepared.unit * mean_pair_cost(prepared.problem)
